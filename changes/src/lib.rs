//! Changes of flags at run time: permission, policy, plan, preview, and the audit entry. Pure: no I/O, and the time
//! is an argument.
//!
//! ```text
//! Change -> permission, policy -> plan: edits of the State, records, audit entries, whom it touches
//! edits -> config::Catalog (compiles) -> preview: who is served something else
//! ```

mod actor;
mod affected;
mod audit;
mod change;
mod codec;
mod event;
mod flag;
mod permission;
mod plain_text;
mod plan;
mod policy;
mod preview;
mod record;
mod refusal;
mod report;
mod rollout;
mod stale;
mod state;
pub mod timestamp;
mod urgent;

pub use actor::{Actor, ChangeSource, Role};
pub use affected::{Affected, UnknownTenantEffect};
pub use audit::{
    Entry, EntryHash, GENESIS, Outcome, Patch, Sealed, TamperedAudit, clock_ran_back, hash_text, verify,
};
pub use change::{Change, GaDefault, ImportMode, NewFlags};
pub use codec::{UnreadableRecords, json_edits, read_records};
pub use event::Event;
pub use flag::{DefaultOwner, FlagState, ManagedFlag, SignOff, Unsettled};
pub use permission::Permission;
pub use plan::{
    Difference, Facts, ItemOutcome, ItemResult, MAX_IMPORT, MAX_IMPORT_ENTRIES, NoPlan, Part, PartFields,
    Plan, Request, Section, Summary, plan, plan_excluding, refused_entry,
};
pub use policy::{GaPolicy, LifecyclePolicy, MetricSource, Revertible};
pub use preview::{
    ChangedDecision, IneffectiveOverride, MAX_LISTED_DECISIONS, MAX_PREVIEW_DECISIONS, Preview, PreviewPage,
    UnchangedTenants, affects_more_than, ineffective_overrides, preview, preview_page,
};
pub use record::{Json, Key, Revision, Write};
pub use refusal::{Code, Refusal};
pub use report::{MAX_OPEN_REPORTS, MAX_REPORTS_OF_ORG, OpenReports, Report, ReportedCause};
pub use rollout::{
    Approval, CheckResult, CheckVerdict, CheckedItem, CourseEntry, Exposed, Halt, MAX_COURSE, ManagedPlan,
    RolloutState, Run, StageClock, Step, StepAction, Template, Turn, Wait, exposure_at, exposure_of, is_open,
    next_opening, stages_without_control, step, verdict_of, waits,
};
pub use stale::{FlagTimes, StaleCode, StaleFlag, StaleLimits, StaleReason, Usage, stale};
pub use state::{State, StateEdit};
pub use urgent::Urgent;
