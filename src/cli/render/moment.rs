//! Times as text: in UTC, with the `Z` of UTC (RFC 3339 section 5.6), to the minute or second.

use rules::Timestamp;
use time::OffsetDateTime;
use time::macros::format_description;

/// Formats an RFC 3339 time as `2026-11-20 09:14Z`; any other text is returned unchanged.
pub(crate) fn moment(text: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]Z");
    formatted(text, format).unwrap_or_else(|| text.to_owned())
}

/// Formats an RFC 3339 time as `2026-11-20 09:14:03Z`; any other text is returned unchanged.
pub(crate) fn moment_to_the_second(text: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    formatted(text, format).unwrap_or_else(|| text.to_owned())
}

/// Formats a time for the API: RFC 3339 in UTC. `None` if the year is out of range.
pub(crate) fn rfc3339(at: Timestamp) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0).checked_mul(1_000_000)?).ok()?;
    at.format(format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second]Z"
    ))
    .ok()
}

fn formatted(text: &str, format: &[time::format_description::BorrowedFormatItem<'_>]) -> Option<String> {
    let at = Timestamp::parse(text).ok()?;
    let nanoseconds = i128::from(at.0).checked_mul(1_000_000)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
    at.format(format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_to_the_minute_or_second() {
        for (text, expected) in [
            ("2026-11-20T09:14:59.999Z", "2026-11-20 09:14Z"),
            ("2026-11-20T09:14:59+02:00", "2026-11-20 07:14Z"),
            ("soon", "soon"),
        ] {
            assert_eq!(moment(text), expected);
        }
        assert_eq!(
            moment_to_the_second("2026-11-20T09:14:59.999Z"),
            "2026-11-20 09:14:59Z"
        );
    }
}
