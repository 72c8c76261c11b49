//! The floor: what a rollout costs when nothing is asked but the bucket. One xxh3 over bytes that are already
//! put together, one multiplication, one comparison.

use xxhash_rust::xxh3::xxh3_64;

use crate::{Caller, evaluators::FLAG};

/// A quarter of the buckets.
const SHARE: u64 = 25_000;

pub(crate) struct Floor {
    share: u64,
}

impl Floor {
    pub(crate) fn new() -> Self {
        Self {
            share: std::hint::black_box(SHARE),
        }
    }

    /// Salt, separator and id in one piece.
    pub(crate) fn subjects(&self, callers: &[Caller]) -> Vec<Box<[u8]>> {
        let salted = |caller: &Caller| [FLAG.as_bytes(), &[0], caller.tenant.as_bytes()].concat().into();
        callers.iter().map(salted).collect()
    }

    pub(crate) fn is_on(&self, subject: &[u8]) -> bool {
        let bucket = (u128::from(xxh3_64(subject)) * u128::from(rules::BUCKETS)) >> 64;
        bucket < u128::from(self.share)
    }
}
