//! The rollout plan of a flag, as operators write it: stages, checks, times at which it advances, approvals.
//! `changes` checks it against the policy and runs it.

mod check;
mod json;
mod stage;
mod window;

pub use self::check::{Bound, Check, CheckAction, Metric, PrometheusBound};
pub use self::stage::{Advance, Stage};
pub use self::window::{DayTime, Days, Window, Zone};

use rules::{Breaker, Decimal, OwnedName, ServeDefinition};

/// The largest number of stages of a plan.
pub const MAX_STAGES: usize = 20;
/// The largest number of checks of a plan, and of those that one stage adds.
pub const MAX_CHECKS: usize = 20;
/// The largest number of windows of a plan, or of a stage.
pub const MAX_WINDOWS: usize = 14;
/// The largest number of approvals.
pub const MAX_APPROVALS: usize = 10;
/// The largest number of items of the checklist.
pub const MAX_CHECKLIST: usize = 50;
/// The largest number of further statuses that are errors.
pub(crate) const MAX_ERRORS: usize = 50;

/// The default of `alpha`.
pub(crate) const DEFAULT_ALPHA: &str = "0.005";
/// The default of `cap`.
pub(crate) const DEFAULT_CAP: u32 = 20;
/// The default of `patience`, in milliseconds: 2 days.
pub(crate) const DEFAULT_PATIENCE_MS: u64 = 2 * 86_400_000;

/// The rollout plan of a flag. Its conditions have no sites, because it outlives its text.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutPlan {
    /// The ticket of the release.
    pub ticket: Option<Box<str>>,
    /// The stages, in order; at least one.
    pub stages: Vec<Stage>,
    /// The checks of every stage. A plan that omits them checks for more than 1 % of errors.
    pub checks: Vec<Check>,
    /// The sample that a check needs to pass.
    pub minimum: Minimum,
    /// The times at which a stage may be entered, and the plan be finished. Empty: any time.
    pub window: Vec<Window>,
    /// The roles that must approve the plan, each by another person.
    pub approvals: Vec<Box<str>>,
    /// The items that must be done before the start.
    pub checklist: Vec<Box<str>>,
    /// The effect of a rollback.
    pub rollback: Rollback,
    /// The last step of the plan.
    pub finish: Option<Finish>,
    /// The unit of randomisation: `tenant` (default), `user` or the name of an attribute.
    pub by: Option<OwnedName>,
    /// The variant of admitted subjects. Default: `on`.
    pub serve: Option<ServeDefinition>,
    /// The statuses that are errors, besides 5xx.
    pub errors: Vec<u16>,
    /// The probability of a false alarm, over all statistical checks and stages.
    pub alpha: Decimal,
    /// The largest number of requests that count of one unit, arm and slot of 5 s.
    pub cap: u32,
    /// The time after which people are notified of a stage that cannot end, in milliseconds.
    pub patience_ms: u64,
    /// The circuit breaker for single tenants.
    pub breaker: Option<Breaker>,
}

/// The sample that a check needs to pass. It is never needed to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimum {
    /// The number of requests in each arm; default 500.
    pub requests: u64,
    /// The number of tenants in each arm; default 3.
    pub tenants: u64,
}

impl Default for Minimum {
    fn default() -> Self {
        Self {
            requests: 500,
            tenants: 3,
        }
    }
}

/// The effect of a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rollback {
    /// The flag is killed.
    #[default]
    Kill,
    /// The percentage of each stage in force is 0. Overrides and pilots keep the flag.
    Exposure,
    /// The stage before is in force again.
    Previous,
}

impl Rollback {
    /// All effects.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Exposure, Self::Previous];

    /// Returns the name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Exposure => "exposure",
            Self::Previous => "previous",
        }
    }
}

/// The last step of a plan: the default of the flag is written, and the stages are no longer in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// The variant that is served if nothing else decides.
    pub default: OwnedName,
}

impl RolloutPlan {
    /// Returns the checks of the stage with this index: those of the plan, then its own.
    pub fn checks_of(&self, stage: usize) -> impl Iterator<Item = &Check> {
        let own = self.stages.get(stage).map(|stage| stage.checks.as_slice());
        self.checks.iter().chain(own.unwrap_or_default())
    }

    /// Returns true if the check can apply to the stage with this index. In a stage without a control arm comparisons do
    /// not.
    #[must_use]
    pub fn can_apply(&self, check: &Check, stage: usize) -> bool {
        let has_control = self.stages.get(stage).is_some_and(Stage::has_control);
        has_control || !check.metric.is_comparison()
    }

    /// Returns the checks of the stage that can apply to it.
    pub fn applicable_checks(&self, stage: usize) -> impl Iterator<Item = &Check> {
        let checks = self.checks_of(stage);
        checks.filter(move |check| self.can_apply(check, stage))
    }

    /// Returns the windows in which the stage may be entered: its own, or those of the plan.
    #[must_use]
    pub fn window_of(&self, stage: usize) -> &[Window] {
        let own = self.stages.get(stage).map(|stage| stage.window.as_slice());
        own.filter(|own| !own.is_empty()).unwrap_or(&self.window)
    }

    /// Returns the share of the stage's own audience that earlier stages have admitted: with the same audience, or with
    /// everyone. They have admitted the buckets below their percentage.
    #[must_use]
    pub fn admitted_before(&self, stage: usize) -> f64 {
        let audience = |stage: &Stage| stage.audience.as_ref().map(|audience| audience.value.clone());
        let own = self.stages.get(stage).and_then(audience);
        let earlier = self.stages.iter().take(stage);
        let contains_own = earlier.filter(|earlier| earlier.audience.is_none() || audience(earlier) == own);
        contains_own.map(Stage::share).fold(0.0, f64::max)
    }

    /// Returns the probability that a unit of the stage's own audience, without earlier admissions, is in treatment.
    #[must_use]
    pub fn share_of(&self, stage: usize) -> f64 {
        let admitted = self.admitted_before(stage);
        match self.stages.get(stage) {
            Some(own) if admitted < 1.0 => ((own.share() - admitted) / (1.0 - admitted)).clamp(0.0, 1.0),
            _ => 1.0,
        }
    }

    /// Returns the probability of a false alarm of one statistical check in the stage: `alpha`, divided over the stages
    /// and over the statistical checks that can apply to this one.
    #[must_use]
    pub fn alpha_of(&self, stage: usize) -> f64 {
        let checks = self.applicable_checks(stage);
        let checks = checks.filter(|check| check.metric.is_statistical()).count();
        let shares = self.stages.len().max(1).saturating_mul(checks.max(1));
        let shares = u32::try_from(shares).unwrap_or(u32::MAX);
        check::double(self.alpha) / f64::from(shares)
    }
}
