//! The checks of the stage in force, each from 0 to its bound.

use crate::answers::CheckEvidence;
use crate::chart::{self, Svg, Unit, trimmed};

/// A check.
pub(super) struct CheckRow {
    pub(super) name: String,
    pub(super) metric: String,
    /// The action of a failure.
    pub(super) then: String,
    pub(super) verdict: String,
    pub(super) detail: Option<String>,
    pub(super) since: Option<String>,
    /// The value in its unit; none before it was measured.
    pub(super) value: Option<String>,
    pub(super) bound: Option<String>,
    /// The way from 0 to the bound.
    pub(super) way: Svg,
    /// The evidence against the bound; none for checks without a test.
    pub(super) evidence: Option<Evidence>,
    /// The requests that count, of both arms.
    pub(super) sample: Option<(u64, u64)>,
}

/// The evidence against a bound.
pub(super) struct Evidence {
    pub(super) so_far: String,
    pub(super) needed: String,
    /// Its way on a logarithmic scale.
    pub(super) way: Svg,
}

impl CheckRow {
    pub(super) fn new(check: &CheckEvidence) -> Self {
        let evidence = check.evidence.zip(check.evidence_needed);
        let sample = check.sample.as_ref();
        Self {
            name: check.check.clone(),
            metric: check.metric.clone(),
            then: check.then.clone(),
            verdict: check.verdict.clone(),
            detail: check.detail.clone(),
            since: check.since.clone(),
            value: check.value.map(|value| formatted(value, &check.unit)),
            bound: check.bound.map(|bound| formatted(bound, &check.unit)),
            way: chart::way(way_to_bound(check)),
            evidence: evidence.map(|(so_far, needed)| Evidence {
                so_far: count(so_far),
                needed: count(needed),
                way: chart::way(Some(so_far.max(1.0).ln() / needed.max(1.001).ln())),
            }),
            sample: sample.map(|sample| (sample.treatment.requests, sample.control.requests)),
        }
    }
}

/// Formats the value or the bound of a check in its unit: `0.4 %`, `1.83 s`, `+12 %` against control.
fn formatted(value: f64, unit: &str) -> String {
    match unit {
        "share" => Unit::Share.format(value),
        "seconds" => Unit::Milliseconds.format(value * 1_000.0),
        "ratio" => format!("{:+.0} %", (value - 1.0) * 100.0),
        _ => trimmed(value, 3),
    }
}

/// Formats evidence, which is at least 1.
fn count(evidence: f64) -> String {
    match evidence {
        evidence if evidence < 10.0 => trimmed(evidence, 1),
        evidence if evidence < 1e6 => trimmed(evidence, 0),
        _ => "1000000+".to_owned(),
    }
}

/// Returns the part of the way from 0 to the bound that the value has come; above 1 it is beyond the bound. A comparison
/// with control starts at no difference.
fn way_to_bound(check: &CheckEvidence) -> Option<f64> {
    let start = if check.unit == "ratio" { 1.0 } else { 0.0 };
    let (value, bound) = (check.value? - start, check.bound? - start);
    Some(match (value <= 0.0, bound <= 0.0) {
        (true, _) => 0.0,
        (false, true) => f64::INFINITY,
        (false, false) => value / bound,
    })
}
