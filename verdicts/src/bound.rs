//! Evidence that a proportion is above a fixed bound.
//!
//! **H0**: each request that counts is bad with probability at most `bound`, given the past. The mixture has its
//! support above the bound, so a lower rate is never evidence (Lindon and Malek, *Anytime-valid inference for
//! multinomial count data*, 2022; their mixture is continuous, this one has eight points).

/// The alternatives, as multiples of the bound.
const MULTIPLES: [f64; 8] = [1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0];
const LARGEST: f64 = 0.99;

/// Returns the log e-value of `bad` of `requests`.
pub(crate) fn evidence(requests: f64, bad: f64, bound: f64) -> f64 {
    let logs = MULTIPLES.map(|multiple| {
        let rate = (bound * multiple).min(LARGEST);
        bad * (rate / bound).ln() + (requests - bad) * ((1.0 - rate) / (1.0 - bound)).ln()
    });
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = logs.iter().map(|log| (log - largest).exp()).sum::<f64>() / 8.0;
    largest + mean.ln()
}

/// Returns the smallest log e-value with any one of the tenants left out. Each item is a tenant's requests and bad
/// requests.
pub(crate) fn without_any_tenant(tenants: &[(f64, f64)], bound: f64) -> f64 {
    let sum = |field: fn(&(f64, f64)) -> f64| tenants.iter().map(field).sum::<f64>();
    let (requests, bad) = (sum(|t| t.0), sum(|t| t.1));
    tenants
        .iter()
        .map(|(of_one, bad_of_one)| evidence(requests - of_one, bad - bad_of_one, bound))
        .fold(evidence(requests, bad, bound), f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_at_or_below_the_bound_is_no_evidence() {
        for (requests, bad) in [(1000.0, 0.0), (1000.0, 5.0), (1000.0, 10.0), (100_000.0, 900.0)] {
            assert!(evidence(requests, bad, 0.01) <= 0.0, "{bad} of {requests}");
        }
    }

    #[test]
    fn a_rate_above_the_bound_is_evidence() {
        assert!(evidence(1000.0, 50.0, 0.01) > 20.0);
        assert!(without_any_tenant(&[(500.0, 0.0), (500.0, 50.0)], 0.01) <= 0.0);
    }
}
