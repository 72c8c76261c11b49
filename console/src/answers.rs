//! Answers of the admin API, as far as pages show them. The contract is `docs/openapi.json`.

mod audit;
mod decision_table;
mod explanation;
mod flag;
mod flag_tenants;
mod flag_tiers;
mod flag_traffic;
mod flag_usage;
mod node;
mod org_flags;
mod promotion;
mod receipt;
mod rollout;
mod tenant;
mod traffic;
mod variant;
mod words;

pub(crate) use audit::{AuditEntry, AuditList, LogEntry, Verification};
pub(crate) use decision_table::DecisionTable;
pub(crate) use explanation::{ExplainedFlag, RequestExplanation};
pub(crate) use flag::{Flag, FlagList};
pub(crate) use flag_tenants::FlagTenants;
pub(crate) use flag_tiers::FlagTiers;
pub(crate) use flag_traffic::{FlagMinutes, FlagTraffic};
pub(crate) use flag_usage::FlagUsage;
pub(crate) use node::{DocumentProblem, Endpoint, NodeHealth, Nodes};
pub(crate) use org_flags::{OrgFlag, OrgFlags};
pub(crate) use promotion::Promotion;
pub(crate) use receipt::{ExplainedRequest, Receipts};
pub(crate) use rollout::{Arm, ArmMinute, CheckEvidence, Minute, Rollout, RolloutEvidence, RolloutList};
pub(crate) use tenant::{Tenant, TenantFlags, TenantList};
pub(crate) use traffic::{Coverage, ShadowGate, ShadowReport};
pub(crate) use variant::VariantName;

/// The cause of a decision about a flag that is killed.
const KILLED: &str = "killed";
/// The cause of a decision about a tenant that is not eligible at the state of the lifecycle.
const NOT_ELIGIBLE: &str = "lifecycle";

/// Returns true if an override may have an effect on a decision with this cause. At alpha the policy may let overrides
/// make a tenant eligible.
fn can_be_overridden(cause: &str, lifecycle: Option<&str>) -> bool {
    cause != KILLED && !(cause == NOT_ELIGIBLE && lifecycle == Some("beta"))
}
