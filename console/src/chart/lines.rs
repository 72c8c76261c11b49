//! Lines over time, each with the interval of its uncertainty as a band, and a bound.
//!
//! The plot stretches to the width of its place; texts, which have places in percent, keep their size.

use std::borrow::Borrow;
use std::fmt::Write as _;

use super::axis::{Unit, ticks, times};
use super::scale::Scale;
use super::{Position, Svg, number};
use crate::filters::escaped;

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 160.0;
/// The room above the plot, for the text of its highest number.
const TOP: f64 = 14.0;
/// The room below the plot, for times.
const BOTTOM: f64 = 18.0;
/// The least width of the axis of time, in steps.
const MIN_STEPS: i64 = 10;

/// A chart of lines over time.
pub(crate) struct LineChart<'c> {
    /// The name of the image.
    pub(crate) name: &'c str,
    pub(crate) unit: Unit,
    /// The first and the last time, in milliseconds since 1970.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The time between two points, in milliseconds. A line is interrupted where points are missing.
    pub(crate) step: i64,
    /// A bound. It is drawn if the lines come near it: a far one would leave no height for them.
    pub(crate) bound: Option<f64>,
    /// The lines; the first one is drawn on top.
    pub(crate) lines: Vec<Line>,
}

/// A line.
pub(crate) struct Line {
    pub(crate) look: Look,
    /// The points, the oldest first.
    pub(crate) points: Vec<Point>,
}

/// The look of a line: colour and dashes, so that the colour is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Treatment,
    Control,
}

/// A number at a time, with the interval in which the measured quantity lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: i64,
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Look {
    fn class(self) -> &'static str {
        match self {
            Self::Treatment => "",
            Self::Control => " control",
        }
    }
}

/// Returns a sample of a line for a legend.
pub(crate) fn swatch(look: impl Borrow<Look>) -> Svg {
    let class = look.borrow().class();
    Svg(format!(
        "<svg class=\"swatch\" viewBox=\"0 0 24 10\" aria-hidden=\"true\"><path class=\"band{class}\" d=\"M0 1h24v8H0z\"/><path class=\"line{class}\" d=\"M0 5h24\"/></svg>"
    ))
}

/// The scales of a chart.
struct Plot {
    x: Scale,
    y: Scale,
}

impl Plot {
    fn x(&self, at: i64) -> f64 {
        self.x.at(milliseconds(at)).unwrap_or_default()
    }

    fn y(&self, value: f64) -> f64 {
        self.y.at(value).unwrap_or(HEIGHT)
    }
}

