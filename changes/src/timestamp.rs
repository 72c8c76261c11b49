//! Points in time as the API and the store write them: RFC 3339 in UTC with milliseconds.

use rules::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};
use time::OffsetDateTime;
use time::macros::format_description;

const MINUTE_MS: i64 = 60_000;

/// Formats a time as `2026-11-21T09:14:00.000Z`. A time after the year 9999 is written as the last moment of that
/// year.
#[must_use]
pub fn text(at: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let nanoseconds = i128::from(at.0).saturating_mul(1_000_000);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    let text = time.ok().and_then(|time| time.format(&format).ok());
    text.unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
}

/// Formats a time as `2026-11-21 09:14Z` (UTC), for sentences.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    let text = text(at);
    let minute = text.get(..16).unwrap_or(&text);
    format!("{}Z", minute.replace('T', " "))
}

/// Formats `at` rounded up to the next minute, so that the end of a waiting time is never reported too early.
pub(crate) fn minute_rounded_up(at: Timestamp) -> String {
    minute(Timestamp(at.0.saturating_add(MINUTE_MS - 1)))
}

/// Formats a duration: `24 h`, `6 h 2 min`, `30 s`. From a minute on it is rounded up to minutes.
#[must_use]
pub fn duration(milliseconds: i64) -> String {
    if milliseconds < MINUTE_MS {
        return format!("{} s", milliseconds.max(0).saturating_add(999) / 1_000);
    }
    let minutes = milliseconds.saturating_add(MINUTE_MS - 1) / MINUTE_MS;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Formats a duration that has passed, rounded down to minutes, so that it is never shown too long: `0 h`, `6 h 2 min`.
pub(crate) fn duration_passed(milliseconds: i64) -> String {
    match milliseconds / MINUTE_MS * MINUTE_MS {
        ..MINUTE_MS => "0 h".to_owned(),
        whole => duration(whole),
    }
}

/// Writes a point in time, for `#[serde(with = "changes::timestamp")]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*at))
}

/// Reads a point in time, for `#[serde(with = "changes::timestamp")]`.
///
/// # Errors
/// The text is not an RFC 3339 time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_never_shown_too_short() {
        for (milliseconds, said) in [
            (-1, "0 s"),
            (1, "1 s"),
            (59_999, "60 s"),
            (60_000, "1 min"),
            (60_001, "2 min"),
            (86_400_000, "24 h"),
            (21_720_000, "6 h 2 min"),
        ] {
            assert_eq!(duration(milliseconds), said);
        }
    }

    #[test]
    fn a_duration_that_passed_is_never_shown_too_long() {
        for (milliseconds, said) in [
            (-1, "0 h"),
            (59_999, "0 h"),
            (119_999, "1 min"),
            (21_779_999, "6 h 2 min"),
        ] {
            assert_eq!(duration_passed(milliseconds), said);
        }
    }

    #[test]
    fn the_end_of_a_wait_is_rounded_up() {
        let sharp = Timestamp(1_795_252_440_000);
        assert_eq!(minute(sharp), "2026-11-21 09:14Z");
        assert_eq!(minute_rounded_up(sharp), "2026-11-21 09:14Z");
        assert_eq!(minute_rounded_up(Timestamp(sharp.0 + 1)), "2026-11-21 09:15Z");
    }

    #[test]
    fn a_time_is_parsed_as_written() {
        for (written, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2026-11-21T09:14:00.123Z", 1_795_252_440_123),
        ] {
            assert_eq!(text(Timestamp(millis)), written);
            assert_eq!(Timestamp::parse(written), Ok(Timestamp(millis)));
        }
        assert_eq!(text(Timestamp::MAX), "9999-12-31T23:59:59.999Z");
    }
}
