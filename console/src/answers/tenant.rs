//! Tenants: their records, and the decisions of all flags for one.

use std::collections::BTreeMap;

use crate::attribute_lines::{self, Attributes};
use serde::Deserialize;

use super::VariantName;

/// A page of tenants.
#[derive(Debug, Deserialize)]
pub(crate) struct TenantList {
    /// The number of all tenants.
    pub(crate) total: usize,
    pub(crate) orgs: Vec<Tenant>,
    /// The value of `after` for the next page.
    pub(crate) next: Option<String>,
}

/// The record of a tenant.
#[derive(Debug, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) tier: Option<String>,
    pub(crate) channel: Option<String>,
    #[serde(default)]
    pub(crate) internal: bool,
    #[serde(default)]
    pub(crate) attributes: Attributes,
    #[serde(default)]
    pub(crate) beta: Vec<String>,
    #[serde(default)]
    pub(crate) opt_in: Vec<String>,
    #[serde(default)]
    pub(crate) opt_out: Vec<String>,
    #[serde(default)]
    pub(crate) overrides: BTreeMap<String, VariantName>,
}

/// A page of the flags of a tenant.
#[derive(Debug, Deserialize)]
pub(crate) struct TenantFlags {
    pub(crate) flags: Vec<TenantFlag>,
    /// The value of `after` for the next page.
    pub(crate) next: Option<String>,
}

/// A flag, as it is decided for the tenant.
#[derive(Debug, Deserialize)]
pub(crate) struct TenantFlag {
    pub(crate) key: String,
    pub(crate) lifecycle: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) on: bool,
    pub(crate) variant: String,
    /// The names of its variants; none for a flag of `on` and `off`.
    variants: Option<Vec<String>>,
    pub(crate) cause: String,
    pub(crate) r#override: Option<VariantName>,
    pub(crate) allowlisted: bool,
    pub(crate) opted_in: bool,
    pub(crate) opted_out: bool,
}

impl Tenant {
    /// Returns the path and query of the page that the people of the tenant have.
    pub(crate) fn own_path(&self) -> String {
        crate::pages::org_path(&self.id)
    }

    /// Returns the path of its page.
    pub(crate) fn path(&self) -> String {
        crate::pages::tenant_path(&self.id)
    }

    /// Returns its channel, `stable` by default.
    pub(crate) fn channel(&self) -> &str {
        self.channel.as_deref().unwrap_or("stable")
    }

    /// Returns its attributes, each as `name: value` on a line of its own. A value is JSON.
    pub(crate) fn attribute_lines(&self) -> String {
        attribute_lines::print(&self.attributes)
    }
}

impl TenantFlag {
    /// Returns the variants that a row offers; none for a flag of `on` and `off`.
    pub(crate) fn choices(&self) -> Option<&[String]> {
        self.variants.as_deref()
    }

    /// Returns true if it is not killed.
    pub(crate) fn is_served(&self) -> bool {
        self.cause != super::KILLED
    }

    /// Returns true if it is off because of the lifecycle.
    pub(crate) fn is_ineligible(&self) -> bool {
        self.cause == super::NOT_ELIGIBLE
    }

    /// Returns true if an override may have an effect: not while the flag is killed, nor at beta without eligibility.
    pub(crate) fn can_be_overridden(&self) -> bool {
        super::can_be_overridden(&self.cause, self.lifecycle.as_deref())
    }

    /// Returns the path of the page of the flag.
    pub(crate) fn path(&self) -> String {
        crate::pages::flag_path(&self.key)
    }
}
