//! What is found out about a request while it is decided, and kept to its end: forwarding, the access log and
//! `explain` read it.

use http::HeaderValue;
use rules::{FlagId, RouteId, TenantId, UpstreamId, Verdict};

use crate::caller::Caller;

/// What is found out about a request, as far as its decision got.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The requested host, as routes are matched by; empty for none.
    pub(crate) host: Box<str>,
    /// The route that decides, or so far the one that the request falls on.
    pub(crate) route: Option<RouteId>,
    /// True for a CORS preflight.
    pub(crate) is_preflight: bool,
    /// True if another reading of the path decided than the one by RFC 3986.
    pub(crate) ambiguous_target: bool,
    /// The largest body that the route takes, in bytes; none: any.
    pub(crate) body_limit: Option<u64>,
    /// The caller, where the route asks for one.
    pub(crate) caller: Option<Caller>,
    /// The code that the request would have been refused with for its token, if its routes did not only observe.
    pub(crate) observed: Option<&'static str>,
    /// What the gate of the route says.
    pub(crate) verdict: Option<Verdict>,
    /// The upstream that the request is forwarded to.
    pub(crate) upstream: Option<UpstreamId>,
    /// What the upstream is told of the decision.
    pub(crate) headers: DecisionHeaders,
}

/// The headers that tell an upstream what was decided about flags, rendered once for all attempts.
#[derive(Debug, Default)]
pub(crate) struct DecisionHeaders {
    pub(crate) flags: Option<HeaderValue>,
    /// In the order of the plan; the flag is there to be checked against it.
    pub(crate) per_flag: Vec<(FlagId, HeaderValue)>,
    /// The same flags as members of `baggage`; none where the plan has no baggage.
    pub(crate) baggage: Option<String>,
    /// True if the list of flags was cut.
    pub(crate) truncated: bool,
}

impl Findings {
    /// Returns the caller's tenant.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.caller.as_ref()?.tenant()
    }

    /// Returns the caller's user.
    pub(crate) fn user(&self) -> Option<&str> {
        self.caller.as_ref()?.user()
    }
}
