//! Body of the decisions that a change would change.

use changes::{ChangedDecision, Preview};
use serde::Serialize;
use utoipa::ToSchema;

/// The decisions that a change would change.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub(crate) struct PreviewBody {
    /// The number of tenants with a record.
    tenants_total: usize,
    /// The number of tenants for whom at least one flag would serve another variant.
    tenants_changed: usize,
    /// The number of further tenants whose variant may change for some users or requests, depending on data that only a
    /// request has.
    tenants_maybe_changed: usize,
    /// The number of pairs of a tenant and a flag whose variant would change.
    decisions_changed: usize,
    /// The first changed decisions, in the order of tenants and flags; at most 1,000.
    decisions: Vec<ChangedDecisionBody>,
    /// The changed decisions for tenants without a record.
    unknown_tenant: Vec<ChangedDecisionBody>,
    /// The tenants whose variant does not change, grouped by cause.
    unchanged: Vec<UnchangedTenantsBody>,
    /// The number of pairs that were not evaluated, because there are too many.
    not_evaluated: usize,
}

/// A decision that would change.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedDecision)]
struct ChangedDecisionBody {
    tenant: Option<String>,
    flag: String,
    from: Option<String>,
    to: Option<String>,
    cause: &'static str,
    reason: String,
    /// The share of the tenants without a record, in percent, estimated from a sample of ids. Absent if it is all of
    /// them, and for a tenant with a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    share_percent: Option<f64>,
}

/// Tenants whose variant does not change, for one cause.
#[derive(Serialize, ToSchema)]
#[schema(as = UnchangedTenants)]
struct UnchangedTenantsBody {
    flag: String,
    tier: Option<String>,
    cause: &'static str,
    reason: String,
    tenants: usize,
}

impl From<Preview> for PreviewBody {
    fn from(preview: Preview) -> Self {
        let unchanged = preview.unchanged.into_iter().map(|group| UnchangedTenantsBody {
            flag: group.flag,
            tier: group.tier,
            cause: group.cause.as_str(),
            reason: group.reason,
            tenants: group.tenants,
        });
        Self {
            tenants_total: preview.tenants_total,
            tenants_changed: preview.tenants_changed,
            tenants_maybe_changed: preview.tenants_maybe_changed,
            decisions_changed: preview.decisions_changed,
            decisions: preview
                .decisions
                .into_iter()
                .map(ChangedDecisionBody::from)
                .collect(),
            unknown_tenant: preview
                .unknown_tenant
                .into_iter()
                .map(ChangedDecisionBody::from)
                .collect(),
            unchanged: unchanged.collect(),
            not_evaluated: preview.not_evaluated,
        }
    }
}

impl From<ChangedDecision> for ChangedDecisionBody {
    fn from(decision: ChangedDecision) -> Self {
        Self {
            tenant: decision.tenant,
            flag: decision.flag,
            from: decision.from,
            to: decision.to,
            cause: decision.cause.as_str(),
            reason: decision.reason,
            share_percent: decision.share_permille.map(|permille| f64::from(permille) / 10.0),
        }
    }
}
