//! This node: what it serves, and how it is. Implementations of [`ReadNode`] read it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// The largest number of routes that are listed for a flag.
pub const MAX_ROUTE_USES: usize = 1_000;

/// Reads the state of this node.
pub trait ReadNode: Send + Sync {
    /// Returns the uses of a flag in the gateway document that is served, and the place of its definition; `None` before
    /// the data plane runs, or if it serves no such flag.
    fn flag_uses(&self, flag: &str) -> Option<FlagUses>;

    /// Returns the state of this node; `None` before the data plane runs.
    fn node(&self) -> Option<NodeReport>;

    /// Returns the state of this node in detail; `None` before the data plane runs.
    fn health(&self) -> Option<NodeHealth>;
}

/// The uses of a flag in the gateway document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagUses {
    /// The place of its definition; none if a store manages the flags.
    pub place: Option<DocumentPlace>,
    /// The routes that use it, in the order of the document; at most [`MAX_ROUTE_USES`].
    pub routes: Vec<RouteUse>,
    /// The number of all these routes.
    pub routes_total: usize,
    /// The headers that can have it.
    pub headers: Vec<HeaderUse>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = DocumentPlace)]
pub struct DocumentPlace {
    /// The path of the file, as the configuration names it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A route that uses a flag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = RouteUse)]
pub struct RouteUse {
    /// Its name.
    pub route: String,
    /// The requests that it matches.
    #[serde(rename = "match")]
    pub matched: RouteMatchText,
    /// Its gate, as text, if the gate names the flag; null if it does not.
    pub gate: Option<String>,
    /// True if the route only observes its gate.
    pub shadow: bool,
    /// True if the served variant of the flag selects the upstream.
    pub variants: bool,
    /// True if the requests of the route count for the flag by `observe`.
    pub observed: bool,
    /// Its place in the gateway document; null if it is not known.
    pub place: Option<DocumentPlace>,
}

/// The requests that a route matches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = RouteMatch)]
pub struct RouteMatchText {
    /// The host, such as `shop.example` or `*.example`; `*` for any.
    pub host: String,
    /// The path, such as `/orders/{id}` or `/api/**`.
    pub path: String,
    /// The methods; empty for any.
    pub methods: Vec<String>,
    /// The names of the headers that it matches on. Their values are not shown, because they may be secrets.
    pub headers: Vec<String>,
}

/// A header that can have a flag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = HeaderUse)]
pub struct HeaderUse {
    /// Its name.
    pub header: String,
    /// The reason: `all` for a header that lists all flags that are on; `listed` if the document names the flag for this
    /// list; `route` if the list has the flags of the route's gate, and one names this flag; `own` for a header with the
    /// served variant of this flag alone.
    pub reason: &'static str,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeReport {
    /// Its id: the host name and the process id. A restart changes it.
    pub id: String,
    /// The host name.
    pub host: String,
    /// The addresses of its listeners, in the order of the document.
    pub listeners: Vec<ListenerReport>,
    /// The address of its admin listener; null without one.
    pub admin: Option<String>,
    /// The version of the program.
    pub version: String,
    /// The commit of the program; null for a debug build.
    pub commit: Option<String>,
    /// The time of its start.
    #[schema(format = DateTime)]
    pub started: String,
    /// The revision of the snapshot that decides requests; null before the first one.
    pub revision: Option<String>,
    /// The time since when it is in force.
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// `starting` until it is ready for the first time; `ready`; `degraded` if it serves requests and has `reasons`;
    /// `draining` before its end.
    #[schema(value_type = String)]
    pub state: NodeState,
    /// The failed checks and the unusual conditions.
    pub reasons: Vec<NodeReason>,
}

/// The state of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It is not ready yet.
    #[default]
    Starting,
    /// It serves requests.
    Ready,
    /// It serves requests, and a check fails or an unusual condition holds.
    Degraded,
    /// It ends.
    Draining,
}

/// An address on which a node accepts connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeListener)]
pub struct ListenerReport {
    /// The name of the listener.
    pub name: String,
    /// The address.
    pub address: String,
}

/// A failed check, or an unusual condition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeReason)]
pub struct NodeReason {
    /// The name, such as `keys https://login.example`, `reload` or `break-glass`.
    pub name: String,
    /// The details, as text, with secrets masked.
    pub detail: String,
}

