//! The changes that can be made at run time: one variant for each changing operation of the admin API.

use config::{FlagsDocument, Rollback};
use rules::Lifecycle;
use serde_json::{Map, Value};

use crate::event::Event;
use crate::refusal::Refusal;
use crate::rollout::{CheckResult, Step, StepAction};
use crate::urgent::{self, Urgent};

/// A change. Names are as written; planning checks that they exist.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Promotes or reverts a flag.
    SetState {
        /// The flag.
        flag: String,
        /// The new lifecycle.
        to: Lifecycle,
        /// True to revert flags that depend on it with it.
        cascade: bool,
        /// The default that a promotion to ga sets.
        ga_default: GaDefault,
        /// The justification of a promotion that skips conditions.
        urgent: Option<Urgent>,
    },
    /// Turns a flag off for everyone.
    Kill {
        /// The flag.
        flag: String,
    },
    /// Ends a kill.
    Restore {
        /// The flag.
        flag: String,
    },
    /// Sets tier defaults: a variant for each named tier, or none with null.
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
    /// Sets or removes the override of a flag for one tenant.
    SetOverride {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
        /// The variant's name or a boolean; none removes the override.
        variant: Option<Value>,
    },
    /// Replaces a tenant's record.
    PutTenant {
        /// The tenant.
        org: String,
        /// As in the document.
        record: Value,
    },
    /// Changes fields of a tenant's record; null removes a field (JSON merge patch, RFC 7396).
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
    /// Writes the records of many tenants in one revision.
    ImportTenants {
        /// The treatment of tenants that have a record already.
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
    /// Opts a tenant in to a flag.
    OptIn {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
    },
    /// Opts a tenant out of a flag.
    OptOut {
        /// The tenant.
        org: String,
        /// The flag.
        flag: String,
    },
    /// Opens an incident of a flag, which blocks its promotions.
    OpenIncident {
        /// The flag.
        flag: String,
        /// The text or link.
        incident: String,
    },
    /// Closes an incident of a flag.
    CloseIncident {
        /// The flag.
        flag: String,
        /// The text or link, as it was opened.
        incident: String,
    },
    /// Ends the time in which a flag is watched after a promotion. Only the controller makes this change.
    EndWatch {
        /// The flag.
        flag: String,
    },
    /// Sets the time that a plan has spent in its stage, after the system clock has jumped. Only the controller makes this
    /// change.
    CorrectStageTime {
        /// The flag.
        flag: String,
        /// The id of the run.
        run: u64,
        /// The index of the stage.
        stage: usize,
        /// The time, in milliseconds.
        passed_ms: i64,
    },
    /// Signs off the next promotion of a flag for one role.
    SignOff {
        /// The flag.
        flag: String,
        /// The role, as the policy names it: `engineering`, `operations`, ..
        as_role: String,
    },
    /// Sets the rollout plan of a flag, or edits the later stages of an active one.
    SetPlan {
        /// The flag.
        flag: String,
        /// As in a plan file.
        plan: Value,
    },
    /// Removes the rollout plan of a flag, and its stages with it.
    RemovePlan {
        /// The flag.
        flag: String,
    },
    /// Approves the rollout plan of a flag for one role.
    ApprovePlan {
        /// The flag.
        flag: String,
        /// The role, as the plan names it: `technical`, `operations`, ..
        as_role: String,
    },
    /// Checks off an item of the checklist of a rollout plan, or opens it again.
    CheckPlanItem {
        /// The flag.
        flag: String,
        /// The item, as in the plan.
        item: String,
        /// False to open it again.
        is_done: bool,
    },
    /// Starts the rollout plan of a flag: enters its first stage.
    StartRollout {
        /// The flag.
        flag: String,
    },
    /// Pauses the rollout plan of a flag. Its stages stay in force.
    PauseRollout {
        /// The flag.
        flag: String,
    },
    /// Continues the rollout plan of a flag in the same stage.
    ResumeRollout {
        /// The flag.
        flag: String,
    },
    /// Enters the next stage of a rollout plan, or completes it after the last one, by the decision of a person.
    AdvanceRollout {
        /// The flag.
        flag: String,
        /// The verdicts about the present stage.
        evidence: Vec<CheckResult>,
    },
    /// Rolls the rollout plan of a flag back.
    RollBackRollout {
        /// The flag.
        flag: String,
        /// The effect, if it is another one than that of the plan.
        to: Option<Rollback>,
    },
    /// Ends the rollout plan of a flag. The flag is decided as without one.
    CancelRollout {
        /// The flag.
        flag: String,
    },
    /// Takes a step of the controller. It is refused unless it is what follows from the evidence at this time.
    TakeStep {
        /// The flag.
        flag: String,
        /// The step.
        step: Step,
        /// The verdicts that it follows from.
        evidence: Vec<CheckResult>,
    },
    /// Reports a problem with a flag.
    Report {
        /// The flag.
        flag: String,
        /// The tenant that has the problem.
        org: String,
        /// The cause, in a few words. Reports of the same cause count together.
        cause: String,
        /// The ticket.
        ticket: Option<String>,
        /// A description.
        text: Option<String>,
    },
    /// Closes a report about a flag.
    CloseReport {
        /// The flag.
        flag: String,
        /// The id of the report.
        report: u64,
    },
    /// Applies a flags document: the fields that documents own, and all fields of flags and tenants that are new.
    ApplyDocument {
        /// The document.
        document: FlagsDocument,
        /// True to remove flags and segments that the document leaves out.
        prune: bool,
        /// The lifecycle of the flags that are new.
        new_flags: NewFlags,
    },
}

