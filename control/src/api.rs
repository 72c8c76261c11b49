//! The admin API: changes and queries over HTTP. One table lists the routes and the roles that may use them; the
//! router, the OpenAPI document and the test of every route with every role are generated from it.

mod account;
mod announcements;
mod audit;
mod audit_entry;
mod authentication;
mod backup;
mod body;
mod change;
mod change_body;
mod check_evidence;
mod codes;
mod common_headers;
mod decision_table;
mod difference;
mod document;
mod event_streams;
mod explain;
mod flag_changes;
mod flag_list;
mod flag_orgs;
mod flag_tiers;
mod flag_traffic;
mod flag_usage;
mod flags;
mod handler;
mod identity;
mod local_kills;
mod log_level;
mod markdown;
mod nodes;
mod openapi;
mod org_audit_log;
mod org_decisions;
mod org_flags;
mod orgs;
mod preview_body;
mod problem;
mod promotion;
mod query;
mod read_threads;
mod readable_log;
mod reports;
mod request;
mod request_id;
mod requests;
mod response;
mod rollout_body;
mod rollout_change;
mod rollout_document;
mod rollout_events;
mod rollout_evidence;
mod rollout_minutes;
mod rollout_record;
mod rollout_tick;
mod rollout_wait;
mod rollouts;
mod route;
mod schema;
mod security_entries;
mod serve;
mod streamed_body;
mod table;
mod tenant_flags;
mod text_search;
mod throttle;
mod traffic;
mod unique_keys;
mod verdict_reason;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::routing::any;
use changes::{CheckResult, ManagedPlan, Refusal, Role};
use parking_lot::Mutex;
use rules::{AdminHosts, Timestamp};
use tokio::sync::Semaphore;

use crate::engine::Control;
use crate::judge_rollouts::JudgeRollouts;
use crate::log_levels::SetLogLevels;
use crate::node::ReadNode;
use crate::operators::Operators;
use crate::request_explanation::Explain;
use crate::stage_report::StageReport;
use crate::tenant_counts::TenantCounts;
use crate::traffic::ReadTraffic;

pub use crate::tenant_counts::MAX_COUNTED_DECISIONS;
pub use codes::API_CODES;
pub use event_streams::{EventStreams, MAX_EVENT_STREAMS, StreamPlace};
pub use identity::{SERVICE, VERSION};
pub use openapi::document as openapi;
pub use orgs::MAX_SCANNED_TENANTS;
pub use request::{MAX_BODY_BYTES, MAX_DOCUMENT_BYTES, MAX_IMPORT_BYTES, MAX_PLAN_BYTES};
pub use route::{ApiRoute, PREFIX, Verb};
pub use streamed_body::CHUNK_TIMEOUT;
pub use table::routes;
pub use throttle::{
    ORG_CHANGE_BURST, ORG_CHANGES_PER_MINUTE, REQUEST_BURST, REQUESTS_PER_SECOND, URGENT_BURST,
    URGENT_PER_SECOND,
};

use read_threads::ReadThreads;
use route::Lane;
use throttle::Throttle;

/// The number of requests that are handled at a time; others wait.
pub const MAX_CONCURRENT_REQUESTS: usize = 16;
/// The number of urgent changes that are handled at a time, in addition, so that a kill does not wait for reads.
pub const MAX_CONCURRENT_URGENT: usize = 4;
/// The time limit of a request, from its head to its answer; includes the upload of its body.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The admin API: the control plane and the limits that all its handlers share.
pub struct Api {
    control: Arc<Control>,
    operators: Arc<Operators>,
    explain: Arc<dyn Explain>,
    /// The measurements of rollouts; none if nothing is measured, so that every check is inconclusive.
    judge: Option<Arc<dyn JudgeRollouts>>,
    /// The traffic of the data plane; none if there is no data plane.
    traffic: Option<Arc<dyn ReadTraffic>>,
    /// The state of this node; none if there is no data plane.
    node: Option<Arc<dyn ReadNode>>,
    /// The levels of the process log; none if they can't change.
    log_levels: Option<Arc<dyn SetLogLevels>>,
    streams: EventStreams,
    /// The numbers of tenants of each flag.
    tenant_counts: TenantCounts,
    throttle: Throttle,
    slots: Arc<Semaphore>,
    urgent_slots: Arc<Semaphore>,
    /// The threads of requests that change nothing.
    read_threads: ReadThreads,
    timeout: Duration,
    clock: Clock,
    /// The folder for temporary copies of the store.
    scratch: PathBuf,
    backups: Mutex<()>,
    /// The names of the listener.
    hosts: AdminHosts,
    /// Held while a document is parsed.
    parsing: Mutex<()>,
    /// True if only the admins of orgs may use it.
    is_for_orgs: bool,
}

