//! Figures of several rounds: median, quartiles, ratios within a round, and the rule for a verdict.

/// The largest interquartile range over the rounds, as a part of the median, at which a figure is compared.
pub(crate) const MAX_SPREAD: f64 = 0.10;

/// The distribution of one figure over the rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// The interquartile range as a part of the median.
    pub(crate) spread: f64,
}

impl Summary {
    /// Summarizes the values; `None` if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5)?;
        let range = quantile(&sorted, 0.75)? - quantile(&sorted, 0.25)?;
        Some(Self {
            median,
            min: *sorted.first()?,
            max: *sorted.last()?,
            spread: if median == 0.0 { 0.0 } else { range / median },
        })
    }
}

/// Returns a quantile of sorted values, interpolated linearly between the two nearest.
pub(crate) fn quantile(sorted: &[f64], quantile: f64) -> Option<f64> {
    let mut rest = quantile * (sorted.len().checked_sub(1)?) as f64;
    let mut values = sorted.iter();
    let mut below = *values.next()?;
    for &value in values {
        if rest < 1.0 {
            return Some(below + (value - below) * rest);
        }
        rest -= 1.0;
        below = value;
    }
    Some(below)
}

/// A figure compared with the same figure of a baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Comparison {
    /// The ratios within each round.
    Ratio(Summary),
    /// One of the two figures varies over the rounds by more than [`MAX_SPREAD`].
    TooNoisy,
    /// There is no round in which both were measured.
    NotMeasured,
}

/// Compares the values of each round with the baseline's values of the same rounds.
pub(crate) fn compare(values: &[f64], baseline: &[f64]) -> Comparison {
    let ratios: Vec<f64> = values
        .iter()
        .zip(baseline)
        .map(|(value, base)| value / base)
        .filter(|ratio| ratio.is_finite())
        .collect();
    match (Summary::of(&ratios), Summary::of(values), Summary::of(baseline)) {
        (Some(_), Some(of), Some(to)) if of.spread.max(to.spread) > MAX_SPREAD => Comparison::TooNoisy,
        (Some(ratio), ..) => Comparison::Ratio(ratio),
        _ => Comparison::NotMeasured,
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Summary, compare};

    #[test]
    fn a_summary_has_the_median_and_the_quartiles() {
        let summary = Summary::of(&[5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!((summary.median, summary.min, summary.max), (3.0, 1.0, 5.0));
        // The quartiles are 2 and 4.
        assert_eq!(summary.spread, 2.0 / 3.0);
        let even = Summary::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!((even.median, even.spread), (2.5, 1.5 / 2.5));
        assert_eq!(Summary::of(&[7.0]).unwrap().spread, 0.0);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_each_round() {
        // The machine becomes slower from round to round, by less than the limit.
        let Comparison::Ratio(ratio) = compare(&[20.0, 20.4, 21.0], &[10.0, 10.2, 10.5]) else {
            panic!("no ratio")
        };
        assert_eq!((ratio.median, ratio.min, ratio.max), (2.0, 2.0, 2.0));
    }

    #[test]
    fn there_is_no_verdict_if_either_side_is_too_noisy() {
        let (steady, noisy) = ([10.0, 10.1, 10.2, 10.3], [10.0, 13.0, 9.0, 12.0]);
        assert_eq!(compare(&noisy, &steady), Comparison::TooNoisy);
        assert_eq!(compare(&steady, &noisy), Comparison::TooNoisy);
        assert!(matches!(compare(&steady, &steady), Comparison::Ratio(_)));
        // One outlier of several rounds does not count.
        let outlier = [10.0, 10.1, 10.2, 10.3, 30.0];
        assert!(matches!(compare(&outlier, &outlier), Comparison::Ratio(_)));
        assert_eq!(compare(&[], &steady), Comparison::NotMeasured);
    }
}
