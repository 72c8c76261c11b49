//! The sparkline of a flag: requests as an area, errors as bars on top of it.

use std::fmt::Write as _;

use super::scale::Scale;
use super::{Position, Svg, number};
use crate::texts::{text, text_of};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;
/// The least height of a bar of errors: one error among many requests is visible.
const MIN_BAR: f64 = 2.5;

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// Returns the sums of a sparkline in words.
pub(crate) fn sums(requests: &[u64], errors: &[u64]) -> String {
    let (all, bad) = (sum(requests), sum(errors));
    let words = match all.max(bad) {
        0 => text("chart-no-requests"),
        _ => text_of("chart-sparkline", all, bad),
    };
    words.into_owned()
}

/// Draws the requests of equal periods, the oldest first, with the errors among them. Periods without a number of errors
/// have none. The image has its sums as its name.
pub(crate) fn sparkline(requests: &[u64], errors: &[u64]) -> Svg {
    let (all, name) = (sum(requests), sums(requests, errors));
    let mut svg = format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{name}\"><title>{name}</title>"
    );
    let most = requests.iter().chain(errors).copied().max().unwrap_or_default();
    let baseline = HEIGHT - 1.0;
    let y = Scale::new((0.0, number(most)), (baseline, 1.5));
    let periods = requests.len().max(errors.len());
    let step = WIDTH / number(u64::try_from(periods).unwrap_or(u64::MAX)).max(1.0);
    // Steps, not slopes: a period has one number.
    let mut top = String::new();
    let mut x = 0.0;
    for count in requests {
        let height = y.at(number(*count)).unwrap_or(baseline);
        let _ = write!(top, "V{}H{}", Position(height), Position(x + step));
        x += step;
    }
    let baseline_text = Position(baseline);
    if all > 0 {
        let _ = write!(
            svg,
            "<path class=\"area\" d=\"M0 {baseline_text}{top}V{baseline_text}z\"/>"
        );
    }
    let _ = write!(svg, "<path class=\"line\" d=\"M0 {baseline_text}");
    match all {
        0 => {
            let _ = write!(svg, "H{WIDTH}");
        }
        _ => svg.push_str(&top),
    }
    svg.push_str("\"/>");
    let mut bars = String::new();
    let mut x = 0.0;
    for count in errors {
        if *count > 0 {
            let height = y.at(number(*count)).unwrap_or(baseline).min(baseline - MIN_BAR);
            let (left, width) = (Position(x), Position(step.max(1.0)));
            let _ = write!(
                bars,
                "M{left} {baseline_text}V{}h{width}V{baseline_text}z",
                Position(height)
            );
        }
        x += step;
    }
    if !bars.is_empty() {
        let _ = write!(svg, "<path class=\"errors\" d=\"{bars}\"/>");
    }
    svg.push_str("</svg>");
    Svg(svg)
}
