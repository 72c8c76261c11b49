//! The way of a number from 0 to its bound.

use super::{Position, Svg};

const WIDTH: f64 = 100.0;
/// The place of the bound: what is beyond it has the rest.
const BOUND: f64 = 80.0;

/// Draws the part of the way from 0 to its bound that a number has come: 1 is at the bound. A number beyond it is drawn
/// up to the end. None for a number that is not known. The image has no name: the numbers are beside it.
pub(crate) fn way(share: Option<f64>) -> Svg {
    let share = share.filter(|share| !share.is_nan()).unwrap_or_default().max(0.0);
    let (within, beyond) = (
        share.min(1.0) * BOUND,
        ((share - 1.0) * BOUND).clamp(0.0, WIDTH - BOUND),
    );
    let mut shapes = format!("<path class=\"track\" d=\"M0 3H{WIDTH}V9H0z\"/>");
    if within > 0.0 {
        shapes.push_str(&format!(
            "<path class=\"bar on\" d=\"M0 3H{}V9H0z\"/>",
            Position(within.max(0.6))
        ));
    }
    if beyond > 0.0 {
        shapes.push_str(&format!(
            "<path class=\"errors\" d=\"M{BOUND} 3h{}V9H{BOUND}z\"/>",
            Position(beyond)
        ));
    }
    Svg(format!(
        "<svg class=\"way\" viewBox=\"0 0 {WIDTH} 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{shapes}<path class=\"mark\" d=\"M{BOUND} 0V12\"/></svg>"
    ))
}

/// Draws a part of a whole, from 0 to 1.
pub(crate) fn progress(share: f64) -> Svg {
    let share = if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    };
    Svg(format!(
        "<svg class=\"way\" viewBox=\"0 0 {WIDTH} 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"track\" d=\"M0 2H{WIDTH}V6H0z\"/><path class=\"bar on\" d=\"M0 2H{}V6H0z\"/></svg>",
        Position(share * WIDTH)
    ))
}
