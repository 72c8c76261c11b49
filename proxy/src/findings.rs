//! The findings about a request while it is decided. Forwarding, the access log and `explain` read them.

use rules::{FlagId, HeaderPlan, RouteId, TenantId, UpstreamId, VariantId, Verdict};
use wire::Fields;

use crate::caller::Caller;
use crate::rendered_flags::Rendered;

/// The findings about a request, as far as its decision got.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The host that routes are matched by; empty for none.
    pub(crate) host: Box<str>,
    /// The deciding route; before the decision, the matching one.
    pub(crate) route: Option<RouteId>,
    /// True for a CORS preflight.
    pub(crate) is_preflight: bool,
    /// True if a reading of the path other than that of RFC 3986 decided.
    pub(crate) ambiguous_target: bool,
    /// Maximum size of the route's request bodies, in bytes; none for no limit.
    pub(crate) body_limit: Option<u64>,
    /// The caller, if the route asks for one.
    pub(crate) caller: Option<Caller>,
    /// The code of the reason why a credential was ignored, on a route with `auth: lenient`.
    pub(crate) ignored: Option<&'static str>,
    /// The code that the caller would have been refused with, if its routes did not only observe.
    pub(crate) observed: Option<&'static str>,
    /// The verdict of the route's gate.
    pub(crate) verdict: Option<Verdict>,
    /// The upstream that the request is forwarded to.
    pub(crate) upstream: Option<UpstreamId>,
    /// The headers that carry the decision to the upstream.
    pub(crate) headers: Rendered<DecisionHeaders>,
    /// True if another caller could get other flags on this route.
    pub(crate) flags_vary: bool,
    /// The fields that the request was decided by, if the upstream's head has other values for an attribute.
    pub(crate) decided_fields: Option<Box<Fields>>,
}

/// The headers that carry flag decisions to the upstream, rendered once for all attempts.
#[derive(Debug, Default)]
pub(crate) struct DecisionHeaders {
    pub(crate) flags: Option<String>,
    /// Served variants in the order of the header plan; the flag is compared with the plan's.
    pub(crate) per_flag: Vec<(FlagId, VariantId)>,
    /// Members of `baggage` for these flags; none if the plan has no baggage.
    pub(crate) baggage: Option<String>,
    /// True if the list of flags was truncated.
    pub(crate) is_truncated: bool,
}

impl DecisionHeaders {
    /// Returns the headers of a request without decisions. With `baggage`, members of the client under the proxy's names
    /// are still removed.
    pub(crate) fn omitted(plan: &HeaderPlan) -> Self {
        Self {
            baggage: plan.baggage.then(String::new),
            ..Self::default()
        }
    }
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
