//! The open circuit breakers of one request.

use arrayvec::ArrayVec;
use rules::{FlagId, MAX_BREAKERS};

/// The flags with an open breaker, as a decision reads them. On the stack: deciding allocates nothing.
pub(crate) type OpenFlags = ArrayVec<FlagId, MAX_BREAKERS>;

/// The open breakers of a request, by their indexes in its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OpenBreakers(u128);

// The bits are enough for all breakers.
const _: () = assert!(MAX_BREAKERS <= 128);

impl OpenBreakers {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds the breaker with this index.
    pub(crate) fn add(&mut self, index: usize) {
        self.0 |= u32::try_from(index)
            .ok()
            .and_then(|index| 1_u128.checked_shl(index))
            .unwrap_or(0);
    }

    /// Returns true for the index of an open breaker.
    pub(crate) fn contains(self, index: usize) -> bool {
        let shifted = u32::try_from(index)
            .ok()
            .and_then(|index| self.0.checked_shr(index));
        shifted.is_some_and(|shifted| shifted & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_breaker_has_a_bit_of_its_own() {
        let mut open = OpenBreakers::default();
        assert!(open.is_empty());
        for index in [0, 64, 127, 128, 5_000] {
            open.add(index);
        }
        let contained: Vec<usize> = (0..6_000).filter(|index| open.contains(*index)).collect();
        assert_eq!(contained, [0, 64, 127]);
    }
}
