//! Windows: the days and hours in which a rollout plan advances, in a time zone.

use std::fmt;

use jiff::tz::TimeZone;

/// Days of the week and hours of the day in a time zone. A window never crosses midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The days.
    pub days: Days,
    /// The first minute.
    pub from: DayTime,
    /// The first minute after the window.
    pub until: DayTime,
    /// The time zone.
    pub zone: Zone,
}

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

/// A minute of a day, up to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayTime(u16);

/// A time zone of the IANA database, which is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// The names of the days, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The number of minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0x7f);

    /// Parses a day (`mon`) or a range of days (`mon-thu`, `sat-mon`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let day = |name: &str| DAYS.iter().position(|known| *known == name);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (day(first)?, day(last)?);
        // A range may go beyond Sunday.
        let length = (last + 7 - first) % 7;
        let days = (0..=length).map(|offset| 1_u8 << ((first + offset) % 7));
        Some(Self(days.fold(0, |all, day| all | day)))
    }

    /// Returns the days of both sets.
    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if the day is in the set; 0 is Monday.
    #[must_use]
    pub fn contains(self, day: u8) -> bool {
        day < 7 && self.0 & (1 << day) != 0
    }

    /// Returns the names of the days, Monday first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let days = (0_u8..).zip(DAYS);
        days.filter(move |(day, _)| self.contains(*day))
            .map(|(_, name)| name)
    }
}

impl DayTime {
    /// 00:00.
    pub const MIDNIGHT: Self = Self(0);
    /// 24:00.
    pub const END: Self = Self(DAY_MINUTES);

    /// Parses `09:00`, up to `24:00`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |text: &str, length: std::ops::RangeInclusive<usize>| {
            let is_number = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| is_number)
        };
        let (hours, minutes) = (number(hours, 1..=2)?, number(minutes, 2..=2)?);
        let all = hours.checked_mul(60)?.checked_add(minutes)?;
        (minutes < 60 && all <= DAY_MINUTES).then_some(Self(all))
    }

    /// Returns the number of minutes since midnight, up to 1,440.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Zone {
    /// Finds a time zone by its name in the IANA database: `Europe/Berlin`, `UTC`.
    pub(crate) fn find(name: &str) -> Option<Self> {
        jiff::tz::db().get(name).ok().map(Self)
    }

    /// Returns the names of all time zones.
    pub(crate) fn names() -> impl Iterator<Item = String> {
        jiff::tz::db().available().map(|name| name.to_string())
    }

    /// Returns the time zone.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// Returns the name in the IANA database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}
