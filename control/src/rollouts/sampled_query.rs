//! A check of a rollout plan that queries Prometheus: its query and the samples.

use changes::CheckVerdict;
use config::PrometheusBound;
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use verdicts::{BadSide, SampleCheck, Status};

use crate::stage_report::QueryReport;

/// The longest text of a failure that is kept, in characters.
const MAX_ERROR: usize = 300;

/// A query with its samples.
#[derive(Serialize, Deserialize)]
pub(super) struct SampledQuery {
    query: String,
    samples: SampleCheck,
    /// The time of the last attempt, in milliseconds.
    at_ms: Option<i64>,
    error: Option<String>,
}

impl SampledQuery {
    pub(super) fn new(query: &str, bound: &PrometheusBound) -> Self {
        let bad_side = match bound {
            PrometheusBound::Above(_) => BadSide::Above,
            PrometheusBound::Below(_) => BadSide::Below,
        };
        Self {
            query: query.to_owned(),
            samples: SampleCheck::new(bad_side, bound.number()),
            at_ms: None,
            error: None,
        }
    }

    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// Takes the result of an attempt to read the value, with its time, also as steady time.
    pub(super) fn sample(&mut self, (at, steady): (Timestamp, Timestamp), value: Result<f64, String>) {
        self.samples.sample(seconds(steady), value.as_ref().ok().copied());
        self.at_ms = Some(at.0);
        self.error = value.err().map(|error| error.chars().take(MAX_ERROR).collect());
    }

    /// Returns true if it has failed, and its samples are within the bound again.
    pub(super) fn has_recovered(&self) -> bool {
        self.samples.has_recovered()
    }

    /// Counts the samples anew, after a recovery, or after a person has acknowledged the failure.
    pub(super) fn renew(&mut self) {
        self.samples.renew();
    }

    /// Returns the verdict at a steady time.
    pub(super) fn verdict(&self, steady: Timestamp) -> CheckVerdict {
        match self.samples.look(seconds(steady)).0 {
            Status::Pass => CheckVerdict::Pass,
            Status::Fail => CheckVerdict::Fail,
            Status::Inconclusive => CheckVerdict::Inconclusive,
            Status::NotApplicable => CheckVerdict::NotApplicable,
        }
    }

    /// Returns the report at a steady time.
    pub(super) fn report(&self, steady: Timestamp) -> QueryReport {
        QueryReport {
            reason: self.samples.look(seconds(steady)).1,
            value: self.samples.value(),
            at: self.at_ms.map(Timestamp),
            error: self.error.clone(),
            is_unreadable_for_long: self.samples.is_unreadable_for_long(),
        }
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.0.div_euclid(1_000)).unwrap_or(0)
}
