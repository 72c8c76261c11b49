//! The exposure of a flag, compiled: the stages of a rollout plan in force. Audiences accumulate: a later stage removes
//! no subject that an earlier one admits.

use crate::{Breaker, bucket::Bucketing, condition::Condition, split::Serve};

/// The exposure of a flag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exposure {
    pub(crate) bucketing: Bucketing,
    pub(crate) serve: Serve,
    /// From the first stage of the plan to the current one; none before the plan starts.
    pub(crate) stages: Box<[Stage]>,
    /// The statuses that are errors, besides 5xx.
    pub(crate) errors: Box<[u16]>,
    pub(crate) breaker: Option<Breaker>,
}

/// A stage in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stage {
    pub(crate) name: Box<str>,
    /// The share in thousandths of a percent: buckets below it are admitted.
    pub(crate) share: u32,
    pub(crate) audience: Option<Condition>,
}

impl Exposure {
    /// Returns the index of the current stage: the last one.
    pub(crate) fn current(&self) -> usize {
        self.stages.len().saturating_sub(1)
    }

    /// Returns true if some stage has every subject in its audience. Then no subject gets to the lines after the exposure.
    pub(crate) fn is_of_everyone(&self) -> bool {
        self.stages.iter().any(|stage| stage.audience.is_none())
    }

    /// Returns true if some stage admits a share of its audience, or if the plan has not started.
    pub(crate) fn may_admit(&self) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|stage| stage.share > 0)
    }
}
