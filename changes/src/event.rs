//! The events that audit entries record, with their names in the audit logs.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Defines the events, one line each: the variant, the name in the platform's log and, for events that concern one org,
/// the name in the log of that org.
macro_rules! events {
    ($($(#[$doc:meta])+ $event:ident: $platform:literal $(, org $org:literal)?;)+) => {
        /// An event of the audit log. Stored entries have its name in the platform's log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Event {
            $($(#[$doc])+ $event,)+
        }

        impl Event {
            /// Every event, in the order of declaration.
            pub const ALL: [Self; [$($platform),+].len()] = [$(Self::$event),+];

            /// Returns the name in the platform's log.
            #[must_use]
            pub fn platform_name(self) -> &'static str {
                match self {
                    $(Self::$event => $platform,)+
                }
            }

            fn variant_name(self) -> &'static str {
                match self {
                    $(Self::$event => stringify!($event),)+
                }
            }

            /// Returns the name in the log of the org that the event concerns; the platform's name for events that
            /// concern no single org.
            #[must_use]
            pub fn org_name(self) -> &'static str {
                let own: Option<&'static str> = match self {
                    $(Self::$event => events!(@org $($org)?),)+
                };
                own.unwrap_or_else(|| self.platform_name())
            }
        }
    };
    (@org) => { None };
    (@org $org:literal) => { Some($org) };
}

events! {
    /// A flag was promoted or reverted.
    StateChanged: "platform.feature_flag_state_changed";
    /// A flag was killed.
    FlagKilled: "platform.feature_flag_killed";
    /// A flag is no longer killed.
    FlagRestored: "platform.feature_flag_restored";
    /// Tier defaults were set.
    TiersChanged: "platform.feature_flag_tiers_changed";
    /// The rollout was set or removed.
    RolloutChanged: "platform.feature_flag_rollout_changed";
    /// A rollout plan was set or edited.
    PlanSet: "platform.feature_flag_plan_set";
    /// A rollout plan was removed.
    PlanRemoved: "platform.feature_flag_plan_removed";
    /// A role approved a rollout plan.
    PlanApproved: "platform.feature_flag_plan_approved";
    /// An item of the checklist of a rollout plan was checked off, or opened again.
    PlanItemChecked: "platform.feature_flag_plan_item_checked";
    /// A rollout plan was started.
    RolloutStarted: "platform.feature_flag_rollout_started";
    /// A rollout plan was paused.
    RolloutPaused: "platform.feature_flag_rollout_paused";
    /// A rollout plan was resumed.
    RolloutResumed: "platform.feature_flag_rollout_resumed";
    /// A rollout plan entered its next stage.
    StageEntered: "platform.feature_flag_rollout_stage_entered";
    /// A rollout plan was rolled back.
    RolloutRolledBack: "platform.feature_flag_rollout_rolled_back";
    /// A rollout plan was cancelled.
    RolloutCancelled: "platform.feature_flag_rollout_cancelled";
    /// A rollout plan was completed.
    RolloutCompleted: "platform.feature_flag_rollout_completed";
    /// An override that gives a tenant the flag was set.
    FlagEnabled: "platform.feature_flag_enabled", org "feature_flag.enabled";
    /// An override that takes the flag from a tenant was set.
    FlagDisabled: "platform.feature_flag_disabled", org "feature_flag.disabled";
    /// An override was removed.
    OverrideRemoved: "platform.feature_flag_override_removed", org "feature_flag.override_removed";
    /// A tenant was put on a beta allowlist.
    BetaAllowed: "platform.feature_flag_beta_allowed", org "feature_flag.beta_allowed";
    /// A tenant was taken off a beta allowlist.
    BetaDisallowed: "platform.feature_flag_beta_disallowed", org "feature_flag.beta_disallowed";
    /// A tenant opted in.
    OptedIn: "platform.feature_flag_opted_in", org "feature_flag.opted_in";
    /// A tenant opted out.
    OptedOut: "platform.feature_flag_opted_out", org "feature_flag.opted_out";
    /// A problem with a flag was reported.
    Reported: "platform.feature_flag_reported", org "feature_flag.reported";
    /// A report was closed.
    ReportClosed: "platform.feature_flag_report_closed", org "feature_flag.report_closed";
    /// A tenant's record was written.
    TenantChanged: "platform.org_changed", org "org.changed";
    /// A tenant's record was removed.
    TenantRemoved: "platform.org_removed", org "org.removed";
    /// Tenants' records were imported.
    TenantsImported: "platform.orgs_imported";
    /// An incident of a flag was opened.
    IncidentOpened: "platform.feature_flag_incident_opened";
    /// An incident of a flag was closed.
    IncidentClosed: "platform.feature_flag_incident_closed";
    /// The time in which a flag is watched after a promotion ended.
    WatchEnded: "platform.feature_flag_watch_ended";
    /// The time that a plan has spent in its stage was corrected, because the system clock had jumped.
    StageTimeCorrected: "platform.feature_flag_stage_time_corrected";
    /// A role signed off.
    SignedOff: "platform.feature_flag_signed_off";
    /// A document was applied.
    DocumentApplied: "platform.document_applied";
    /// A copy of the store was taken.
    BackupTaken: "platform.backup_taken";
    /// The levels of the process log were set.
    LogLevelSet: "platform.log_level_set";
    /// A backup was restored in place of the store.
    StoreRestored: "platform.store_restored";
    /// The gateway document is another one.
    ConfigChanged: "platform.config_changed";
    /// The conditions of changes are other ones.
    PolicyChanged: "platform.policy_changed";
    /// The operators are other ones.
    OperatorsChanged: "platform.operators_changed";
    /// Credentials were rejected.
    SignInFailed: "platform.sign_in_failed";
}

impl Event {
    /// Returns the events with this name in a log, that of the platform or that of an org.
    #[must_use]
    pub fn named(name: &str) -> Vec<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|event| event.platform_name() == name || event.org_name() == name)
            .collect()
    }

    /// Returns the name in entries that earlier builds stored: the variant's name in snake case.
    #[must_use]
    pub fn former_name(self) -> String {
        let mut name = String::new();
        for letter in self.variant_name().chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.platform_name())
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        let mut all = Self::ALL.into_iter();
        let event = all.find(|event| event.platform_name() == name || event.former_name() == name);
        event.ok_or_else(|| Error::custom(format_args!("unknown event `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_name_in_a_log() {
        for event in Event::ALL {
            let name = event.platform_name();
            assert_eq!(serde_json::to_value(event).unwrap(), name);
            assert_eq!(serde_json::from_value::<Event>(name.into()).unwrap(), event);
            assert!(Event::named(name).contains(&event) && Event::named(event.org_name()).contains(&event));
            // In entries of earlier builds.
            let former = event.former_name();
            assert_eq!(serde_json::from_value::<Event>(former.into()).unwrap(), event);
        }
        assert_eq!(Event::FlagKilled.former_name(), "flag_killed");
        for other in ["flag_killed", "feature_flag_killed", "killed", ""] {
            assert_eq!(Event::named(other), [], "{other}");
        }
        assert!(serde_json::from_value::<Event>("killed".into()).is_err());
    }
}
