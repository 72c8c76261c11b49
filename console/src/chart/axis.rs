//! Ticks of axes: round numbers from 0, and round times of the day.

use std::fmt::Write as _;

use time::OffsetDateTime;

/// The unit of the numbers of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A share: 0.01 is 1 %.
    Share,
    Milliseconds,
}

impl Unit {
    /// Returns the end of an axis without a number above 0.
    fn default_end(self) -> f64 {
        match self {
            Self::Share => 0.01,
            Self::Milliseconds => 100.0,
        }
    }

    /// Formats a number: `0.4 %`, `84 ms`, `1.83 s`.
    pub(crate) fn format(self, value: f64) -> String {
        match self {
            Self::Share => format!("{} %", percent(value * 100.0)),
            Self::Milliseconds if value < 10.0 => format!("{} ms", trimmed(value, 1)),
            Self::Milliseconds if value < 1_000.0 => format!("{} ms", trimmed(value, 0)),
            Self::Milliseconds => format!("{} s", trimmed(value / 1_000.0, 2)),
        }
    }
}

/// Formats a percentage with at most two decimals; one below 0.1 with two digits that are not zeros in front.
fn percent(percentage: f64) -> String {
    let decimals = [(0.1, 2), (0.01, 3), (0.001, 4), (0.000_1, 5)];
    let fits = |limit: &&(f64, usize)| percentage == 0.0 || percentage.abs() >= limit.0;
    trimmed(percentage, decimals.iter().find(fits).map_or(7, |found| found.1))
}

/// Formats a number with at most this many decimals.
pub(crate) fn trimmed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The ticks of an axis of numbers from 0.
#[derive(Debug, PartialEq)]
pub(super) struct Ticks {
    /// The last number of the axis, a multiple of the step.
    pub(super) end: f64,
    pub(super) at: Vec<f64>,
}

/// The largest number of an axis; larger ones are drawn at its end.
const MAX_END: f64 = 1e12;
/// The steps of a decade.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// The most steps between 0 and the end.
const MAX_STEPS: f64 = 4.0;

/// Returns the ticks of an axis that reaches at least `max`: two to four steps of 1, 2 or 5 times a power of ten.
pub(super) fn ticks(max: f64, unit: Unit) -> Ticks {
    let max = match max.is_nan() || max <= 0.0 {
        true => unit.default_end(),
        false => max.clamp(1e-9, MAX_END),
    };
    let decade = 10_f64.powf((max / MAX_STEPS).log10().floor());
    let fits = |step: &&f64| max / (decade * **step) <= MAX_STEPS + 1e-9;
    let step = decade * STEPS.iter().find(fits).copied().unwrap_or(10.0);
    let mut at = vec![0.0];
    let mut count = 0.0;
    // A product, not a sum: sums of decimal steps drift.
    while step * count < max * (1.0 - 1e-9) {
        count += 1.0;
        at.push(step * count);
    }
    Ticks {
        end: step * count,
        at,
    }
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The steps between times, in milliseconds.
const TIME_STEPS: [i64; 13] = [
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    24 * HOUR_MS,
    7 * 24 * HOUR_MS,
];
/// The most times on an axis: their texts must fit next to each other on the narrowest page.
const MAX_TIMES: i64 = 5;

/// Returns round times between two times in milliseconds since 1970, with their texts in UTC: `15:04`; the first time of
/// a day has the day.
pub(super) fn times(from: i64, to: i64) -> Vec<(i64, String)> {
    let span = to.saturating_sub(from).max(0);
    let fits = |step: &&i64| span / **step < MAX_TIMES;
    let step = TIME_STEPS.iter().find(fits).copied().unwrap_or(i64::MAX);
    let first = from.div_euclid(step).saturating_mul(step);
    let first = if first < from {
        first.saturating_add(step)
    } else {
        first
    };
    let mut times = Vec::new();
    let mut at = first;
    while at <= to && times.len() < 8 {
        times.push((at, time_text(at)));
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    times
}

/// Formats a time as `15:04`, or as `Nov 30` at midnight, both in UTC.
pub(crate) fn time_text(at: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(at.div_euclid(1_000)) else {
        return String::new();
    };
    let mut text = String::new();
    let _ = match (time.hour(), time.minute()) {
        (0, 0) => {
            let month = time.month().to_string();
            let short = month.get(..3).unwrap_or(&month);
            write!(text, "{short} {}", time.day())
        }
        (hour, minute) => write!(text, "{hour:02}:{minute:02}"),
    };
    text
}