/// The state of a node in detail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeHealth)]
pub struct NodeHealth {
    /// The node.
    pub node: NodeReport,
    /// The checks of its readiness, as in `/readyz?verbose`.
    pub checks: Vec<CheckedCondition>,
    /// The last load of its documents: that of the start, or a reload.
    pub reload: ReloadReport,
    /// The published keys of issuers.
    pub issuers: Vec<IssuerReport>,
    /// The upstreams.
    pub upstreams: Vec<UpstreamReport>,
    /// The last time when the source of the flags was read and had what is served.
    #[schema(format = DateTime)]
    pub verified: Option<String>,
    /// The connection to the store of a fleet; absent for another source of flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub etcd: Option<FleetReport>,
}

/// The connection between a node and the store of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NodeEtcd)]
pub struct FleetReport {
    /// `following`; `unreachable`; or `rejected`: what the store has is not served here. In the last two cases the last
    /// state is served on.
    #[schema(value_type = String)]
    pub state: FleetState,
    /// The time since when it is so.
    #[schema(format = DateTime)]
    pub since: String,
    /// The reason, with secrets masked; null while the store is followed.
    pub reason: Option<String>,
}

/// The state of the connection between a node and the store of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FleetState {
    /// The node has every commit.
    Following,
    /// The store can't be reached, or denies access.
    Unreachable,
    /// The state in the store is not served here.
    Rejected,
}

/// A check of the readiness.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeCheck)]
pub struct CheckedCondition {
    /// The name, such as `snapshot` or `keys https://login.example`.
    pub name: String,
    /// True if it passed.
    pub passed: bool,
    /// The details, as text, with secrets masked.
    pub detail: String,
}

/// A load of the documents of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeReload)]
pub struct ReloadReport {
    /// The time of it.
    #[schema(format = DateTime)]
    pub at: String,
    /// `accepted`; `unchanged` if the files equal what is served; or `rejected`: the former documents stay in use.
    #[schema(value_type = String)]
    pub result: ReloadResult,
    /// The time of the last accepted load.
    #[schema(format = DateTime)]
    pub accepted: String,
    /// The number of errors.
    pub errors: usize,
    /// The number of warnings.
    pub warnings: usize,
    /// The reason of a rejection that is no problem of a document; null otherwise.
    pub reason: Option<String>,
    /// The changed fields that take effect at the next start.
    pub needs_restart: Vec<String>,
    /// The files that were read, each with its problems.
    pub documents: Vec<DocumentReport>,
}

/// The result of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReloadResult {
    /// The documents are served.
    #[default]
    Accepted,
    /// The files equal what is served.
    Unchanged,
    /// The former documents stay in use.
    Rejected,
}

/// A file of a load.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeDocument)]
pub struct DocumentReport {
    /// Its path, as the configuration names it.
    pub file: String,
    /// Its problems, in the order of their lines; at most 200 of all files.
    pub problems: Vec<DocumentProblem>,
}

/// A problem of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeDocumentProblem)]
pub struct DocumentProblem {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The code of the problem.
    pub code: &'static str,
    /// The message.
    pub message: String,
    /// The line, from 1; null for a problem of the whole file.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The way to fix it; null if there is no general one.
    pub help: Option<String>,
    /// The problem with its source lines, as `sluice check` prints it; at most 4 KiB. Secrets are masked.
    pub text: String,
}

/// The published keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeIssuer)]
pub struct IssuerReport {
    /// The name of the issuer.
    pub issuer: String,
    /// The number of usable keys; null if they were never fetched or have expired.
    pub keys: Option<usize>,
    /// The time of the last successful fetch.
    #[schema(format = DateTime)]
    pub fetched: Option<String>,
    /// The time since when every fetch fails; null after a success.
    #[schema(format = DateTime)]
    pub failing_since: Option<String>,
    /// The time of the last failed fetch, unless one succeeded since.
    #[schema(format = DateTime)]
    pub failed: Option<String>,
    /// The reason of that failure, with secrets masked.
    pub failure: Option<String>,
    /// The number of fetches by result: `ok`, or the code of a failure.
    pub fetches: BTreeMap<String, u64>,
}

/// An upstream of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeUpstream)]
pub struct UpstreamReport {
    /// Its name.
    pub upstream: String,
    /// The number of requests in flight.
    pub in_flight: usize,
    /// Its endpoints; empty until a name is resolved.
    pub endpoints: Vec<EndpointReport>,
}

/// An endpoint of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = NodeEndpoint)]
pub struct EndpointReport {
    /// Its address.
    pub address: String,
    /// `fit`; `ejected` for a time after consecutive failures; or `unhealthy` while health checks fail.
    pub health: &'static str,
    /// The number of requests in flight.
    pub in_flight: usize,
}
