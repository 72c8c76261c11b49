//! Buckets: numbers from 0 to 99,999 that decide whether a subject is in a rollout, and on which side of a
//! split. `bucket = (xxh3_64(salt ‖ 0x00 ‖ id) × 100,000) >> 64`, seed 0; see docs/buckets.md.

use std::fmt::Write as _;

use arrayvec::ArrayString;

use crate::{Decimal, FlagId, Flags, Subject, subject::AttributeRef};

mod salt;

pub(crate) use salt::Salt;

/// The number of buckets: one for each thousandth of a percent.
pub const BUCKETS: u32 = 100_000;

/// Longest salt, in bytes.
pub const MAX_SALT: usize = 128;

/// The suffix of a flag's salt for its splits, which makes them independent of the rollout.
pub(crate) const SPLIT_SUFFIX: &str = "/split";

/// Most characters of a number's id: those of -2^53.
const MAX_ID_DIGITS: usize = 17;

/// Returns the bucket of `id` under `salt`, 0 to 99,999.
#[must_use]
pub fn bucket(salt: &str, id: &str) -> u32 {
    Salt::new(salt).bucket(id.as_bytes())
}

/// Spreads 64 bits evenly over the buckets.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the product's upper half is below BUCKETS"
)]
fn scale(hash: u64) -> u32 {
    ((u128::from(hash) * u128::from(BUCKETS)) >> 64) as u32
}

impl Salt {
    /// Returns the bucket of `id`.
    #[inline(always)]
    pub(crate) fn bucket(&self, id: &[u8]) -> u32 {
        scale(self.hash(id))
    }
}

/// The salt of a rollout or split, and the attribute that is hashed with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucketing {
    pub(crate) salt: Salt,
    pub(crate) by: AttributeRef,
}

impl Flags {
    /// Returns the bucket of the subject for the flag's rollout, or for the stages of its rollout plan; `None` if the flag
    /// has neither, or if the subject has no id to hash.
    #[must_use]
    pub fn bucket(&self, flag: FlagId, subject: &Subject<'_>) -> Option<u32> {
        let flag = self.flag(flag)?;
        let of_plan = flag.exposure.as_deref().map(|exposure| &exposure.bucketing);
        let of_rollout = flag.rollout.as_ref().map(|rollout| &rollout.bucketing);
        of_plan.or(of_rollout)?.bucket(self, subject)
    }
}

/// Returns the id of a number: the sign and digits of its nearest double, if that is whole and within ±2^53.
/// Clauses compare numbers exactly, but ids stay doubles, so that no bucket ever changes.
pub(crate) fn digits(number: Decimal) -> Option<ArrayString<MAX_ID_DIGITS>> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let double = number.nearest_double();
    if double.fract() != 0.0 || double.abs() > EXACT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    let whole = double as i64;
    let mut digits = ArrayString::new();
    write!(digits, "{whole}").ok()?;
    Some(digits)
}

#[cfg(test)]
mod tests;
