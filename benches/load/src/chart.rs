//! Bar charts as SVG: one horizontal bar per row, with a line from the minimum to the maximum.

use std::fmt::Write as _;

use crate::statistics::Summary;

/// One bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) summary: Summary,
    /// True for Sluice, which has another color.
    pub(crate) is_sluice: bool,
}

/// The width of the chart, of its labels, and the height of a row, in pixels.
const WIDTH: f64 = 760.0;
const LABELS: f64 = 190.0;
const ROW: f64 = 26.0;
const TITLE: f64 = 34.0;
/// The space to the right of the longest bar, for its figure.
const FIGURES: f64 = 90.0;

/// Draws a chart. `unit` follows each figure.
pub(crate) fn bar_chart(title: &str, unit: &str, bars: &[Bar]) -> Result<String, std::fmt::Error> {
    let height = TITLE + ROW * bars.len() as f64 + 10.0;
    let longest = bars
        .iter()
        .map(|bar| bar.summary.max)
        .fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LABELS + value / longest * (WIDTH - LABELS - FIGURES);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"15\" fill=\"#1a1a1a\">{}</text>\n",
        escape(title)
    );
    let mut y = TITLE;
    for bar in bars {
        let Summary { median, min, max, .. } = bar.summary;
        let color = if bar.is_sluice { "#1f6feb" } else { "#8c959f" };
        let (middle, baseline) = (y + ROW / 2.0, y + ROW / 2.0 + 4.5);
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\" fill=\"#1a1a1a\">{}</text>",
            LABELS - 8.0,
            escape(&bar.label)
        )?;
        writeln!(
            svg,
            "<rect x=\"{LABELS:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\"/>",
            y + 4.0,
            x(median) - LABELS,
            ROW - 8.0
        )?;
        writeln!(
            svg,
            "<path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#1a1a1a\" stroke-width=\"1.5\"/>",
            x(min),
            x(max)
        )?;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{baseline:.1}\" fill=\"#1a1a1a\">{median:.1} {}</text>",
            x(max) + 8.0,
            escape(unit)
        )?;
        y += ROW;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::{Bar, bar_chart};
    use crate::statistics::Summary;

    #[test]
    fn the_longest_bar_ends_at_the_space_for_figures() {
        let bar = |label: &str, value| Bar {
            label: label.to_owned(),
            summary: Summary::of(&[value]).unwrap(),
            is_sluice: false,
        };
        let svg = bar_chart("CPU < time", "us", &[bar("a & b", 10.0), bar("c", 40.0)]).unwrap();
        assert!(svg.contains("CPU &lt; time") && svg.contains("a &amp; b") && svg.contains("10.0 us"));
        // 480 pixels are 40 us.
        assert!(svg.contains("width=\"120.0\"") && svg.contains("width=\"480.0\""));
    }
}
