//! Figures as an explanation writes them.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Timestamp, flag::Schedule};

/// Formats a bucket with a thousands separator: `61,204`.
pub(super) fn bucket(bucket: u32) -> String {
    match (bucket / 1_000, bucket % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}

/// Formats a schedule, without an end that is open: `from 2026-12-01T00:00:00Z until 2027-01-01T00:00:00Z`.
pub(super) fn schedule(schedule: &Schedule) -> String {
    let from = (schedule.from > Timestamp::MIN).then(|| format!("from {}", moment(schedule.from)));
    let until = (schedule.until < Timestamp::MAX).then(|| format!("until {}", moment(schedule.until)));
    let ends: Vec<String> = from.into_iter().chain(until).collect();
    ends.join(" ")
}

/// Formats a time as RFC 3339 in UTC; outside its years as milliseconds since 1970.
fn moment(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0).saturating_mul(1_000_000))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{} ms", at.0))
}
