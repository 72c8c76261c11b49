//! Intervals of measured shares and percentiles, for display. They take requests as independent; the verdicts of checks,
//! which compare tenants with their own history, do not.

use crate::chart::number;

/// The quantile of the normal distribution for an interval that contains the measured quantity in 95 % of cases.
const Z: f64 = 1.959_964;

/// Returns the interval of a share: Wilson, *Probable inference, the law of succession, and statistical inference*, 1927.
/// Without requests nothing is known: 0 to 1.
pub(crate) fn share(errors: u64, requests: u64) -> (f64, f64) {
    if requests == 0 {
        return (0.0, 1.0);
    }
    let n = number(requests);
    let p = (number(errors) / n).min(1.0);
    let square = Z * Z / n;
    let middle = (p + square / 2.0) / (1.0 + square);
    let half = Z / (1.0 + square) * (p * (1.0 - p) / n + square / (4.0 * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// Returns the interval of a 95th percentile of `requests` numbers with these percentiles: between the numbers whose
/// ranks are its ends (David and Nagaraja, *Order statistics*, 2003, section 7.1). Numbers between known percentiles are
/// interpolated on a logarithmic scale. The lower end is at least the median, and the upper end at most the 99th
/// percentile: no others are known.
pub(crate) fn p95(p50: f64, p95: f64, p99: f64, requests: u64) -> (f64, f64) {
    let spread = Z * (0.95 * 0.05 / number(requests.max(1))).sqrt();
    let low = between((0.5, p50), (0.95, p95), 0.95 - spread);
    let high = between((0.95, p95), (0.99, p99), 0.95 + spread);
    (low.min(p95), high.max(p95))
}

/// Interpolates between two percentiles, each with its level.
fn between(lower: (f64, f64), upper: (f64, f64), level: f64) -> f64 {
    let part = ((level - lower.0) / (upper.0 - lower.0)).clamp(0.0, 1.0);
    let (from, to) = (lower.1.max(0.001).ln(), upper.1.max(0.001).ln());
    (from + part * (to - from)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_contains_it() {
        // 10 of 100: 5.52 % to 17.44 %, as tables of the Wilson interval have it.
        let (low, high) = share(10, 100);
        assert!(
            (low - 0.0552).abs() < 0.0001 && (high - 0.1744).abs() < 0.0001,
            "{low} {high}"
        );
        for (errors, requests) in [
            (0, 1),
            (1, 1),
            (0, 0),
            (3, 1_000_000),
            (u64::MAX, u64::MAX),
            (5, 2),
        ] {
            let (low, high) = share(errors, requests);
            assert!(
                (0.0..=1.0).contains(&low) && low <= high && high <= 1.0,
                "{errors}/{requests}: {low} {high}"
            );
        }
        assert_eq!(share(0, 100).0, 0.0);
    }

    #[test]
    fn the_interval_of_a_percentile_narrows_with_requests() {
        let wide = p95(20.0, 100.0, 300.0, 50);
        let narrow = p95(20.0, 100.0, 300.0, 100_000);
        assert!(wide.0 < narrow.0 && narrow.0 < 100.0, "{wide:?} {narrow:?}");
        assert!(
            wide.1 > narrow.1 && narrow.1 > 100.0 && wide.1 <= 300.1,
            "{wide:?} {narrow:?}"
        );
        for requests in [0, 1, u64::MAX] {
            let (low, high) = p95(0.0, 0.0, 0.0, requests);
            assert!(low.is_finite() && low <= high, "{low} {high}");
        }
    }
}
