//! The funnel of the decision table: each line takes its tenants from those that the lines before it left.

use super::scale::Scale;
use super::{Position, Svg, number};

const WIDTH: f64 = 100.0;
/// The least width of a line with tenants.
const MIN_WIDTH: f64 = 0.6;

/// A line of a funnel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunnelStep {
    /// The number that the line takes.
    pub(crate) count: u64,
    /// True if they have the flag on.
    pub(crate) is_on: bool,
}

/// Draws a bar for each line: the part that it takes, after the parts of the lines before, out of `total`. Bars fill the
/// width of their place. They have no name: the number is beside each in words.
pub(crate) fn funnel(total: u64, steps: &[FunnelStep]) -> Vec<Svg> {
    let scale = Scale::new((0.0, number(total)), (0.0, WIDTH));
    let position = |count: u64| scale.at(number(count)).unwrap_or_default();
    let mut taken = 0_u64;
    let bars = steps.iter().map(|step| {
        let (start, before) = (position(taken), taken);
        taken = taken.saturating_add(step.count);
        let width = match step.count.min(total.saturating_sub(before)) {
            0 => 0.0,
            _ => (position(taken) - start).max(MIN_WIDTH),
        };
        // The least width must not lead beyond the end.
        let start = start.min(WIDTH - width);
        let class = if step.is_on { "bar on" } else { "bar" };
        let (start, width) = (Position(start), Position(width));
        Svg(format!(
            "<svg class=\"way\" viewBox=\"0 0 {WIDTH} 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"track\" d=\"M0 0H{WIDTH}V8H0z\"/><path class=\"{class}\" d=\"M{start} 0h{width}v8h-{width}z\"/></svg>"
        ))
    });
    bars.collect()
}
