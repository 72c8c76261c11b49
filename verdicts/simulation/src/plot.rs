//! The plot of detection time against false alarms.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

/// One point: a rule at one kind of traffic.
#[derive(Clone, Debug)]
pub struct Point {
    /// The label.
    pub name: String,
    /// False alarms, in percent of healthy plans.
    pub alarms: f64,
    /// The median time from the harm to the end of the rollout, in seconds.
    pub seconds: f64,
    /// 0 for Sluice, 1 for Flagger, 2 for Argo.
    pub rule: usize,
}

const COLOURS: [RGBColor; 3] = [RGBColor(0, 90, 160), RGBColor(200, 80, 20), RGBColor(90, 90, 90)];

/// Draws an SVG.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(path: &Path, points: &[Point]) -> Result<()> {
    let root = SVGBackend::new(path, (860, 480)).into_drawing_area();
    let failed = |error: DrawingAreaErrorKind<_>| anyhow!("{}: {error}", path.display());
    root.fill(&WHITE).map_err(failed)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(20)
        .x_label_area_size(45)
        .y_label_area_size(60)
        .build_cartesian_2d(-4.0..110.0, (4.0..1500.0_f64).log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc("healthy plans that were ended (%)")
        .y_desc("median time until a harmful rollout was ended (s)")
        .light_line_style(WHITE)
        .draw()
        .map_err(failed)?;
    for point in points {
        let colour = COLOURS.get(point.rule).copied().unwrap_or(BLACK);
        let at = (point.alarms, point.seconds.clamp(4.0, 1500.0));
        let circle = EmptyElement::at(at)
            + Circle::new((0, 0), 5, colour.filled())
            + Text::new(
                point.name.clone(),
                if point.alarms > 50.0 { (-190, -6) } else { (9, -6) },
                ("sans-serif", 13),
            );
        chart.draw_series(std::iter::once(circle)).map_err(failed)?;
    }
    root.present().map_err(failed)
}
