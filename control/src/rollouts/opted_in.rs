//! The tenants of a stage that opted in. They are on regardless of the bucket, so there is nothing to compare them with:
//! only the absolute checks judge them.

use serde::{Deserialize, Serialize};
use verdicts::{Minimum, Reason, Slot, Stage, StageConfig, Status, Verdict};

use super::unit_history::UnitHistory;

/// The part of alpha of a check that is for the tenants that opted in.
pub(super) const ALPHA_SHARE: f64 = 0.1;

/// The evidence about the tenants of a stage with control that opted in.
#[derive(Serialize, Deserialize)]
pub(super) struct OptedIn {
    /// The absolute checks alone.
    test: Stage,
    /// For each check of the stage, its index here.
    absolute: Vec<Option<usize>>,
    verdicts: Vec<Verdict>,
}

impl OptedIn {
    /// Begins the evidence. `config` is that of the stage, with the whole alpha of a check.
    pub(super) fn begin(config: &StageConfig, history: &UnitHistory) -> Self {
        let mut checks = Vec::new();
        let mut absolute = Vec::new();
        let mut at_once = Vec::new();
        for (at, check) in config.checks.iter().enumerate() {
            absolute.push((!check.is_comparison()).then_some(checks.len()));
            if !check.is_comparison() {
                if config.at_once.contains(&at) {
                    at_once.push(checks.len());
                }
                checks.push(*check);
            }
        }
        let config = StageConfig {
            has_control: false,
            // They may be few. The sample that a check needs to pass is that of the arms.
            minimum: Minimum {
                requests: 0,
                tenants: 0,
            },
            alpha: config.alpha * ALPHA_SHARE,
            at_once,
            checks,
            ..config.clone()
        };
        Self {
            test: Stage::new(config, history.baselines()),
            absolute,
            verdicts: Vec::new(),
        }
    }

    pub(super) fn ingest(&mut self, slot: &Slot) {
        // The counts of the arms of the same slot were accepted or rejected and logged.
        let _ = self.test.ingest(slot);
    }

    pub(super) fn look(&mut self, slot: u64) {
        self.verdicts = self.test.look(slot);
    }

    /// Begins the evidence of the check of the stage with this index anew after a slot, with half of its alpha.
    pub(super) fn renew(&mut self, check: usize, slot: u64) {
        if let Some(Some(own)) = self.absolute.get(check) {
            self.test.renew(*own, slot);
        }
    }

    /// Begins the evidence of the check of the stage with this index anew after a slot, with the same alpha.
    pub(super) fn restart(&mut self, check: usize, slot: u64) {
        if let Some(Some(own)) = self.absolute.get(check) {
            self.test.restart(*own, slot);
        }
    }

    /// Returns the verdict about the check of the stage with this index; none for a comparison, or before a request.
    pub(super) fn verdict(&self, check: usize) -> Option<Verdict> {
        let verdict = *self.verdicts.get((*self.absolute.get(check)?)?)?;
        (verdict.treatment.requests > 0).then_some(verdict)
    }
}

/// Returns the status of a check from those of the arms and of the tenants that opted in: it fails if one fails, and passes
/// only if nothing speaks against the other.
pub(super) fn joint_status(arms: Status, opted_in: Option<&Verdict>) -> Status {
    let Some(opted_in) = opted_in else {
        return arms;
    };
    let is_against = matches!(opted_in.reason, Reason::OutsideBound | Reason::RecentEvidence);
    match (arms, opted_in.status) {
        (_, Status::Fail) => Status::Fail,
        (Status::Pass, Status::Inconclusive) if is_against => Status::Inconclusive,
        (arms, _) => arms,
    }
}
