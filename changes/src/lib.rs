//! Changes of flags at run time: permission, policy, plan, preview, and the audit entry. Pure: no I/O, and the time
//! is an argument.
//!
//! ```text
//! Change -> permission, policy -> plan: edits of the State, records, audit entries, whom it touches
//! edits -> config::Catalog (compiles) -> preview: who is served something else
//! ```

mod actor;
mod affected;
mod announcement;
mod audit;
mod change;
mod codec;
mod condition_names;
mod event;
mod flag;
mod incident;
mod permission;
mod plain_text;
mod plan;
mod policy;
mod preview;
mod record;
mod references;
mod refusal;
mod report;
mod rollout;
mod stale;
mod state;
pub mod timestamp;
mod urgent;
mod watch;

pub use actor::{Actor, ChangeSource, Role};
pub use affected::{Affected, UnknownTenantEffect};
pub use announcement::{Announced, announcement};
pub use audit::{
    Entry, EntryHash, GENESIS, Outcome, Patch, Sealed, TamperedAudit, clock_ran_back, hash_text, verify,
};
pub use change::{Change, GaDefault, ImportMode, NewFlags};
pub use codec::{UnreadableRecords, json_edits, read_changes, read_records};
pub use event::Event;
pub use flag::{DefaultOwner, FlagState, ManagedFlag, SignOff, Unsettled};
pub use incident::{Incident, MAX_OPEN_INCIDENTS};
pub use permission::Permission;
pub use plan::{
    Condition, Difference, Facts, ItemOutcome, ItemResult, MAX_IMPORT, MAX_IMPORT_ENTRIES, NextStep, NoPlan,
    Note, NoteCode, Part, PartFields, Pilots, Plan, Request, Section, Standing, Summary, next_step, plan,
    plan_excluding, refused_entry,
};
pub use policy::{
    BetaPolicy, ErrorLimit, GaPolicy, LifecyclePolicy, MetricSource, RequiredSignOff, Revertible, Signer,
    StateOrder, UrgentPolicy,
};
pub use preview::{
    ChangedDecision, IneffectiveOverride, MAX_LISTED_DECISIONS, MAX_PREVIEW_DECISIONS, Preview, PreviewPage,
    UnchangedTenants, affects_more_than, ineffective_overrides, preview, preview_page,
};
pub use record::{Json, Key, Revision, Write};
pub use references::References;
pub use refusal::{Code, Refusal};
pub use report::{MAX_OPEN_REPORTS, MAX_REPORTS_OF_ORG, OpenReports, Report, ReportedCause};
pub use rollout::{
    Approval, CheckResult, CheckVerdict, CheckedItem, CourseEntry, Exposed, Halt, MAX_COURSE, ManagedPlan,
    PausingChange, RolloutState, Run, StageClock, Step, StepAction, Template, Turn, Wait, exposure_at,
    exposure_of, is_open, next_opening, stages_without_control, step, verdict_of, waits,
};
pub use stale::{FlagTimes, StaleCode, StaleFlag, StaleLimits, StaleReason, Usage, stale, stale_among};
pub use state::{State, StateEdit};
pub use urgent::Urgent;
pub use watch::Watch;
