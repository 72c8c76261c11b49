//! The control plane: applies changes of flags at run time, stores flags and the audit log, and serves the admin API.
//!
//! ```text
//! admin API -> Change -> policy -> edits -> config::Catalog (compile) -> Store (state and audit, one commit)
//!                                                                      -> Publish (the served snapshot) -> answer
//! ```
//!
//! - Pure: [`Change`], policy, preview and the list of stale flags take the time as an argument.
//! - A change that fails before its commit has no effect; an acknowledged one is on the disk and active.
//! - [`api`] is a table of routes; its router, its contract and its tests are made of it.
//! - [`operators`] signs callers in, by a static token or a token of an issuer.
//! - `control` has no socket of the data plane: snapshots go out through [`Publish`], observations of requests come in
//!   through [`Observe`], and [`Explain`] explains a request.

pub mod api;
mod attribute_text;
mod audit_limiter;
mod break_glass;
mod change_effect;
mod engine;
mod flag_traffic;
mod history;
mod judge_rollouts;
mod keep_states;
mod log_levels;
mod minute_report;
mod node;
mod notifications;
mod observe;
pub mod operators;
pub mod private_file;
mod private_socket;
mod prometheus;
mod publish;
mod request_explanation;
mod request_question;
mod rollout_reading;
mod rollouts;
mod stage_report;
mod store;
mod tenant_counts;
mod thread_priority;
mod traffic;

pub use attribute_text::{InvalidAttributeText, attribute_from_text};
pub use audit_limiter::{ORG_REFUSALS_NOTED_PER_MINUTE, REFUSALS_NOTED_PER_MINUTE};
pub use break_glass::{
    BreakGlass, BreakGlassError, BreakGlassListener, BreakGlassServer, DEFAULT_KILL_MS, JournalError,
    JournalOperation, KillEffect, KillOrigin, LocalKill, MAX_KILL_MS, MAX_LOCAL_KILLS, MAX_REASON,
    SocketError,
};
pub use changes::timestamp::{duration as duration_text, text as time_text};
pub use changes::{
    Actor, Affected, Announced, BetaPolicy, Change, ChangeSource, ChangedDecision, CheckResult, CheckVerdict,
    Code, DefaultOwner, Difference, Entry, EntryHash, ErrorLimit, Event, Facts, FlagState, GENESIS,
    GaDefault, GaPolicy, ImportMode, Incident, ItemOutcome, ItemResult, Json, Key, LifecyclePolicy,
    MAX_IMPORT, MAX_LISTED_DECISIONS, MAX_PREVIEW_DECISIONS, ManagedFlag, ManagedPlan, MetricSource,
    NewFlags, NoPlan, Outcome, Part, PartFields, Patch, Pilots, Plan, Preview, PreviewPage, Refusal, Request,
    RequiredSignOff, Revertible, Revision, Role, Sealed, Section, SignOff, Signer, StaleCode, StaleFlag,
    StaleLimits, StaleReason, Standing, State, StateEdit, StateOrder, Summary, TamperedAudit, Template,
    UnchangedTenants, UnknownTenantEffect, Unsettled, Urgent, UrgentPolicy, Usage, Watch, Write,
    affects_more_than, announcement, clock_ran_back, hash_text, plan, preview, preview_page, refused_entry,
    stages_without_control, stale, verify,
};
pub use engine::{
    AdoptError, Applied, ApplyError, Control, Damage, DocumentSource, DryRun, OpenError, Opened, catalog_of,
};
pub use flag_traffic::TRAFFIC_MINUTES;
pub use history::{History, MAX_ALL_SERVED_TENANTS, MAX_ERROR_HOURS, MAX_SERVED_TENANTS};
pub use judge_rollouts::{FollowedTime, JudgeRollouts, Look};
pub use keep_states::{KeepStates, LAST_GOOD_WAIT, LastGood};
pub use log_levels::{LogLevelState, MAX_LOG_LEVEL_TIME, SetLogLevels};
pub use minute_report::{ArmMinute, MinuteReport};
pub use node::{
    CheckedCondition, DocumentPlace, DocumentProblem, DocumentReport, EndpointReport, FlagUses, FleetReport,
    FleetState, HeaderUse, IssuerReport, ListenerReport, MAX_ROUTE_USES, NodeHealth, NodeReason, NodeReport,
    NodeState, ReadNode, ReloadReport, ReloadResult, RouteMatchText, RouteUse, UpstreamReport,
};
pub use notifications::{MAX_QUEUED, NotDelivered, Notice, Outbox, Receiver, SinkStatus};
pub use observe::{
    ArmName, BreakerEvent, CountedRequest, FlagObservation, Observe, ObservedOverlap, ObservedSlot,
    ObservedUnit, ServedTenant,
};
pub use private_socket::owner_only_socket;
pub use prometheus::{NoValue, Prometheus};
pub use publish::{Fit, Publish, PublishError};
pub use request_explanation::{
    Explain, ExplainedAnswer, ExplainedFlag, ExplainedGate, ExplainedLimit, ExplainedLocalKill,
    ExplainedStep, RejectedCandidate, RequestExplanation, Unexplained,
};
pub use request_question::{
    InvalidAttribute, InvalidQuestion, MAX_GROUPS, MAX_QUESTION_HEADERS, RequestForm, RequestQuestion,
    Sender, attribute, attribute_value, check_method, header,
};
pub use rollout_reading::RolloutReading;
pub use rollouts::{ClockReading, Clocks, DueQuery, Rollouts};
pub use stage_report::{
    ArmReport, CheckReport, ConfoundedFlag, Excluded, Percentiles, QueryReport, RatioReport, ReportedOrgs,
    StageReport, TenantErrorReport,
};
pub use store::{
    AuditFilter, AuditPage, Changes, CheckExtent, Commit, DamagedStore, LAST_GOOD_FILE,
    LAST_GOOD_STATES_FILE, Loaded, MAX_AUDIT_PAGE, MemoryStore, Record, Replica, RestoreError, Restored,
    RestoredBy, SqliteStore, Store, StoreError,
};
pub use traffic::{
    AttributeReceipt, CountedRouteReport, CoverageReport, DecisionDifference, DecisionNow, FlagReceipt,
    IdleFlagReport, ReadTraffic, ReceiptQuery, RequestReceipt, ShadowCauseReport, ShadowGateReport,
    ShadowTenantReport, UnmatchedReport,
};