/// A source of the current time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Api {
    /// Creates the API. `explain` explains requests; `scratch` is a folder with room for a copy of the store.
    #[must_use]
    pub fn new(
        control: Arc<Control>,
        operators: Arc<Operators>,
        explain: Arc<dyn Explain>,
        scratch: PathBuf,
    ) -> Self {
        Self {
            control,
            operators,
            explain,
            judge: None,
            traffic: None,
            node: None,
            log_levels: None,
            streams: EventStreams::new(),
            tenant_counts: TenantCounts::new(),
            throttle: Throttle::new(),
            slots: Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS)),
            urgent_slots: Arc::new(Semaphore::new(MAX_CONCURRENT_URGENT)),
            read_threads: ReadThreads::new(),
            timeout: REQUEST_TIMEOUT,
            clock: Arc::new(system_time),
            scratch,
            backups: Mutex::new(()),
            hosts: AdminHosts::default(),
            parsing: Mutex::new(()),
            is_for_orgs: false,
        }
    }

    fn control(&self) -> &Arc<Control> {
        &self.control
    }

    fn tenant_counts(&self) -> &TenantCounts {
        &self.tenant_counts
    }

    fn explainer(&self) -> &dyn Explain {
        &*self.explain
    }

    /// Sets the source of verdicts about the stages of rollouts.
    #[must_use]
    pub fn with_judge(mut self, judge: Arc<dyn JudgeRollouts>) -> Self {
        self.judge = Some(judge);
        self
    }

    /// Sets the source of receipts and reports.
    #[must_use]
    pub fn with_traffic(mut self, traffic: Arc<dyn ReadTraffic>) -> Self {
        self.traffic = Some(traffic);
        self
    }

    fn traffic(&self) -> Option<&dyn ReadTraffic> {
        self.traffic.as_deref()
    }

    /// Sets the source of the state of this node.
    #[must_use]
    pub fn with_node(mut self, node: Arc<dyn ReadNode>) -> Self {
        self.node = Some(node);
        self
    }

    fn node(&self) -> Option<&dyn ReadNode> {
        self.node.as_deref()
    }

    /// Sets the levels of the process log, which may be changed.
    #[must_use]
    pub fn with_log_levels(mut self, levels: Arc<dyn SetLogLevels>) -> Self {
        self.log_levels = Some(levels);
        self
    }

    /// Returns the verdicts about the stage in force.
    fn verdicts(&self, flag: &str, managed: &ManagedPlan) -> Vec<CheckResult> {
        let judge = self.judge.as_ref();
        judge.map_or_else(Vec::new, |judge| judge.verdicts(flag, managed))
    }

    /// Returns the evidence about the stage in force; none before the first look.
    fn evidence(&self, flag: &str, managed: &ManagedPlan) -> Option<StageReport> {
        self.judge.as_ref()?.evidence(flag, managed)
    }

    /// Returns the conditions that held up the last step of the controller.
    fn refusals(&self, flag: &str) -> Vec<Refusal> {
        let judge = self.judge.as_ref();
        judge.map_or_else(Vec::new, |judge| judge.refusals(flag))
    }

    /// Sets the streams of events, whose owner ends them.
    #[must_use]
    pub fn with_streams(mut self, streams: EventStreams) -> Self {
        self.streams = streams;
        self
    }

    /// Sets the names by which the API may be requested without operators.
    #[must_use]
    pub fn with_hosts(mut self, hosts: AdminHosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Limits the API to the admins of orgs: it has the operations that they may use, and staff can't sign in.
    #[must_use]
    pub fn for_orgs(mut self) -> Self {
        self.is_for_orgs = true;
        self
    }

    /// Returns the routes of the API.
    fn routes(&self) -> impl Iterator<Item = &'static ApiRoute> + use<> {
        let is_for_orgs = self.is_for_orgs;
        let of_orgs = |route: &ApiRoute| {
            let is_of_org = route.path.starts_with("/orgs/") || route.path == "/whoami";
            is_of_org && route.allows(Role::OrgAdmin)
        };
        routes().filter(move |route| !is_for_orgs || of_orgs(route))
    }

    /// Sets the time limit of a request, for tests.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the slots that limit the requests of a lane.
    fn slots(&self, lane: Lane) -> &Arc<Semaphore> {
        match lane {
            Lane::Common => &self.slots,
            Lane::Urgent => &self.urgent_slots,
        }
    }

    /// Sets the clock, for tests of what takes days.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Returns the router: each route of the API under [`PREFIX`], a problem for every other path under it, and at
/// [`PREFIX`] itself the answer that identifies the API. The listener must put the address of the peer into each
/// request, as `axum::extract::ConnectInfo`.
pub fn router(api: Arc<Api>) -> Router {
    let mut router = Router::new();
    let mut paths: Vec<&'static str> = api.routes().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let api = Arc::clone(&api);
        let of_path: Arc<[&'static ApiRoute]> = api.routes().filter(|route| route.path == path).collect();
        let handler = move |parameters: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            let (api, of_path) = (Arc::clone(&api), Arc::clone(&of_path));
            async move { serve::serve(api, &of_path, parameters, request).await }
        };
        router = router.route(&format!("{PREFIX}{path}"), any(handler));
    }
    let unknown_path = move |request: Request| async move { serve::unknown_path(&request) };
    let identify = move |request: Request| async move { identity::identify(&request) };
    router
        .route(&format!("{PREFIX}/{{*rest}}"), any(unknown_path))
        .route(PREFIX, any(identify))
}

/// Returns the router of a process whose store is in use by another one: each operation is answered with 503 and
/// `Retry-After`, and with `detail`.
pub fn unavailable(detail: &'static str) -> Router {
    let refuse = move |request: Request| async move { serve::unavailable(&request, detail) };
    let identify = move |request: Request| async move { identity::identify(&request) };
    Router::new()
        .route(&format!("{PREFIX}/{{*rest}}"), any(refuse))
        .route(PREFIX, any(identify))
}

/// Returns the current time; 1970-01-01 if the clock is set to an earlier time.
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
