//! Ids of requests and spans: unique across restarts and nodes, created without a lock or a system call.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use arrayvec::ArrayString;

use crate::split_mix::mix;

/// The id of a request: 32 lower-case hex digits, never all zero, so that it is also a valid trace id (W3C Trace
/// Context section 3.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(ArrayString<{ RequestId::LENGTH }>);

/// A source of ids. Two random keys of 64 bits separate processes, a counter separates requests.
#[derive(Debug)]
pub(crate) struct RequestIdSource {
    high: u64,
    low: u64,
    count: AtomicU64,
}

impl RequestIdSource {
    /// Creates a source with new random keys.
    pub(crate) fn new() -> Self {
        // The standard library seeds `RandomState` from the system's entropy.
        let random = |salt: u8| RandomState::new().hash_one(salt);
        Self {
            high: random(1),
            low: random(2),
            count: AtomicU64::new(0),
        }
    }

    /// Returns the next id. Each half is a bijection of the counter, so no id repeats within a process.
    pub(crate) fn next(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (mix(count.wrapping_add(self.high)), mix(count ^ self.low));
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        let mut hex = [0; RequestId::LENGTH];
        // Two loops without look-ups, so that the compiler converts 16 digits at once.
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [byte >> 4, byte & 0xF];
        }
        for digit in &mut hex {
            *digit += if *digit < 10 { b'0' } else { b'a' - 10 };
        }
        // Digits are valid UTF-8.
        RequestId(ArrayString::from_byte_string(&hex).unwrap_or_default())
    }
}

impl RequestId {
    /// The number of digits.
    pub(crate) const LENGTH: usize = 32;

    /// Returns all 32 digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id of the proxy's span in the request: 16 hex digits, not all zero.
    pub(crate) fn span(&self) -> &str {
        self.as_str().get(16..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::RequestIdSource;

    #[test]
    fn ids_differ_and_are_trace_ids() {
        let (ids, others) = (RequestIdSource::new(), RequestIdSource::new());
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            for id in [ids.next(), others.next()] {
                assert!(
                    id.as_str()
                        .bytes()
                        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
                    "{id:?}"
                );
                assert_eq!((id.as_str().len(), id.span().len()), (32, 16));
                assert_ne!(id.span(), "0000000000000000");
                assert!(seen.insert(id.as_str().to_owned()), "{id:?} came twice");
            }
        }
    }
}
