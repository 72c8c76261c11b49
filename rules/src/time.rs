//! Points in time. `rules` has no clock: callers pass the time.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A text that is not an RFC 3339 date-time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-12-01T00:00:00Z")]
pub struct InvalidTime;

impl Timestamp {
    /// Before every schedule.
    pub const MIN: Self = Self(i64::MIN);
    /// After every schedule.
    pub const MAX: Self = Self(i64::MAX);

    /// Reads an RFC 3339 date-time (section 5.6), the offset included.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        instant(text)
            .and_then(|at| i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok())
            .map(Self)
            .ok_or(InvalidTime)
    }

    /// Returns the whole seconds since 1970; 0 before that.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.div_euclid(1_000)).unwrap_or(0)
    }
}

/// Parses an RFC 3339 date-time, to the nanosecond. Allocates nothing.
pub(crate) fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
