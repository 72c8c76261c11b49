//! The traffic of the data plane: receipts of requests, and reports about gates and flags. Implementations of
//! [`ReadTraffic`] read it.

use rules::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Reads the traffic of the data plane.
pub trait ReadTraffic: Send + Sync {
    /// Returns the receipt of a request, and its decision as it would be made at `now`; `None` if it is not kept.
    fn receipt(&self, id: &str, now: Timestamp) -> Option<(RequestReceipt, DecisionNow)>;

    /// Returns the latest receipts that match, the newest first.
    fn receipts(&self, filter: &ReceiptQuery, limit: usize) -> Vec<RequestReceipt>;

    /// Returns the number of receipts that are kept at most; 0 if they are off.
    fn receipt_places(&self) -> usize;

    /// Returns the requests that gates in shadow mode would have refused.
    fn shadow_gates(&self) -> Vec<ShadowGateReport>;

    /// Returns the coverage of gates and flags; `None` until the data plane runs.
    fn coverage(&self) -> Option<CoverageReport>;
}

/// The receipts that a list has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceiptQuery {
    /// Those of this tenant.
    pub tenant: Option<String>,
    /// Those whose gate names this flag.
    pub flag: Option<String>,
    /// Those with this outcome.
    pub outcome: Option<String>,
}

/// The decision about a request, as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct RequestReceipt {
    /// The id of the request.
    pub request_id: String,
    /// The time that it was decided for.
    #[schema(format = DateTime)]
    pub at: String,
    /// The method.
    pub method: String,
    /// The host; empty for none.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The deciding route; null if none matches, or if the request was refused before.
    pub route: Option<String>,
    /// The outcome, as in the access log.
    pub outcome: String,
    /// The status that the client got.
    pub status: u16,
    /// The code of the proxy's own answer; null for an answer of an upstream.
    pub code: Option<String>,
    /// The cause of a refusal or failure, for operators.
    pub cause: Option<String>,
    /// The tenant of the verified caller.
    pub tenant: Option<String>,
    /// The user of the verified caller.
    pub user: Option<String>,
    /// The issuer of the caller's token.
    pub issuer: Option<String>,
    /// The revision of the snapshot that decided.
    pub snapshot: String,
    /// The state of the gate: `open`, `closed` or `undecided`; null if none was decided.
    pub gate: Option<String>,
    /// True if the route only observes its gate.
    pub shadow: bool,
    /// True if a text was cut, or if flags, groups or attributes were left out for their size.
    pub shortened: bool,
    /// The decisions of the gate's flags; the first one determined the state of the gate.
    pub flags: Vec<FlagReceipt>,
    /// The groups of the user, if a flag of the gate reads any.
    pub groups: Vec<String>,
    /// The attributes of the request that a flag of the gate reads.
    pub attributes: Vec<AttributeReceipt>,
}

/// The decision of one flag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = FlagReceipt)]
pub struct FlagReceipt {
    /// Its key.
    pub flag: String,
    /// The served variant.
    pub variant: String,
    /// The reason, as OpenFeature names it.
    pub reason: String,
    /// The line of the decision table that decided.
    pub cause: String,
    /// The bucket of the subject, from 0 to 99,999; null for a flag without a rollout.
    pub bucket: Option<u32>,
    /// The arm of its rollout plan; null without a plan.
    pub arm: Option<String>,
    /// True if a flag of the gate requires it, and the gate does not name it.
    pub required: bool,
}

/// An attribute of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = AttributeReceipt)]
pub struct AttributeReceipt {
    /// Its name.
    pub name: String,
    /// Its value as text, with secrets masked.
    pub value: String,
}

