//! Ids of requests and spans: unique across restarts and nodes, created without a lock or a system call.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::split_mix::mix;

/// The id of a request: 32 lower-case hex digits, never all zero, so that it is also a valid trace id (W3C Trace
/// Context section 3.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId([u8; 32]);

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
        let mut hex = [b'0'; 32];
        for (place, digit) in hex.iter_mut().enumerate() {
            let half = if place < 16 { high } else { low };
            *digit = hex_digit(half >> (60 - 4 * (place % 16)));
        }
        RequestId(hex)
    }
}

impl RequestId {
    /// Returns all 32 digits.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the id of the proxy's span in the request: 16 hex digits, not all zero.
    pub(crate) fn span(&self) -> &str {
        self.as_str().get(16..).unwrap_or_default()
    }
}

fn hex_digit(value: u64) -> u8 {
    b"0123456789abcdef"
        .iter()
        .copied()
        .nth((value & 0xF) as usize)
        .unwrap_or(b'0')
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
