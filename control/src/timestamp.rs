//! Points in time as the API and the store write them: RFC 3339 in UTC with milliseconds.

use rules::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};
use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-21T09:14:00.000Z`. What is beyond the year 9999 is written as its last moment.
pub(crate) fn text(at: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let nanoseconds = i128::from(at.0).saturating_mul(1_000_000);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    let text = time.ok().and_then(|time| time.format(&format).ok());
    text.unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
}

/// For `#[serde(with = "crate::timestamp")]`.
pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*at))
}

/// For `#[serde(with = "crate::timestamp")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_was_written() {
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
