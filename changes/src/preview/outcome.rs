//! The result of a preview, and its pages.

use rules::Cause;

/// The largest number of decisions (pairs of a tenant and a flag) that a preview evaluates.
pub const MAX_PREVIEW_DECISIONS: usize = 5_000_000;
/// The largest number of decisions listed in one page.
pub const MAX_LISTED_DECISIONS: usize = 1_000;

/// The effect of a change on decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Number of tenants with a record after the change.
    pub tenants_total: usize,
    /// Number of tenants with at least one changed decision.
    pub tenants_changed: usize,
    /// Number of further tenants whose decisions may change for some requests, depending on users or attributes that
    /// only a request has.
    pub tenants_maybe_changed: usize,
    /// Number of changed decisions, that is, pairs of a tenant and a flag.
    pub decisions_changed: usize,
    /// A page of the changed decisions, ordered by tenant and flag.
    pub decisions: Vec<ChangedDecision>,
    /// The tenant and flag after which the next page starts; none on the last page.
    pub next: Option<(String, String)>,
    /// The changed decisions for tenants without a record. A flag that depends on the tenant's id, by a rollout or a
    /// split, has one for each pair of variants, with the share of the tenants.
    pub unknown_tenant: Vec<ChangedDecision>,
    /// The tenants whose decisions of changed flags stay the same, grouped by flag, tier and cause.
    pub unchanged: Vec<UnchangedTenants>,
    /// Number of decisions that were not evaluated. The other counts do not include them.
    pub not_evaluated: usize,
}

/// A decision that differs after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDecision {
    /// The tenant; none for tenants without a record.
    pub tenant: Option<String>,
    /// The flag.
    pub flag: String,
    /// The variant before; none if the flag does not exist or tenants without a record are rejected.
    pub from: Option<String>,
    /// The variant after.
    pub to: Option<String>,
    /// The cause of the decision after the change; [`Cause::UnknownFlag`] if there is no variant.
    pub cause: Cause,
    /// The cause in words: `tier tier2`, `rule beta testers`.
    pub reason: String,
    /// The share of the tenants without a record, in thousandths, estimated from a sample of ids; none for all of them,
    /// and for a tenant with a record.
    pub share_permille: Option<u16>,
}

/// Tenants of one tier with the same cause, whose decision of a flag does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnchangedTenants {
    /// The flag.
    pub flag: String,
    /// The tier; none for tenants without a tier.
    pub tier: Option<String>,
    /// The cause of the decision.
    pub cause: Cause,
    /// The cause in words: `not eligible at beta`, `overridden`, `opted out`.
    pub reason: String,
    /// Number of tenants.
    pub tenants: usize,
}

/// A page of changed decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPage {
    /// The tenant and flag after which the page starts; none for the first page.
    pub after: Option<(String, String)>,
    /// The size of the page, at most [`MAX_LISTED_DECISIONS`].
    pub limit: usize,
}

impl Default for PreviewPage {
    fn default() -> Self {
        Self {
            after: None,
            limit: MAX_LISTED_DECISIONS,
        }
    }
}

impl Preview {
    /// Returns true if more than `limit` tenants are changed or may be changed, or if decisions were not evaluated.
    #[must_use]
    pub fn affects_more_than(&self, limit: usize) -> bool {
        self.not_evaluated > 0 || self.tenants_changed.saturating_add(self.tenants_maybe_changed) > limit
    }
}