impl LineChart<'_> {
    /// Draws the chart.
    pub(crate) fn draw(&self) -> Svg {
        let axis = ticks(self.max(), self.unit);
        let from = self.first();
        let span = (milliseconds(from), milliseconds(self.to));
        let plot = Plot {
            x: Scale::new(span, (0.0, WIDTH)),
            y: Scale::new((0.0, axis.end), (HEIGHT, 0.0)),
        };
        let (whole, name) = (TOP + HEIGHT + BOTTOM, escaped(self.name));
        let mut svg = format!(
            "<svg class=\"chart plot\" height=\"{whole}\" role=\"img\" aria-label=\"{name}\"><title>{name}</title>\
             <svg y=\"{TOP}\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\">"
        );
        let mut grid = String::new();
        for tick in &axis.at {
            let _ = write!(grid, "M0 {}H{WIDTH}", Position(plot.y(*tick)));
        }
        let _ = write!(svg, "<path class=\"grid\" d=\"{grid}\"/>");
        for line in self.lines.iter().rev() {
            self.draw_band(&mut svg, &plot, line);
        }
        for line in self.lines.iter().rev() {
            self.draw_line(&mut svg, &plot, line);
        }
        if let Some(bound) = self.near_bound() {
            let y = Position(plot.y(bound));
            let _ = write!(svg, "<path class=\"bound\" d=\"M0 {y}H{WIDTH}\"/>");
        }
        svg.push_str("</svg>");
        for tick in &axis.at {
            // In the gutter of the style sheet, at the middle of the height of a digit.
            let y = Position(TOP + plot.y(*tick) + 4.0);
            let label = match *tick {
                0.0 => "0".to_owned(),
                tick => self.unit.format(tick),
            };
            let _ = write!(svg, "<text x=\"-8\" y=\"{y}\" text-anchor=\"end\">{label}</text>");
        }
        for (at, label) in times(from, self.to) {
            let percent = plot.x(at) / WIDTH * 100.0;
            let anchor = match percent {
                percent if percent < 5.0 => "start",
                percent if percent > 95.0 => "end",
                _ => "middle",
            };
            let (x, y) = (Position(percent), Position(whole - 4.0));
            let _ = write!(
                svg,
                "<text x=\"{x}%\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>"
            );
        }
        svg.push_str("</svg>");
        Svg(svg)
    }

    /// Returns the first time of the axis: that of the first point, so that a short history has the whole width.
    fn first(&self) -> i64 {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let first = points.map(|point| point.at).min().unwrap_or(self.from);
        // A history of a few points keeps its scale.
        let latest = self.to.saturating_sub(self.step.saturating_mul(MIN_STEPS));
        first.min(latest).max(self.from)
    }

    /// Returns the largest number that the axis must reach. Intervals of small samples are wide: they may reach beyond it.
    fn max(&self) -> f64 {
        let value = self.largest(|point| point.value);
        let high = self.largest(|point| point.high);
        let bound = self.near_bound().unwrap_or_default();
        (value * 1.1).max(high.min(value * 2.0)).max(bound * 1.2)
    }

    /// Returns the bound if it is on the axis.
    fn near_bound(&self) -> Option<f64> {
        let value = self.largest(|point| point.value);
        // An axis of zeros shows where the bound is.
        let is_near = |bound: &f64| bound.is_finite() && (value == 0.0 || *bound <= value * 4.0);
        self.bound.filter(is_near)
    }

    fn largest(&self, number: fn(&Point) -> f64) -> f64 {
        let points = self.lines.iter().flat_map(|line| &line.points).map(number);
        points.filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    /// Returns the parts of a line without a gap.
    fn parts<'l>(&self, line: &'l Line) -> Vec<Vec<&'l Point>> {
        let mut parts: Vec<Vec<&Point>> = Vec::new();
        let mut last: Option<i64> = None;
        // A point of which nothing is known interrupts the line.
        let known = line.points.iter().filter(|point| point.value.is_finite());
        for point in known.filter(|point| (self.from..=self.to).contains(&point.at)) {
            let is_next =
                last.is_some_and(|last| point.at.saturating_sub(last) <= self.step.saturating_mul(3) / 2);
            last = Some(point.at);
            match parts.last_mut().filter(|_| is_next) {
                Some(part) => part.push(point),
                None => parts.push(vec![point]),
            }
        }
        parts
    }

    fn draw_band(&self, svg: &mut String, plot: &Plot, line: &Line) {
        let mut shape = String::new();
        for part in self.parts(line) {
            let edge = |shape: &mut String, point: &Point, value: f64, first: bool| {
                let letter = if first { 'M' } else { 'L' };
                let value = if value.is_nan() { point.value } else { value };
                let _ = write!(
                    shape,
                    "{letter}{} {}",
                    Position(plot.x(point.at)),
                    Position(plot.y(value))
                );
            };
            for (index, point) in part.iter().enumerate() {
                edge(&mut shape, point, point.high, index == 0);
            }
            for point in part.iter().rev() {
                edge(&mut shape, point, point.low, false);
            }
            shape.push('z');
        }
        if !shape.is_empty() {
            let _ = write!(svg, "<path class=\"band{}\" d=\"{shape}\"/>", line.look.class());
        }
    }

    fn draw_line(&self, svg: &mut String, plot: &Plot, line: &Line) {
        let (mut path, mut dots) = (String::new(), String::new());
        for part in self.parts(line) {
            for (index, point) in part.iter().enumerate() {
                let (x, y) = (Position(plot.x(point.at)), Position(plot.y(point.value)));
                match (index, part.len()) {
                    // A single point has no length.
                    (_, 1) => {
                        let _ = write!(dots, "M{x} {y}h0");
                    }
                    (0, _) => {
                        let _ = write!(path, "M{x} {y}");
                    }
                    _ => {
                        let _ = write!(path, "L{x} {y}");
                    }
                }
            }
        }
        for (class, shape) in [("line", path), ("dot", dots)] {
            if !shape.is_empty() {
                let _ = write!(
                    svg,
                    "<path class=\"{class}{}\" d=\"{shape}\"/>",
                    line.look.class()
                );
            }
        }
    }
}

/// Returns a time as a coordinate.
fn milliseconds(at: i64) -> f64 {
    let size = number(at.unsigned_abs());
    if at < 0 { -size } else { size }
}
