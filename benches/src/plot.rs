//! Plots of measurements over sizes, as SVG with logarithmic axes.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Space for the title and the labels of the axes.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 45.0;
const COLOURS: [&str; 4] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"];

/// A plot with logarithmic axes. Values must be positive.
#[derive(Debug)]
pub struct Plot {
    title: &'static str,
    x_label: &'static str,
    series: Vec<(&'static str, Vec<(f64, f64)>)>,
}

impl Plot {
    /// Creates an empty plot. The title names the unit of the values.
    #[must_use]
    pub fn new(title: &'static str, x_label: &'static str) -> Self {
        Self {
            title,
            x_label,
            series: Vec::new(),
        }
    }

    /// Adds a line through `points`, sizes with their values.
    #[must_use]
    pub fn line(mut self, name: &'static str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series.push((name, points.into_iter().collect()));
        self
    }

    /// Returns the plot as an SVG document.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let all = || self.series.iter().flat_map(|(_, points)| points);
        let (x_from, x_to) = decades(all().map(|(x, _)| *x));
        let (y_from, y_to) = decades(all().map(|(_, y)| *y));
        let across = |x: f64| LEFT + (x.log10() - x_from) / (x_to - x_from) * (WIDTH - LEFT - RIGHT);
        let up = |y: f64| HEIGHT - BOTTOM - (y.log10() - y_from) / (y_to - y_from) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{}</text>\n",
            self.title
        );
        let mut add = |line: String| {
            svg.push_str(&line);
            svg.push('\n');
        };
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for power in powers(x_from, x_to) {
            let x = across(10_f64.powi(power));
            add(format!(
                "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#dddddd\"/>"
            ));
            add(format!(
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                number(power)
            ));
        }
        for power in powers(y_from, y_to) {
            let y = up(10_f64.powi(power));
            add(format!(
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>"
            ));
            add(format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                number(power)
            ));
        }
        add(format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 8.0,
            self.x_label
        ));
        for (place, ((name, points), colour)) in self.series.iter().zip(COLOURS).enumerate() {
            let mut path = String::new();
            for (x, y) in points {
                write!(path, "{:.1},{:.1} ", across(*x), up(*y)).expect("writing into a string");
                add(format!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                    across(*x),
                    up(*y)
                ));
            }
            add(format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                path.trim_end()
            ));
            let y = TOP + 10.0 + 18.0 * place as f64;
            add(format!(
                "<text x=\"{}\" y=\"{y:.1}\" fill=\"{colour}\">{name}</text>",
                right + 10.0
            ));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Returns the powers of ten around all values.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let from = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
    let to = values.fold(0.0, f64::max).log10().ceil();
    (from, to.max(from + 1.0))
}

fn powers(from: f64, to: f64) -> std::ops::RangeInclusive<i32> {
    from as i32..=to as i32
}

/// Formats a power of ten for people.
fn number(power: i32) -> String {
    match power {
        9.. => format!("{} G", 10_i64.pow(power as u32 - 9)),
        6..=8 => format!("{} M", 10_i64.pow(power as u32 - 6)),
        3..=5 => format!("{} k", 10_i64.pow(power as u32 - 3)),
        0..=2 => 10_i64.pow(power as u32).to_string(),
        _ => format!("{:.*}", power.unsigned_abs() as usize, 10_f64.powi(power)),
    }
}
