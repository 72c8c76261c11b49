//! Scales: from values to positions.

/// A linear scale. Values beyond its ends are at its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    first: f64,
    last: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// The largest value that scales distinguish: larger ones, and infinity, are drawn at its place.
    const MAX: f64 = 1e15;

    /// Creates a scale that maps `values.0` to `positions.0`, and `values.1` to `positions.1`. If both values are the
    /// same, every value is at the start.
    pub(super) fn new(values: (f64, f64), positions: (f64, f64)) -> Self {
        let bounded = |value: f64| match value.is_nan() {
            true => 0.0,
            false => value.clamp(-Self::MAX, Self::MAX),
        };
        Self {
            first: bounded(values.0),
            last: bounded(values.1),
            start: positions.0,
            end: positions.1,
        }
    }

    /// Returns the position of a value; none for a value that is not a number.
    pub(super) fn at(self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let span = self.last - self.first;
        let share = match span == 0.0 {
            true => 0.0,
            false => (value.clamp(-Self::MAX, Self::MAX) - self.first) / span,
        };
        Some(self.start + share.clamp(0.0, 1.0) * (self.end - self.start))
    }
}