/// The lifecycle of flags that an applied document creates.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum NewFlags {
    /// Alpha, whatever the document says.
    #[default]
    Alpha,
    /// The lifecycle in the document, under the conditions of a promotion from alpha.
    Adopted {
        /// The justification for skipping the conditions.
        urgent: Option<Urgent>,
    },
    /// The lifecycle in the document, without conditions: for the first document of an empty store, and for files.
    AsWritten,
}

impl NewFlags {
    /// Returns it with a justification without surrounding white space.
    ///
    /// # Errors
    /// The justification is invalid.
    pub(crate) fn validated(&self) -> Result<Self, Vec<Refusal>> {
        match self {
            Self::Adopted { urgent } => {
                let urgent = urgent.as_ref().map(urgent::validated).transpose()?;
                Ok(Self::Adopted { urgent })
            }
            other => Ok(other.clone()),
        }
    }
}

/// The default that a promotion to ga sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GaDefault {
    /// The flag is on for everyone who has not opted out.
    #[default]
    On,
    /// Tier defaults, rollout and default decide as before.
    Tiers,
}

/// The treatment of tenants of an import that have a record already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImportMode {
    /// Their items are rejected.
    Create,
    /// Their records are replaced.
    #[default]
    Upsert,
    /// The fields of their records are changed (JSON merge patch).
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
            | Self::SetPlan { flag, .. }
            | Self::RemovePlan { flag }
            | Self::ApprovePlan { flag, .. }
            | Self::CheckPlanItem { flag, .. }
            | Self::StartRollout { flag }
            | Self::PauseRollout { flag }
            | Self::ResumeRollout { flag }
            | Self::AdvanceRollout { flag, .. }
            | Self::RollBackRollout { flag, .. }
            | Self::CancelRollout { flag }
            | Self::TakeStep { flag, .. }
            | Self::CloseReport { flag, .. }
            | Self::OpenIncident { flag, .. }
            | Self::CloseIncident { flag, .. }
            | Self::EndWatch { flag }
            | Self::CorrectStageTime { flag, .. }
            | Self::SignOff { flag, .. } => (Some(flag), None),
            Self::SetOverride { org, flag, .. }
            | Self::Allow { org, flag }
            | Self::Disallow { org, flag }
            | Self::OptIn { org, flag }
            | Self::Report { org, flag, .. }
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
            Self::OpenIncident { .. } => Event::IncidentOpened,
            Self::CloseIncident { .. } => Event::IncidentClosed,
            Self::EndWatch { .. } => Event::WatchEnded,
            Self::CorrectStageTime { .. } => Event::StageTimeCorrected,
            Self::SignOff { .. } => Event::SignedOff,
            Self::SetPlan { .. } => Event::PlanSet,
            Self::RemovePlan { .. } => Event::PlanRemoved,
            Self::ApprovePlan { .. } => Event::PlanApproved,
            Self::CheckPlanItem { .. } => Event::PlanItemChecked,
            Self::StartRollout { .. } => Event::RolloutStarted,
            Self::PauseRollout { .. } => Event::RolloutPaused,
            Self::ResumeRollout { .. } => Event::RolloutResumed,
            Self::AdvanceRollout { .. } => Event::StageEntered,
            Self::RollBackRollout { .. } => Event::RolloutRolledBack,
            Self::CancelRollout { .. } => Event::RolloutCancelled,
            Self::TakeStep { step, .. } => match step.action {
                StepAction::Enter { .. } => Event::StageEntered,
                StepAction::Pause { .. } => Event::RolloutPaused,
                StepAction::RollBack { .. } => Event::RolloutRolledBack,
                StepAction::Complete => Event::RolloutCompleted,
            },
            Self::Report { .. } => Event::Reported,
            Self::CloseReport { .. } => Event::ReportClosed,
            Self::ApplyDocument { .. } => Event::DocumentApplied,
        }
    }
}
