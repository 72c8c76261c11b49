//! The configurable conditions of promotions, the limit of one change's effect, and the ages at which flags are
//! stale.

use rules::Lifecycle;

use crate::refusal::Code;
use crate::stale::StaleLimits;

const HOUR_MS: i64 = 3_600_000;

/// The conditions that changes must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecyclePolicy {
    /// The minimum time in the present lifecycle before a promotion, in milliseconds, unless the policy of the next
    /// lifecycle has its own; default 24 h.
    pub soak_ms: i64,
    /// The further conditions of a promotion to beta.
    pub beta: BetaPolicy,
    /// The further conditions of a promotion to ga.
    pub ga: GaPolicy,
    /// The minimum time in ga before a flag is retired, in milliseconds. None: `soak_ms`.
    pub retired_soak_ms: Option<i64>,
    /// The time after a promotion in which the flag is watched, in milliseconds; default 24 h. 0: it is not watched.
    pub watch_ms: i64,
    /// The conditions that an urgent promotion cannot skip.
    pub urgent: UrgentPolicy,
    /// The largest number of tenants whose decisions a change may alter without `force`; default 1,000. None: any
    /// number.
    pub max_blast_radius: Option<usize>,
    /// The ages at which flags are stale.
    pub stale: StaleLimits,
    /// The source of the metrics of rollout plans that are not counted by the proxy.
    pub metrics: MetricSource,
}

/// The source of metrics that the proxy does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricSource {
    /// There is none: a plan whose checks need one is refused.
    #[default]
    Missing,
    /// A Prometheus is configured.
    Prometheus,
}

/// The conditions of a promotion to beta, which is the exit of alpha.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BetaPolicy {
    /// The minimum time in alpha, in milliseconds. None: that of the policy.
    pub soak_ms: Option<i64>,
    /// The roles that must have signed off; none by default.
    pub sign_offs: Vec<RequiredSignOff>,
    /// The errors that are allowed.
    pub errors: ErrorLimit,
}

/// The conditions of a promotion to ga, which is the exit of beta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaPolicy {
    /// The minimum time in beta, in milliseconds. None: that of the policy.
    pub soak_ms: Option<i64>,
    /// The minimum number of tenants that are not internal, opted in or are on the allowlist, and were served requests
    /// with the flag on; default 10.
    pub tenants: usize,
    /// The minimum age of the record of a tenant that counts, in milliseconds; default 24 h.
    pub tenant_age_ms: i64,
    /// The minimum time in beta, and since the last kill, restore, revert or rollback, in which requests were served;
    /// in milliseconds; default 72 h. 0: none, and no requests either.
    pub stable_ms: i64,
    /// The requirement of `revertible: true` and of `revert` in the definition; required by default.
    pub revertible: Revertible,
    /// The roles that must have signed off; none by default.
    pub sign_offs: Vec<RequiredSignOff>,
    /// The errors that are allowed.
    pub errors: ErrorLimit,
}

/// The largest number of requests that a flag let through and that met an error within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLimit {
    /// The number; default 0. None: any number.
    pub allowed: Option<u64>,
    /// The window, in milliseconds; default 24 h.
    pub window_ms: i64,
}

/// A sign-off that a promotion requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredSignOff {
    /// The role.
    pub role: String,
    /// The operators who may sign off for the role. None: every operator.
    pub signers: Option<Vec<Signer>>,
}

/// Operators who may sign off for a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The operator with this name, as in the audit log.
    Name(String),
    /// The operators whose token of an issuer has this value in its claim of roles.
    Group(String),
    /// The operator or the group that the flag's `owner` names.
    Owner,
}

/// The conditions that an urgent promotion cannot skip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrgentPolicy {
    /// The codes of the conditions; default: `NOT_REVERTIBLE` and `ROLLBACK_OPEN`.
    pub never_skipped: Vec<Code>,
    /// The treatment of states between the present one and the next; kept by default.
    pub states: StateOrder,
}

/// The treatment of the order of lifecycles by an urgent promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateOrder {
    /// It promotes to the next state only.
    #[default]
    Kept,
    /// It may skip states.
    MaySkip,
}

/// The requirement that a flag can be reverted without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revertible {
    /// The definition must say `revertible: true`, and name its revert path in `revert`.
    #[default]
    Required,
    /// Not required.
    Optional,
}

impl LifecyclePolicy {
    /// Returns the minimum time in the lifecycle before `to`, in milliseconds.
    #[must_use]
    pub fn soak_before(&self, to: Lifecycle) -> i64 {
        let own = match to {
            Lifecycle::Alpha => None,
            Lifecycle::Beta => self.beta.soak_ms,
            Lifecycle::Ga => self.ga.soak_ms,
            Lifecycle::Retired => self.retired_soak_ms,
        };
        own.unwrap_or(self.soak_ms)
    }

    /// Returns the sign-offs that the promotion from a lifecycle requires.
    #[must_use]
    pub fn sign_offs_after(&self, from: Lifecycle) -> &[RequiredSignOff] {
        match from {
            Lifecycle::Alpha => &self.beta.sign_offs,
            Lifecycle::Beta => &self.ga.sign_offs,
            Lifecycle::Ga | Lifecycle::Retired => &[],
        }
    }

    /// Returns the errors that are allowed while a flag is in a lifecycle, or has none.
    #[must_use]
    pub fn errors_in(&self, lifecycle: Option<Lifecycle>) -> ErrorLimit {
        match lifecycle {
            Some(Lifecycle::Alpha) => self.beta.errors,
            _ => self.ga.errors,
        }
    }
}

impl UrgentPolicy {
    /// Returns true if an urgent promotion skips the condition.
    #[must_use]
    pub fn skips(&self, condition: Code) -> bool {
        let is_kept = condition == Code::StateSkipped && self.states == StateOrder::Kept;
        !is_kept && !self.never_skipped.contains(&condition)
    }
}

impl Signer {
    /// Returns the signer as in a sentence.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Group(group) => format!("the group {group}"),
            Self::Owner => "the owner of the flag".to_owned(),
        }
    }
}

/// Requires a sign-off that every operator may give.
impl From<&str> for RequiredSignOff {
    fn from(role: &str) -> Self {
        Self {
            role: role.to_owned(),
            signers: None,
        }
    }
}

impl Default for LifecyclePolicy {
    fn default() -> Self {
        Self {
            soak_ms: 24 * HOUR_MS,
            beta: BetaPolicy::default(),
            ga: GaPolicy::default(),
            retired_soak_ms: None,
            watch_ms: 24 * HOUR_MS,
            urgent: UrgentPolicy::default(),
            max_blast_radius: Some(1_000),
            stale: StaleLimits::default(),
            metrics: MetricSource::default(),
        }
    }
}

impl Default for GaPolicy {
    fn default() -> Self {
        Self {
            soak_ms: None,
            tenants: 10,
            tenant_age_ms: 24 * HOUR_MS,
            stable_ms: 72 * HOUR_MS,
            revertible: Revertible::Required,
            sign_offs: Vec::new(),
            errors: ErrorLimit::default(),
        }
    }
}

impl Default for ErrorLimit {
    fn default() -> Self {
        Self {
            allowed: Some(0),
            window_ms: 24 * HOUR_MS,
        }
    }
}

impl Default for UrgentPolicy {
    fn default() -> Self {
        Self {
            never_skipped: vec![Code::NotRevertible, Code::RollbackOpen],
            states: StateOrder::Kept,
        }
    }
}
