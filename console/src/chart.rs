//! Charts as SVG, made on the server. Shapes have attributes and classes; the stylesheet gives them the colours of both
//! schemes, as the policy for contents excludes inline styles. The same numbers always give the same text.
//!
//! A chart never stands alone: its numbers are beside it in words, or in a table.

mod axis;
mod funnel;
mod lines;
mod scale;
mod sparkline;
mod way;

use std::fmt;

use askama::filters::HtmlSafe;

pub(crate) use axis::{Unit, time_text, trimmed};
pub(crate) use funnel::{FunnelStep, funnel};
pub(crate) use lines::{Line, LineChart, Look, Point, swatch};
pub(crate) use sparkline::{sparkline, sums};
pub(crate) use way::{progress, way};

/// An image in a page, whose texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Svg(String);

impl fmt::Display for Svg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl HtmlSafe for Svg {}

/// A position in a chart, with one decimal.
struct Position(f64);

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        // Without this, a negative zero has a sign.
        write!(formatter, "{}", tenths + 0.0)
    }
}

/// Returns a count as a coordinate. Counts above 2^53 lose their last digits, which no chart shows.
#[expect(clippy::cast_precision_loss, reason = "a position in a chart has four digits")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
