//! The semantics of flags, gates, routes and request targets.
//!
//! Pure: no I/O, no clock, no randomness, no async, no serde. Definitions with names are compiled once into a
//! [`Snapshot`] of small integers. Deciding reads the snapshot and allocates nothing.

mod admin_hosts;
mod arm;
mod attribute_names;
mod bounds;
mod breaker;
mod bucket;
mod candidates;
mod compile;
mod condition;
mod decide;
mod decimal;
mod decision;
mod decision_inputs;
mod definition;
mod difference;
mod explain;
mod exposure;
mod flag;
mod flags;
mod flags_list;
mod folded;
mod gate;
mod header_match;
mod header_name;
mod header_plan;
mod host;
mod id;
mod kind;
mod lint;
mod matching;
mod method;
mod name;
mod names;
mod network;
mod operator;
mod path;
mod pattern;
mod patterns;
mod problem;
mod rate_limit;
mod remedy;
mod request_decision;
mod request_inputs;
mod request_target;
mod route;
mod route_table;
mod same_decisions;
mod shards;
mod short_str;
mod site;
mod snapshot;
mod split;
mod string_set;
mod subject;
mod tenant;
mod tenants;
mod time;
mod trusted_proxies;
mod upstream;
mod value;
mod version;

pub use admin_hosts::{AdminHosts, InvalidAdminHost, MAX_ADMIN_HOSTS};
pub use arm::Arm;
pub use bounds::{
    MAX_BREAKERS, MAX_DECISION_COST, MAX_FLAGS, MAX_NAME, MAX_NESTING, MAX_REQUIRES, MAX_RULES, MAX_SEGMENTS,
    MAX_STAGES, MAX_TIERS, MAX_VALUES, MAX_VARIANTS,
};
pub use breaker::{Breaker, BreakerEventKind};
pub use bucket::{BUCKETS, MAX_SALT, bucket};
pub use candidates::Candidates;
pub use compile::{Former, compile, compile_flags, compile_tenants};
pub use decide::decide;
pub use decimal::{Decimal, InvalidDecimal, MAX_DIGITS, MAX_POWER, MIN_POWER};
pub use decision::{Cause, DECISION_LINES, Decision, Reason};
pub use decision_inputs::DecisionInputs;
pub use definition::{
    ConditionDefinition, ExposureDefinition, FlagDefinition, FlagsDefinition, GateDefinition, Name,
    OperatorDefinition, OperatorWord, OwnedName, Policy, RequirementDefinition, RolloutDefinition,
    RuleDefinition, ScheduleDefinition, SegmentDefinition, ServeDefinition, Spelled, StageDefinition,
    TenantDefinition, UnknownTenantDefinition,
};
pub use difference::{Differences, TableLine};
pub use explain::{ClauseTrace, ClauseValue, Explanation, ExplanationStep, StepOutcome, explain};
pub use flag::{Flag, Variant};
pub use flags::{Flags, UnknownTenant};
pub use flags_list::FlagsList;
pub use gate::{Gate, MAX_GATE_PARTS, Truth, Verdict};
pub use header_match::{
    HeaderMatch, HeaderPredicate, InvalidHeaderMatch, MAX_HEADER_MATCHES, MAX_HEADER_NAME, MAX_HEADER_VALUE,
};
pub use header_name::{
    CLIENT_HEADERS, CONTENT_HEADERS, HOP_HEADERS, OVERRIDE_HEADERS, REWRITTEN_HEADERS, client_header,
    fold_header_byte, is_header_alias, is_header_lost, is_header_needed, is_header_prefix_taken,
    is_header_taken,
};
pub use header_plan::{AnonymousFlags, DEFAULT_FLAGS_BUDGET, FlagsHeader, HeaderPlan, Include};
pub use host::{Host, HostPattern, InvalidHost, InvalidHostPattern, MAX_HOST, MAX_LABEL};
pub use id::{AttributeId, FlagId, SegmentId, TierId, UpstreamId, VariantId};
pub use kind::{Channel, Eligibility, Kind, Lifecycle};
pub use lint::{Warning, WarningKind, lint};
pub use method::{InvalidMethods, MAX_EXTENSION_METHODS, MAX_METHOD, Methods};
pub use name::{
    FlagKey, InvalidFlagKey, InvalidTenantId, InvalidUserId, MAX_FLAG_KEY, MAX_TENANT_ID, MAX_USER_ID,
    TenantId, UserId,
};
pub use names::{MAX_FLAG_IDS, NamedFlag, Names};
pub use network::{InvalidNetwork, Networks};
pub use path::{InvalidPathPattern, PathPattern, Specificity, TrailingSlash};
pub use pattern::{InvalidPattern, MAX_PATTERN, MAX_PATTERN_DFA, MAX_PATTERNS_WORK, Pattern};
pub use patterns::Patterns;
pub use problem::{DefinitionProblem, Noun, ProblemKind};
pub use rate_limit::{LimitBy, MAX_LIMIT, RateLimit};
pub use remedy::Remedies;
pub use request_decision::{Action, Judgement, Passage, RequestDecision, Subjects, Trace};
pub use request_inputs::RequestInputs;
pub use request_target::{
    EncodedSlash, InvalidTarget, MAX_DECODES, MAX_PATH, MAX_PATH_SEGMENTS, MAX_READINGS, Read, Reads, Target,
    TargetOptions, TooManyReadings, is_plain, normalise, readings,
};
pub use route::{
    Auth, ClosedAnswer, Destination, GateMode, MAX_ALL_OBSERVED, MAX_OBSERVED, OnError, Otherwise, Preflight,
    Reject, RejectBody, Route, Routes, Unmatched,
};
pub use route_table::{
    ConflictKind, MAX_ROUTES, Precedence, RequestHead, RouteConflict, RouteId, RouteMatch, RouteTable,
    UnmetCondition,
};
pub use site::{Site, Sited};
pub use snapshot::{Snapshot, SnapshotRevision};
pub use subject::{MAX_SUBJECT_ATTRIBUTES, RESERVED_ATTRIBUTES, Subject};
pub use tenant::{Tenant, TenantChoice, TenantFlagSettings};
pub use tenants::{TenantChange, Tenants};
pub use time::{InvalidTime, Timestamp};
pub use trusted_proxies::{ForwardingHeader, TrustedProxies};
pub use upstream::{
    Balance, Ejection, Endpoint, HealthCheck, HealthProbe, MAX_RETRIES, MAX_WEIGHT, NoneHealthy, Upstream,
    UpstreamClientCertificate, UpstreamProtocol, UpstreamTimeouts, UpstreamTls,
};
pub use value::{AttributeValue, Value};

#[cfg(test)]
mod tests;
