//! Documents of operators: their schema, loading, compilation to a snapshot, reports of problems with source lines, and
//! watching of files.
//!
//! ```text
//! files -> parse (tree with places) -> forms (typed values) -> lower -> rules::compile -> LoadedConfig
//!                         \_________ all problems  _________/ -> Report
//! ```

mod address_overrides;
mod allowance;
mod catalog;
mod document;
mod etcd_store;
mod files;
mod flags_document;
mod flags_source;
mod form;
mod gateway_compiler;
mod gateway_document;
mod health_url;
mod identity;
mod inputs;
mod json;
mod load;
mod load_context;
mod loaded_config;
mod locate;
mod lower;
mod managed;
mod masked;
mod node;
mod notify;
mod operators;
mod parse;
mod plan_document;
mod problem;
mod prometheus_source;
mod quantity;
mod read;
mod render;
mod report;
mod rollout_plan;
mod schema;
mod secret_value;
mod secret_values;
mod settings;
mod shape;
mod source;
mod suggest;
mod tls;
mod to_json;
mod traces;
mod translate;
mod validate;
mod value_json;
mod variables;
mod watch;
mod yaml_value;

pub use address_overrides::{ADDRESS_VARIABLE, ADMIN_ADDRESS_VARIABLE, HEALTH_ADDRESS_VARIABLE};
pub use catalog::{
    Catalog, Compiled, Draft, Edit, IdChanges, JsonEdit, read_default, read_exposure, read_rollout,
    read_tiers,
};
pub use document::{JsonDocument, flags_document};
pub use etcd_store::{EtcdStore, EtcdStoreTls};
pub use files::Files;
pub use flags_document::{FlagsDocument, Head, OwnedTenant};
pub use flags_source::FlagsSource;
pub use health_url::{admin_listener_url, health_url};
pub use identity::{
    AttributeType, CertificateName, IdentitySettings, IssuerConfig, KeySource, RequestAttribute,
    RequestValue, TokenSource,
};
pub use inputs::Inputs;
pub use load::{LoadedFlags, load, load_flags, load_flags_from, load_from, operator_tokens};
pub use loaded_config::LoadedConfig;
pub use managed::{
    CheckedDocument, FlagsSettings, check, flags_settings, load_managed, load_with_flags_at, log_settings,
    upgrade_settings,
};
pub use node::is_not_finite;
pub use notify::{NoticeEvent, NotificationSink, SinkTarget};
pub use operators::{
    ChangePolicy, InvalidOperatorName, OperatorIssuer, OperatorRole, OperatorSettings, OperatorToken,
    PersonSignIn, PromotionCondition, RequiredSignOff, Signer, check_operator_name,
};
pub use parse::{MAX_DOCUMENT_DEPTH, MAX_DOCUMENT_NODES};
pub use plan_document::{PlanDocument, plan_document, read_plan};
pub use problem::{CODES, MAX_PROBLEMS, Problem, Severity, WARNINGS};
pub use prometheus_source::PrometheusSource;
pub use read::MAX_DIRECTORY_FILES;
pub use render::Colour;
pub use report::Report;
pub use rollout_plan::{
    Advance, Bound, Check, CheckAction, DayTime, Days, Finish, MAX_APPROVALS, MAX_CHECKLIST, MAX_CHECKS,
    MAX_STAGES, MAX_WINDOWS, Metric, Minimum, PrometheusBound, Rollback, RolloutPlan, Stage, Window, Zone,
};
pub use schema::{flags_schema, sluice_schema};
pub use settings::{
    AccessLog, AdminListener, BreakGlassSettings, ConnectionLimits, Drain, Listener, LogFormat, LogLevel,
    LogOutput, ProcessLimits, ProcessLogFormat, ProcessLogSettings, ReceiptSettings, Settings, SigningKey,
    TenantMetrics, TenantsListener, UpgradeSettings,
};
pub use source::{LineIndex, MAX_FILE_BYTES, Place};
pub use suggest::closest;
pub use tls::{
    Certificate, ClientCertificateMode, ClientCertificates, ListenerTls, MAX_CERTIFICATES, TlsVersion,
};
pub use to_json::{attributes_by_name, variants_by_name};
pub use traces::{
    EvaluationSignal, TraceCollector, TraceParent, TraceProtocol, TraceSampling, TraceSettings,
};
pub use value_json::ToJson;
pub use watch::{
    Reload, ReloadResponse, RereadHandle, VerifiedFiles, WatchOptions, Watcher, watch, watch_by, watch_with,
};
pub use yaml_value::yaml_value;