/// The decision as it would be made now. Tokens, limits and upstreams are not considered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = DecisionNow)]
pub struct DecisionNow {
    /// The revision of the served snapshot.
    pub snapshot: String,
    /// The reason why the request can't be decided again; null if it is.
    pub not_decided: Option<String>,
    /// The route; null if none matches.
    pub route: Option<String>,
    /// The gate, as text.
    pub gate_text: Option<String>,
    /// The outcome, as in the access log; null if it is not decided.
    pub outcome: Option<String>,
    /// The status of the proxy's own answer; null if the request would be forwarded.
    pub status: Option<u16>,
    /// The state of the gate.
    pub gate: Option<String>,
    /// The decisions of the gate's flags.
    pub flags: Vec<FlagReceipt>,
    /// The differences to the decision then.
    pub differences: Vec<DecisionDifference>,
}

/// A difference between the decision then and now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = DecisionDifference)]
pub struct DecisionDifference {
    /// The part: `route`, `outcome`, `gate`, or `FLAG: variant`, `FLAG: cause`, `FLAG: bucket`, `FLAG: arm`.
    pub part: String,
    /// Its value then.
    pub then: String,
    /// Its value now.
    pub now: String,
}

/// The requests that a gate in shadow mode would have refused, since the start of the process or the load of the route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = ShadowGate)]
pub struct ShadowGateReport {
    /// The route.
    pub route: String,
    /// Its gate, as text.
    pub gate: String,
    /// The time since when it is counted.
    #[schema(format = DateTime)]
    pub since: String,
    /// The requests that the route decided.
    pub requests: u64,
    /// Those that it would have refused.
    pub refused: u64,
    /// Those of them that are in no cause and no tenant.
    pub undivided: u64,
    /// The time of the first one; null if there is none.
    #[schema(format = DateTime)]
    pub first_seen: Option<String>,
    /// The time of the last one; null if there is none.
    #[schema(format = DateTime)]
    pub last_seen: Option<String>,
    /// By flag and cause, the most frequent first; at most 64.
    pub causes: Vec<ShadowCauseReport>,
    /// By tenant, the most frequent first; at most 64.
    pub tenants: Vec<ShadowTenantReport>,
}

/// The requests that a gate would have refused for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = ShadowCause)]
pub struct ShadowCauseReport {
    /// The flag; null if the caller would have been refused before the gate.
    pub flag: Option<String>,
    /// The line of the decision table, or the code of the refusal.
    pub cause: String,
    /// The number of requests.
    pub requests: u64,
}

/// The requests of one tenant that a gate would have refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = ShadowTenant)]
pub struct ShadowTenantReport {
    /// The tenant; null for requests without one.
    pub tenant: Option<String>,
    /// The number of requests, at most `error` too large.
    pub requests: u64,
    /// The most that the number is too large by.
    pub error: u64,
}

/// The coverage of gates and flags by the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = Coverage)]
pub struct CoverageReport {
    /// The routes without a gate that had requests, the most frequent first.
    pub ungated: Vec<CountedRouteReport>,
    /// The requests that no route matched, or that were refused before.
    pub unmatched: UnmatchedReport,
    /// The routes whose gate decided no request.
    pub idle_gates: Vec<CountedRouteReport>,
    /// The flags that no request was decided by.
    pub idle_flags: Vec<IdleFlagReport>,
}

/// The requests of a route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = CountedRoute)]
pub struct CountedRouteReport {
    /// Its name.
    pub route: String,
    /// Its gate, as text; null without a gate.
    pub gate: Option<String>,
    /// The requests, those included that were refused before the gate.
    pub requests: u64,
    /// The time since when they are counted: the start of the process, or the load of the route.
    #[schema(format = DateTime)]
    pub since: String,
}

/// The requests that no route matched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = UnmatchedRequests)]
pub struct UnmatchedReport {
    /// Their number.
    pub requests: u64,
    /// The time since when they are counted: the start of the process.
    #[schema(format = DateTime)]
    pub since: String,
}

/// A flag that no request was decided by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = IdleFlag)]
pub struct IdleFlagReport {
    /// Its key.
    pub flag: String,
    /// The routes whose gate or variants read it, also through flags that require it; empty if none do.
    pub routes: Vec<String>,
    /// True if a header to upstreams has it.
    pub in_header: bool,
    /// The time since when it is counted.
    #[schema(format = DateTime)]
    pub since: String,
}
