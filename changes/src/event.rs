//! What can happen to flags and tenants, with its names in the audit logs.

use serde::{Deserialize, Serialize};

/// What happened. Each has a name in the platform's log; what concerns one org has another in the org's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A flag was promoted or reverted.
    StateChanged,
    /// A flag was killed.
    FlagKilled,
    /// A flag is no longer killed.
    FlagRestored,
    /// Tier defaults were set.
    TiersChanged,
    /// The rollout was set or removed.
    RolloutChanged,
    /// An override that gives a tenant the flag was set.
    FlagEnabled,
    /// An override that takes the flag from a tenant was set.
    FlagDisabled,
    /// An override was removed.
    OverrideRemoved,
    /// A tenant was put on a beta allowlist.
    BetaAllowed,
    /// A tenant was taken off a beta allowlist.
    BetaDisallowed,
    /// A tenant opted in.
    OptedIn,
    /// A tenant opted out.
    OptedOut,
    /// A tenant's record was written.
    TenantChanged,
    /// A tenant's record was removed.
    TenantRemoved,
    /// Tenants' records were brought in.
    TenantsImported,
    /// A role signed off.
    SignedOff,
    /// A document was applied.
    DocumentApplied,
    /// A copy of the store was taken.
    BackupTaken,
    /// Somebody could not prove who he is.
    SignInFailed,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::StateChanged,
        Self::FlagKilled,
        Self::FlagRestored,
        Self::TiersChanged,
        Self::RolloutChanged,
        Self::FlagEnabled,
        Self::FlagDisabled,
        Self::OverrideRemoved,
        Self::BetaAllowed,
        Self::BetaDisallowed,
        Self::OptedIn,
        Self::OptedOut,
        Self::TenantChanged,
        Self::TenantRemoved,
        Self::TenantsImported,
        Self::SignedOff,
        Self::DocumentApplied,
        Self::BackupTaken,
        Self::SignInFailed,
    ];

    /// Those whose name is this, or ends with it: `platform.feature_flag_killed`, `feature_flag_killed`, `flag_killed`.
    #[must_use]
    pub fn named(name: &str) -> Vec<Self> {
        let is_named = |full: &str| {
            let rest = full.strip_suffix(name);
            !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '_']))
        };
        let all = Self::ALL.into_iter();
        all.filter(|event| is_named(event.platform_name()) || event.org_name() == name)
            .collect()
    }

    /// Its name in the platform's log.
    #[must_use]
    pub fn platform_name(self) -> &'static str {
        match self {
            Self::StateChanged => "platform.feature_flag_state_changed",
            Self::FlagKilled => "platform.feature_flag_killed",
            Self::FlagRestored => "platform.feature_flag_restored",
            Self::TiersChanged => "platform.feature_flag_tiers_changed",
            Self::RolloutChanged => "platform.feature_flag_rollout_changed",
            Self::FlagEnabled => "platform.feature_flag_enabled",
            Self::FlagDisabled => "platform.feature_flag_disabled",
            Self::OverrideRemoved => "platform.feature_flag_override_removed",
            Self::BetaAllowed => "platform.feature_flag_beta_allowed",
            Self::BetaDisallowed => "platform.feature_flag_beta_disallowed",
            Self::OptedIn => "platform.feature_flag_opted_in",
            Self::OptedOut => "platform.feature_flag_opted_out",
            Self::TenantChanged => "platform.org_changed",
            Self::TenantRemoved => "platform.org_removed",
            Self::TenantsImported => "platform.orgs_imported",
            Self::SignedOff => "platform.feature_flag_signed_off",
            Self::DocumentApplied => "platform.document_applied",
            Self::BackupTaken => "platform.backup_taken",
            Self::SignInFailed => "platform.sign_in_failed",
        }
    }

    /// Its name in the log of the org that it concerns.
    #[must_use]
    pub fn org_name(self) -> &'static str {
        match self {
            Self::FlagEnabled => "feature_flag.enabled",
            Self::FlagDisabled => "feature_flag.disabled",
            Self::OverrideRemoved => "feature_flag.override_removed",
            Self::BetaAllowed => "feature_flag.beta_allowed",
            Self::BetaDisallowed => "feature_flag.beta_disallowed",
            Self::OptedIn => "feature_flag.opted_in",
            Self::OptedOut => "feature_flag.opted_out",
            Self::TenantChanged => "org.changed",
            Self::TenantRemoved => "org.removed",
            other => other.platform_name(),
        }
    }
}
