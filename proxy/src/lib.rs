//! The data plane on pingora: one file per phase of a request.
//!
//! ```text
//! config::LoadedConfig -> PreparedSnapshot::prepare -> Current ---+  one snapshot a request
//!                                                                  v
//! accept -> head -> target -> route -> identity -> decision -> action -> upstream -> headers -> response -> observe
//!             \________\_________\_________\___________\_________/
//!                     Refusal -> answer (and the connection goes on)
//! ```
//!
//! - [`rules`] and [`tokens`] decide. Only `start`, `sockets`, `capacity`, `decider`, `prepared_snapshot` and `publisher`
//!   know the documents.
//! - The same phases decide a request that is served and one that is explained: [`dry_run()`] only records.
//! - State that outlives a snapshot (endpoints and their state, fetched keys, verified tokens, counters) is found by its
//!   definition and reused by the next snapshot with the same one.
//! - Deciding takes no lock and looks up no name. Before it, the cache of verified tokens locks one of its shards, and
//!   a token with an unknown key locks its issuer's keys.
//! - The request path never panics by design. A defect that panics is contained in its request, counted,
//!   and answered with 500.

mod access_entry;
mod access_line;
mod access_log;
mod admin;
mod answer;
mod arms;
mod baggage;
mod breakers;
mod caller;
mod capacity;
mod client_network;
mod closed_answers;
mod code_counter;
mod coverage;
mod credential_sources;
mod current;
mod decider;
mod drain_times;
mod dry_run;
mod duration_histogram;
mod edge;
mod engine;
mod exemplars;
mod fetch_log;
mod fetch_timing;
mod findings;
mod first_seen;
mod forwarding;
mod frequent_names;
mod guard;
mod in_flight;
mod injected_headers;
mod issuer_keys;
mod jwks;
#[cfg(test)]
mod key_server;
mod key_store;
mod keyed_limiter;
mod keys_status;
mod limits;
mod listener_head;
mod listener_tls;
mod log_drops;
mod machine;
mod meter;
mod metric_family;
mod metrics;
mod observations;
mod outcome;
mod phase;
mod prepared_snapshot;
mod publisher;
mod pulse;
mod readiness;
mod receipts;
mod refusal;
mod refusal_cause;
mod remote_keys;
mod rendered_flags;
mod request_context;
mod request_id;
mod reserved;
mod running;
#[cfg(feature = "scripted")]
mod scripted;
mod series_exemplars;
mod served_tenants;
mod shadow_report;
mod shared;
mod shares;
mod signature;
mod signature_budget;
mod snapshot_metrics;
mod sockets;
mod split_mix;
mod start;
mod tenant_meters;
mod token_cache;
mod traceparent;
mod traces;
mod upstreams;
mod verified_certificate;

pub use access_entry::{AccessEntry, AnsweredBy, DecisionEntry, GateEntry, GateVerdict};
pub use access_log::{AccessLogFormat, AccessLogOutput, AccessLogger, MAX_QUEUED_BYTES, MAX_QUEUED_LINES};
pub use admin::{
    AdminServer, AdminState, MAX_ADMIN_BODY_BYTES, MAX_ADMIN_CONNECTIONS, MAX_ADMIN_CONNECTIONS_PER_CLIENT,
    admin_router,
};
#[cfg(feature = "scripted")]
pub use arms::ScriptedArms;
pub use arms::{CountedArm, FlagArms, TakenOverlap, TakenSlot, TakenUnit};
pub use breakers::BreakerEvent;
pub use caller::StatedCaller;
pub use capacity::{Capacity, ResourceLimit};
pub use coverage::{CountedRoute, Coverage, IdleFlag};
pub use decider::Decider;
pub use drain_times::{DRAIN_IDLE, DrainTimes};
pub use dry_run::{
    ClientFlag, ClientFlags, ClientRefused, DryResult, DryRunRequest, FindOpenBreakers, RequestDryRun,
    client_flags, dry_run,
};
pub use fetch_timing::{FetchTiming, RefreshSettings};
pub use frequent_names::NameCount;
pub use issuer_keys::{IssuerKeys, Unproven};
pub use key_store::{InvalidKeySource, KeyStore};
pub use keys_status::KeysStatus;
pub use listener_head::ListenerHead;
pub use listener_tls::InvalidTls;
pub use machine::raise_descriptor_limit;
pub use meter::{FlagMeter, MeteredFlag, Meters, RouteMeter, UNMATCHED_ROUTE};
pub use metrics::{Metrics, NotificationCounts, RolloutStatus};
pub use observations::{FlagCounts, Observations};
pub use outcome::RequestOutcome;
pub use prepared_snapshot::PrepareError;
pub use publisher::{OtherDocument, Published, Publisher};
pub use pulse::Pulse;
pub use readiness::{MAX_RELOAD_ERROR_BYTES, Readiness, ReadinessCheck, ReadinessReport};
pub use receipts::{
    Difference, MAX_RECEIPT_BYTES, Receipt, ReceiptFilter, ReceiptFlag, ReceiptNow, Receipts,
};
pub use remote_keys::{MAX_ABSENT_KIDS, MAX_WAITING_REQUESTS, Refreshed};
pub use running::{DrainEnd, Running, Stopped};
#[cfg(feature = "scripted")]
pub use scripted::ScriptedEngine;
pub use shadow_report::{ShadowCause, ShadowGate};
pub use shared::{Probe, ProbeStage};
pub use sockets::{BindError, Bound, BoundSockets, HandedSocket, ReadySocket};
pub use start::{Accepting, StartError, StartOptions, start};
pub use token_cache::{DEFAULT_TOKEN_CACHE_BYTES, TokenCache};
#[cfg(feature = "scripted")]
pub use upstreams::ScriptedConnections;
pub use upstreams::{EndpointHealth, EndpointStatus, UpstreamStatus};
