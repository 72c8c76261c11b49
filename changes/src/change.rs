//! What can be changed at run time: one variant for each operation of the admin API.

use config::FlagsDocument;
use rules::Lifecycle;
use serde_json::{Map, Value};

use crate::event::Event;
use crate::urgent::Urgent;

/// A change. Names are as written; whether they exist is found out when it is applied.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Promotes or reverts a flag.
    SetState {
        /// The flag.
        flag: String,
        /// Where it goes.
        to: Lifecycle,
        /// Whether flags that depend on it are taken back with it.
        cascade: bool,
        /// What a promotion to ga serves to those who said nothing.
        ga_default: GaDefault,
        /// For a promotion that does not wait for what it should.
        urgent: Option<Urgent>,
    },
    /// Off for everyone.
    Kill {
        /// The flag.
        flag: String,
    },
    /// No longer killed.
    Restore {
        /// The flag.
        flag: String,
    },
    /// Sets the tier defaults: each named tier to its variant, or to none with null.
    SetTiers {
        /// The flag.
        flag: String,
        /// Tier and variant (a name or a boolean).
        tiers: Map<String, Value>,
    },
    /// Sets the percentage rollout, or removes it.
    SetRollout {
        /// The flag.
        flag: String,
        /// As in the document.
        rollout: Option<Value>,
    },
    /// Makes one tenant be served a variant, or takes that back.
    SetOverride {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
        /// A variant's name or a boolean; none: the override is removed.
        variant: Option<Value>,
    },
    /// Writes a tenant's record whole.
    PutTenant {
        /// The tenant.
        org: String,
        /// As in the document.
        record: Value,
    },
    /// Changes fields of a tenant's record; null removes one (RFC 7396).
    PatchTenant {
        /// The tenant.
        org: String,
        /// The fields.
        patch: Value,
    },
    /// Removes a tenant's record.
    DeleteTenant {
        /// The tenant.
        org: String,
    },
    /// Writes many tenants' records, in one revision.
    ImportTenants {
        /// What happens to those that there are already.
        mode: ImportMode,
        /// Tenant and record.
        tenants: Vec<(String, Value)>,
    },
    /// Puts a flag on a tenant's beta allowlist.
    Allow {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
    },
    /// Takes a flag off a tenant's beta allowlist.
    Disallow {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
    },
    /// The tenant chooses to have a flag.
    OptIn {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
    },
    /// The tenant chooses not to have a flag.
    OptOut {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
    },
    /// Somebody answers for the promotion of a flag to ga.
    SignOff {
        /// The flag.
        flag: String,
        /// On whose behalf: `engineering`, `operations`, ... as the policy names them.
        as_role: String,
    },
    /// Brings a flags document in: what Git owns of it, and what is new of the rest.
    ApplyDocument {
        /// The document.
        document: FlagsDocument,
        /// Whether flags and segments that it leaves out are removed.
        prune: bool,
        /// Whether a flag that is new keeps the lifecycle that the document gives it; left out it begins as alpha.
        adopt: bool,
    },
}

/// What a promotion to ga serves to those who said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GaDefault {
    /// The flag is on for everyone who has not opted out.
    #[default]
    On,
    /// As before: tier defaults, rollout and default decide.
    Tiers,
}

/// What happens to tenants that there are already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImportMode {
    /// They are an error of their item.
    Create,
    /// They are written whole.
    #[default]
    Upsert,
    /// Their fields are changed as by a patch.
    Patch,
}

impl Change {
    /// Returns the flag that the change names, if it names one.
    #[must_use]
    pub fn flag(&self) -> Option<&str> {
        self.names().0
    }

    /// Returns the tenant that the change names, if it names one. An org's admin may make a change only of its own
    /// org, so a tenant that is left out here is open to every org.
    #[must_use]
    pub fn org(&self) -> Option<&str> {
        self.names().1
    }

    /// Returns the flag and the tenant that the change names.
    fn names(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::SetState { flag, .. }
            | Self::Kill { flag }
            | Self::Restore { flag }
            | Self::SetTiers { flag, .. }
            | Self::SetRollout { flag, .. }
            | Self::SignOff { flag, .. } => (Some(flag), None),
            Self::SetOverride { org, flag, .. }
            | Self::Allow { org, flag }
            | Self::Disallow { org, flag }
            | Self::OptIn { org, flag }
            | Self::OptOut { org, flag } => (Some(flag), Some(org)),
            Self::PutTenant { org, .. } | Self::PatchTenant { org, .. } | Self::DeleteTenant { org } => {
                (None, Some(org))
            }
            Self::ImportTenants { .. } | Self::ApplyDocument { .. } => (None, None),
        }
    }

    /// Returns the event that the audit log records for the change.
    #[must_use]
    pub fn event(&self) -> Event {
        match self {
            Self::SetState { .. } => Event::StateChanged,
            Self::Kill { .. } => Event::FlagKilled,
            Self::Restore { .. } => Event::FlagRestored,
            Self::SetTiers { .. } => Event::TiersChanged,
            Self::SetRollout { .. } => Event::RolloutChanged,
            Self::SetOverride { variant: None, .. } => Event::OverrideRemoved,
            Self::SetOverride {
                variant: Some(variant),
                ..
            } if *variant == Value::Bool(false) || variant.as_str() == Some("off") => Event::FlagDisabled,
            Self::SetOverride { .. } => Event::FlagEnabled,
            Self::PutTenant { .. } | Self::PatchTenant { .. } => Event::TenantChanged,
            Self::DeleteTenant { .. } => Event::TenantRemoved,
            Self::ImportTenants { .. } => Event::TenantsImported,
            Self::Allow { .. } => Event::BetaAllowed,
            Self::Disallow { .. } => Event::BetaDisallowed,
            Self::OptIn { .. } => Event::OptedIn,
            Self::OptOut { .. } => Event::OptedOut,
            Self::SignOff { .. } => Event::SignedOff,
            Self::ApplyDocument { .. } => Event::DocumentApplied,
        }
    }
}
