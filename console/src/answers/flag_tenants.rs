//! The tenants of a flag: who has it, and why.

use serde::Deserialize;

/// A page of tenants.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagTenants {
    /// The number of all tenants.
    pub(crate) tenants: usize,
    pub(crate) orgs: Vec<FlagTenant>,
    /// The value of `after` for the next page.
    pub(crate) next: Option<String>,
}

/// A tenant, with the decision of the flag for it.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagTenant {
    pub(crate) id: String,
    pub(crate) tier: Option<String>,
    pub(crate) channel: String,
    pub(crate) internal: bool,
    pub(crate) on: bool,
    pub(crate) variant: String,
    pub(crate) cause: String,
    pub(crate) allowlisted: bool,
    /// The variant of its override.
    pub(crate) r#override: Option<String>,
    /// `in` or `out`, if the tenant chose.
    pub(crate) choice: Option<String>,
}

impl FlagTenant {
    /// Returns true if the flag is off for it because of the lifecycle.
    pub(crate) fn is_ineligible(&self) -> bool {
        self.cause == super::NOT_ELIGIBLE
    }

    /// Returns true if an override may have an effect: not while the flag is killed, nor at beta without eligibility.
    pub(crate) fn can_be_overridden(&self, lifecycle: Option<&str>) -> bool {
        super::can_be_overridden(&self.cause, lifecycle)
    }

    /// Returns the path of the page of the tenant.
    pub(crate) fn path(&self) -> String {
        crate::pages::tenant_path(&self.id)
    }
}
