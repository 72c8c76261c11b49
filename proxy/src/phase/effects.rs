//! The effects of deciding a request, which the data plane and `explain` implement differently.

use std::sync::Arc;

use http::HeaderName;
use rules::{LimitBy, RequestDecision, RouteId, Subjects, Trace};
use tokens::Identity;

use crate::findings::Findings;
use crate::issuer_keys::Unproven;
use crate::refusal::RequestRefusal;

/// What deciding a request does besides: the data plane counts, remembers and waits for keys, `explain` records. The
/// trace is told of every gate that is decided.
pub(crate) trait Effects: Trace + Send {
    /// Static tokens of operators were removed, with these headers.
    fn operator_tokens_removed(&mut self, names: Vec<HeaderName>);

    /// The target is normalised, and the request falls on this route or on none.
    fn routed(&mut self, route: Option<RouteId>);

    /// Counts the request against those limits of `routes` that count by `by`.
    ///
    /// # Errors
    /// The answer to a request that is over a limit.
    fn count(
        &mut self,
        by: LimitBy,
        routes: impl Iterator<Item = RouteId> + Send,
        found: &Findings,
    ) -> Result<(), RequestRefusal>;

    /// Verifies a token by the keys of the issuer that it names.
    ///
    /// # Errors
    /// The token is refused, or its keys are not available.
    fn verify(&mut self, token: &str) -> impl Future<Output = Result<Arc<Identity>, Unproven>> + Send;

    /// The caller was refused with this code, and the request goes on, because its routes only observe.
    fn observed(&mut self, code: &'static str);

    /// The request is decided, for one of these subjects.
    fn decided(&mut self, decision: &RequestDecision<'_>, subjects: &Subjects<'_>);
}
