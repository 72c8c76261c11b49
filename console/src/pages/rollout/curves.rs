//! Both arms over time: the share of errors and the 95th percentile, each with its interval.

use std::collections::BTreeMap;

use rules::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answers::{ArmMinute, Minute};
use crate::chart::{self, Line, LineChart, Look, Point, Svg, Unit};
use crate::form::Form;
use crate::interval;
use crate::texts::text;

const MINUTE_MS: i64 = 60_000;
const ARMS: [(&str, Look); 2] = [("treatment", Look::Treatment), ("control", Look::Control)];

/// A span of time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Hour,
    SixHours,
    Day,
}

impl Range {
    pub(super) const ALL: [Self; 3] = [Self::Hour, Self::SixHours, Self::Day];

    /// Reads the range of a page; an hour by default.
    pub(super) fn read(query: &Form) -> Self {
        let named = query.text("range");
        let mut all = Self::ALL.into_iter();
        all.find(|range| Some(range.name()) == named)
            .unwrap_or(Self::Hour)
    }

    /// Returns its value in the query of the page; its text is `range-` and this.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
        }
    }

    /// Returns its length and the time between two points, in minutes.
    fn minutes(self) -> (i64, i64) {
        match self {
            Self::Hour => (60, 1),
            Self::SixHours => (360, 5),
            Self::Day => (1_440, 15),
        }
    }
}

/// The curves of both arms.
pub(super) struct Curves {
    pub(super) range: Range,
    pub(super) errors: Svg,
    pub(super) latency: Svg,
    pub(super) has_control: bool,
    /// The numbers of the curves, the newest first.
    pub(super) rows: Vec<Row>,
}

/// The numbers at a time.
pub(super) struct Row {
    pub(super) at: String,
    /// Treatment, then control.
    pub(super) arms: [Option<Cell>; 2],
}

/// The numbers of an arm at a time.
pub(super) struct Cell {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) rate: String,
    pub(super) p95: String,
}

/// The counts of an arm between two points.
#[derive(Default)]
struct Step {
    requests: u64,
    errors: u64,
    /// p95 with its interval, by minute.
    p95: Vec<(f64, f64, f64)>,
}

impl Step {
    fn add(&mut self, minute: &ArmMinute) {
        self.requests = self.requests.saturating_add(minute.requests);
        self.errors = self.errors.saturating_add(minute.errors);
        if let (Some(p50), Some(p95), Some(p99)) = (minute.p50_ms, minute.p95_ms, minute.p99_ms) {
            let (low, high) = interval::p95(p50, p95, p99, minute.requests);
            self.p95.push((low, p95, high));
        }
    }

    fn errors_at(&self, at: i64) -> Option<Point> {
        if self.requests == 0 {
            return None;
        }
        let (low, high) = interval::share(self.errors, self.requests);
        let value = chart::number(self.errors) / chart::number(self.requests);
        Some(Point { at, value, low, high })
    }

    /// Returns the median of the minutes: percentiles of several minutes have no sum.
    fn latency_at(&self, at: i64) -> Option<Point> {
        let value = median(self.p95.iter().map(|minute| minute.1))?;
        let low = median(self.p95.iter().map(|minute| minute.0))?;
        let high = median(self.p95.iter().map(|minute| minute.2))?;
        Some(Point { at, value, low, high })
    }

    fn cell(&self) -> Option<Cell> {
        let errors = self.errors_at(0)?;
        let latency = self.latency_at(0);
        Some(Cell {
            requests: self.requests,
            errors: self.errors,
            rate: Unit::Share.format(errors.value),
            p95: latency.map_or_else(|| "-".to_owned(), |point| Unit::Milliseconds.format(point.value)),
        })
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl Curves {
    /// Draws the minutes of a range up to now.
    pub(super) fn new(minutes: &[Minute], range: Range, now: Timestamp, bounds: Bounds) -> Self {
        let (length, step) = range.minutes();
        let step = step * MINUTE_MS;
        let to = now.0.div_euclid(MINUTE_MS).saturating_mul(MINUTE_MS);
        let from = to.saturating_sub(length * MINUTE_MS);
        let mut steps: BTreeMap<i64, [Step; 2]> = BTreeMap::new();
        for minute in minutes {
            // The minute that goes on is left out: a part of it would look like a drop.
            let Some(at) = milliseconds(&minute.start).filter(|at| (from..to).contains(at)) else {
                continue;
            };
            let arms = steps.entry(at.div_euclid(step).saturating_mul(step)).or_default();
            for ((name, _), counts) in ARMS.iter().zip(arms) {
                let of_arm = minute.arms.iter().filter(|arm| arm.arm == *name);
                of_arm.for_each(|arm| counts.add(arm));
            }
        }
        let line = |index: usize, point: fn(&Step, i64) -> Option<Point>| {
            let points = steps
                .iter()
                .filter_map(|(at, arms)| point(arms.get(index)?, (*at).max(from)));
            points.collect::<Vec<Point>>()
        };
        let lines = |point: fn(&Step, i64) -> Option<Point>| {
            let arms = ARMS.iter().enumerate();
            let lines = arms.map(|(index, (_, look))| Line {
                look: *look,
                points: line(index, point),
            });
            lines.collect::<Vec<Line>>()
        };
        let draw = |name: &str, unit: Unit, bound: Option<f64>, point: fn(&Step, i64) -> Option<Point>| {
            let name = text(name);
            let lines = lines(point);
            let chart = LineChart {
                name: &name,
                unit,
                from,
                to,
                step,
                bound,
                lines,
            };
            chart.draw()
        };
        let rows = steps.iter().rev().map(|(at, arms)| Row {
            at: chart::time_text(*at),
            arms: arms.each_ref().map(Step::cell),
        });
        Self {
            range,
            errors: draw(
                "rollout-errors-chart",
                Unit::Share,
                bounds.error_rate,
                Step::errors_at,
            ),
            latency: draw(
                "rollout-latency-chart",
                Unit::Milliseconds,
                bounds.p95_ms,
                Step::latency_at,
            ),
            has_control: steps.values().any(|[_, control]| control.requests > 0),
            rows: rows.collect(),
        }
    }
}

/// The absolute bounds of the checks.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) error_rate: Option<f64>,
    pub(super) p95_ms: Option<f64>,
}

fn milliseconds(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}
