//! The effects of deciding a request. The data plane and `explain` implement them differently.

use std::sync::Arc;

use rules::{RequestDecision, RouteId, Subject, Subjects, TenantId, Timestamp, Trace};
use tokens::Identity;

use crate::breakers::OpenFlags;
use crate::credential_sources::FoundToken;
use crate::findings::DecisionHeaders;
use crate::issuer_keys::Unproven;
use crate::phase::unidentified::Unidentified;
use crate::refusal::RequestRefusal;
use crate::rendered_flags::Rendered;

/// The effects of deciding a request: the data plane counts, caches and waits for keys; `explain` records. As a trace
/// it receives every gate that is decided.
pub(crate) trait Effects: Trace + Send {
    /// Called when operators' static tokens were removed, with the lower-case names of their headers.
    fn operator_tokens_removed(&mut self, names: Vec<String>);

    /// Called once the target is normalised, with the route that matches.
    fn routed(&mut self, route: Option<RouteId>);

    /// Called with the routes that may decide the request, before its caller is identified.
    ///
    /// # Errors
    /// The answer to a client whose refused requests have used up a limit by client.
    fn check_client(&mut self, routes: impl Iterator<Item = RouteId> + Send) -> Result<(), RequestRefusal>;

    /// Counts a request whose caller is refused against the limits of `routes` by client.
    fn count_refused(&mut self, routes: impl Iterator<Item = RouteId> + Send);

    /// Counts a request that is to be forwarded against the limits of `routes`.
    ///
    /// # Errors
    /// The answer to a request over a limit.
    fn count(
        &mut self,
        routes: impl Iterator<Item = RouteId> + Send,
        tenant: Option<&TenantId>,
    ) -> Result<(), RequestRefusal>;

    /// Returns the headers that carry the decision: those that `render` returns, or the same rendered before.
    fn rendered(
        &mut self,
        route: Option<RouteId>,
        subject: &Subject<'_>,
        now: Timestamp,
        render: impl FnOnce() -> DecisionHeaders,
    ) -> Rendered<DecisionHeaders>;

    /// Verifies a token with the keys of its issuer.
    ///
    /// # Errors
    /// The token is refused, or its keys are not available.
    fn verify(
        &mut self,
        token: FoundToken<'_>,
    ) -> impl Future<Output = Result<Arc<Identity>, Unproven>> + Send;

    /// Verifies a token with the keys that are there, within the client's budget of signatures.
    ///
    /// # Errors
    /// The reason why the token does not identify the caller.
    fn verify_at_once(&mut self, token: FoundToken<'_>) -> Result<Arc<Identity>, Unidentified>;

    /// Called when the credential of a request is refused with `code`, and ignored.
    fn ignored(&mut self, code: &'static str);

    /// Returns true if the request has the id of a visitor: an attribute that a rollout or split of the flags in the
    /// headers is `by`.
    fn has_visitor_id(&self, route: Option<RouteId>, subject: &Subject<'_>) -> bool;

    /// Called when the caller is refused with `code` and the request continues, because its routes only observe.
    fn observed(&mut self, code: &'static str);

    /// Appends the flags whose circuit breaker is open for a tenant. `route` is the one that matches.
    fn find_open_breakers(&mut self, route: Option<RouteId>, tenant: Option<&TenantId>, open: &mut OpenFlags);

    /// Called when the request is decided, for one of these subjects.
    fn decided(&mut self, decision: &RequestDecision<'_>, subjects: &Subjects<'_>);
}
