//! How flags are operated: what staff and tenants change at run time, under which rules, and what is remembered.
//!
//! ```text
//! admin API -> Change -> policy -> edits -> config::Catalog (compile) -> Store (state and audit, one commit)
//!                                                                      -> Publish (the snapshot in force) -> answer
//! ```
//!
//! - Pure: [`Change`], policy, preview and the list of stale flags take the time as an argument.
//! - A change that fails at any step has changed nothing; one that was acknowledged is on the disk.
//! - [`api`] is a table of routes; its router, its contract and its tests are made of it.
//! - [`operators`] says who somebody is, by a static token or a verified one.
//! - `control` knows no socket of the data plane: snapshots go out through [`Publish`], what was observed of
//!   requests comes in through [`Observe`], and what would become of one is asked through [`Explain`].

mod actor;
pub mod api;
mod audit;
mod break_glass;
mod change;
mod engine;
mod flag;
mod history;
mod observe;
pub mod operators;
mod plan;
mod policy;
mod preview;
mod publish;
mod records;
mod refusal;
mod refused;
mod request_explanation;
mod request_question;
mod stale;
mod state;
mod store;
mod timestamp;
mod touched;

pub use actor::{Actor, Role, Source};
pub use audit::{Entry, Event, GENESIS, Hash, Outcome, Patch, Sealed, TamperedAudit, verify};
pub use break_glass::{
    Asker, BreakGlass, BreakGlassError, BreakGlassPost, BreakGlassServer, DEFAULT_KILL_MS, JournalError,
    Killable, LocalKill, MAX_KILL_MS, MAX_LOCAL_KILLS, MAX_REASON, SocketError,
};
pub use change::{Change, GaDefault, ImportMode, Urgent};
pub use engine::{
    Applied, ApplyError, Control, Damage, DocumentSource, DryRun, OpenError, Opened, catalog_of,
};
pub use flag::{DefaultOwner, Flag, FlagState, SignOff, Unsettled};
pub use history::{History, MAX_ERROR_HOURS};
pub use observe::{FlagObservation, Observe};
pub use plan::{
    Difference, Facts, Fields, ItemOutcome, ItemResult, MAX_IMPORT, NoPlan, Part, Plan, Request, Section,
    Summary, plan, refused_entry,
};
pub use policy::{GaPolicy, Policy, Revertible};
pub use preview::{
    Flip, Kept, MAX_PREVIEW_DECISIONS, MAX_PREVIEW_FLIPS, Page, Preview, preview, preview_page,
    reaches_beyond,
};
pub use publish::{Fit, Publish, PublishError};
pub use refusal::{Code, Refusal};
pub use refused::{ORG_REFUSALS_NOTED_PER_MINUTE, REFUSALS_NOTED_PER_MINUTE};
pub use request_explanation::{
    Explain, ExplainedAnswer, ExplainedFlag, ExplainedGate, ExplainedLimit, ExplainedLocalKill,
    ExplainedStep, RejectedCandidate, RequestExplanation, Unexplained,
};
pub use request_question::{
    InvalidAttribute, InvalidQuestion, MAX_GROUPS, MAX_QUESTION_HEADERS, RequestForm, RequestQuestion,
    Sender, attribute, attribute_value, check_method, header,
};
pub use stale::{StaleCode, StaleFlag, StaleLimits, StaleReason, Usage, stale};
pub use state::{State, StateEdit};
pub use store::{
    AuditFilter, AuditPage, Changes, Commit, DamagedStore, Json, Key, Loaded, MAX_AUDIT_PAGE, MemoryStore,
    Record, RestoreError, Restored, Revision, SqliteStore, Store, StoreError, Write,
};
pub use timestamp::text as time_text;
pub use touched::{Touched, UnknownTouched};
