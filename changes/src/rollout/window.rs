//! Windows in time: the moments at which they are open. A local time that a change of clocks leaves out is the next
//! valid minute; of a local time that occurs twice, the first one counts.

use config::Window;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp as Instant, ToSpan as _};
use rules::Timestamp;

/// The number of days that are searched for the next opening. A window has at least one day of the week; the second week
/// covers a day that a change of clocks leaves out.
const SEARCHED_DAYS: i64 = 15;

/// Returns true if one of the windows is open, or if there is none.
#[must_use]
pub fn is_open(windows: &[Window], now: Timestamp) -> bool {
    let Ok(instant) = Instant::from_millisecond(now.0) else {
        return false;
    };
    let is_open = |window: &Window| {
        let today = window.zone.time_zone().to_datetime(instant).date();
        let period = period(window, today);
        period.is_some_and(|(from, until)| from <= instant && instant < until)
    };
    windows.is_empty() || windows.iter().any(is_open)
}

/// Returns the next moment at which one of the windows opens; now, if one is open; none if none opens within two weeks.
#[must_use]
pub fn next_opening(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    if is_open(windows, now) {
        return Some(now);
    }
    let instant = Instant::from_millisecond(now.0).ok()?;
    let openings = windows.iter().filter_map(|window| {
        let today = window.zone.time_zone().to_datetime(instant).date();
        let days = (0..SEARCHED_DAYS).filter_map(|days| today.checked_add(days.days()).ok());
        let mut periods = days.filter_map(|day| period(window, day));
        periods.find_map(|(from, until)| (from > instant && from < until).then_some(from))
    });
    openings.min().map(|opening| Timestamp(opening.as_millisecond()))
}

/// Returns the period of the window on this day; none if the day is not one of its days.
fn period(window: &Window, day: Date) -> Option<(Instant, Instant)> {
    let weekday = u8::try_from(day.weekday().to_monday_zero_offset()).ok()?;
    if !window.days.contains(weekday) {
        return None;
    }
    let moment = |minutes: u16| {
        let local = day.to_datetime(jiff::civil::Time::midnight());
        let local = local.checked_add(i64::from(minutes).minutes()).ok()?;
        moment(window.zone.time_zone(), local)
    };
    Some((moment(window.from.minutes())?, moment(window.until.minutes())?))
}

/// Returns the moment of a local time.
fn moment(zone: &TimeZone, local: DateTime) -> Option<Instant> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        AmbiguousOffset::Gap { before, .. } => {
            // With the offset before the change the moment is after it. The change itself is the next valid minute.
            let after = before.to_timestamp(local).ok()?;
            let before_next = after.checked_add(1.nanosecond()).ok()?;
            zone.preceding(before_next)
                .next()
                .map(|change| change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests;
