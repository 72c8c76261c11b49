//! The stages of a rollout plan that are in force for a flag. Operators set them; documents that people write have none.

use super::{ConditionDefinition, OwnedName, ServeDefinition, Spelled};
use crate::{Breaker, Decimal, Sited};

/// The exposure of a flag: the stages in force. It replaces the percentage rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct ExposureDefinition {
    /// The identifier of a subject: `tenant` (default), `user` or the name of an attribute.
    pub by: Option<OwnedName>,
    /// The variant of the admitted subjects. Default: `on`.
    pub serve: Option<Sited<ServeDefinition>>,
    /// The stages, from the first of the plan to the current one.
    pub stages: Sited<Vec<StageDefinition>>,
    /// The statuses that are errors, besides 5xx.
    pub errors: Vec<u16>,
    /// The circuit breaker for single tenants.
    pub breaker: Option<Breaker>,
}

/// A stage in force.
#[derive(Debug, Clone, PartialEq)]
pub struct StageDefinition {
    /// The name, for explanations.
    pub name: Box<str>,
    /// The condition of the subjects that take part. Default: all subjects.
    pub audience: Option<Sited<ConditionDefinition>>,
    /// The percentage of the audience that is admitted, 0 to 100, with at most three decimals.
    pub percentage: Sited<Spelled<Decimal>>,
}
