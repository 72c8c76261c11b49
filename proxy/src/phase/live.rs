//! The decision about a client's request. Its effects count decisions and limits, and verify tokens or find them in
//! the cache.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rules::{Judgement, LimitBy, RequestDecision, RouteId, Subject, Subjects, TenantId, Timestamp, Trace};
use tokens::Identity;

use crate::answer::{Answer, AnswerCode};
use crate::arms::ArmsOfRequest;
use crate::breakers::{OpenBreakers, OpenFlags};
use crate::credential_sources::FoundToken;
use crate::findings::DecisionHeaders;
use crate::forwarding::{Forwarding, ForwardingHeaders};
use crate::issuer_keys::Unproven;
use crate::limits::LiveLimit;
use crate::metrics::Metrics;
use crate::outcome::RequestOutcome;
use crate::phase::decision::decide as decide_received;
use crate::phase::effects::Effects;
use crate::phase::received::{ConnectionFacts, NOTHING_ASSUMED, Received};
use crate::phase::unidentified::Unidentified;
use crate::phase::verification::Verification;
use crate::prepared_snapshot::PreparedSnapshot;
use crate::refusal::RequestRefusal;
use crate::rendered_flags::Rendered;
use crate::request_context::RequestContext;
use crate::shared::{ProbeStage, Shared};
use crate::signature_budget::SignatureBudget;

/// Decides a request. If it is forwarded, the context names the upstream.
///
/// # Errors
/// The answer to a request that is not forwarded.
pub(crate) async fn decide(
    shared: &Shared,
    context: &mut RequestContext,
    connection: ConnectionFacts<'_>,
) -> Result<(), RequestRefusal> {
    let prepared = &*context.prepared;
    context.forwarding = match connection.forwarding_headers {
        ForwardingHeaders::ByAddress => Forwarding::read(
            &context.head.fields,
            connection.address,
            connection.scheme,
            &prepared.decider.trusted_proxies,
        ),
        ForwardingHeaders::Discarded => Forwarding::of_peer(connection.address, connection.scheme),
    };
    shared.probe(ProbeStage::Received, &context.head);
    let mut received = Received {
        head: &mut context.head,
        forwarding: &context.forwarding,
        body: connection.body,
        http2: connection.http2,
        certificate: connection.certificate,
        assumed: &NOTHING_ASSUMED,
    };
    let mut effects = LiveEffects {
        prepared,
        metrics: &shared.metrics,
        signatures: &shared.signature_budget,
        forwarding: &context.forwarding,
        now: context.now,
        started: context.started,
        open_breakers: OpenBreakers::default(),
        arms: &mut context.arms,
    };
    let (tokens, found) = (&shared.operator_tokens, &mut context.found);
    let decided = decide_received(
        &prepared.decider,
        tokens,
        &mut received,
        context.now,
        found,
        &mut effects,
    );
    let decided = decided.await;
    context.open_breakers = effects.open_breakers;
    if found.ambiguous_target {
        shared.metrics.requests.ambiguous_targets.inc();
    }
    if found.headers.is_truncated {
        shared.metrics.requests.truncated_headers.inc();
    }
    context.code = found.observed;
    context.outcome = decided?;
    Ok(())
}

/// The effects of one decision in the data plane.
struct LiveEffects<'r> {
    prepared: &'r PreparedSnapshot,
    metrics: &'r Metrics,
    signatures: &'r SignatureBudget,
    forwarding: &'r Forwarding,
    now: Timestamp,
    started: Instant,
    /// The circuit breakers that are open for the request.
    open_breakers: OpenBreakers,
    /// The arms of the request.
    arms: &'r mut ArmsOfRequest,
}

impl Trace for LiveEffects<'_> {
    fn judged(&mut self, _route: Option<RouteId>, judgement: &Judgement<'_>) {
        if let Some(verdict) = judgement.verdict
            && let Some(meter) = self.prepared.meters.flag(verdict.flag.index())
        {
            meter.count(verdict.decision.variant.index(), verdict.decision.cause);
        }
    }
}

impl Effects for LiveEffects<'_> {
    fn operator_tokens_removed(&mut self, _names: Vec<String>) {
        self.metrics.tokens.operator_tokens_removed.inc();
    }

    fn routed(&mut self, _route: Option<RouteId>) {}

    fn check_client(&mut self, routes: impl Iterator<Item = RouteId> + Send) -> Result<(), RequestRefusal> {
        let client = self.forwarding.client();
        let mut waits = self
            .limits_by_client(routes)
            .filter_map(|limit| limit.wait_after_refusals(client));
        waits.next().map_or(Ok(()), |wait| Err(self.limited(wait)))
    }

    fn count_refused(&mut self, routes: impl Iterator<Item = RouteId> + Send) {
        let client = self.forwarding.client();
        self.limits_by_client(routes)
            .for_each(|limit| limit.count_refused(client));
    }

    fn count(
        &mut self,
        routes: impl Iterator<Item = RouteId> + Send,
        tenant: Option<&TenantId>,
    ) -> Result<(), RequestRefusal> {
        let client = self.forwarding.client();
        for limit in routes.filter_map(|id| self.prepared.limit(id)) {
            let tenant = match limit.by() {
                LimitBy::Tenant => tenant,
                LimitBy::Client => None,
            };
            limit.count(tenant, client).map_err(|wait| self.limited(wait))?;
        }
        Ok(())
    }

    fn rendered(
        &mut self,
        route: Option<RouteId>,
        subject: &Subject<'_>,
        now: Timestamp,
        render: impl FnOnce() -> DecisionHeaders,
    ) -> Rendered<DecisionHeaders> {
        self.prepared.rendered.find(route, subject, now, render)
    }

    async fn verify(&mut self, token: FoundToken<'_>) -> Result<Arc<Identity>, Unproven> {
        if let Some(identity) = self.kept(token) {
            return Ok(identity);
        }
        let verified = match self.begin(token) {
            Ok(verification) => verification.complete().await,
            Err(unproven) => Err(unproven),
        };
        self.keep(token, verified)
    }

    fn verify_at_once(&mut self, token: FoundToken<'_>) -> Result<Arc<Identity>, Unidentified> {
        if let Some(identity) = self.kept(token) {
            return Ok(identity);
        }
        let client = self.forwarding.client();
        let verified = match self.begin(token) {
            Ok(_) if self.signatures.is_used_up(client) => return Err(Unidentified::OverBudget),
            Ok(verification) => verification.complete_at_once(),
            Err(unproven) => Err(unproven),
        };
        if let Err(Unproven::Rejected(_)) = &verified {
            self.signatures.count_failure(client);
        }
        self.keep(token, verified).map_err(Unidentified::of)
    }

    fn ignored(&mut self, code: &'static str) {
        self.metrics.tokens.ignored.count(code);
    }

    fn has_visitor_id(&self, route: Option<RouteId>, subject: &Subject<'_>) -> bool {
        self.prepared.rendered.has_visitor_id(route, subject)
    }

    fn observed(&mut self, code: &'static str) {
        self.metrics.requests.rejections.count(code);
    }

    fn find_open_breakers(
        &mut self,
        route: Option<RouteId>,
        tenant: Option<&TenantId>,
        open: &mut OpenFlags,
    ) {
        let observed = self.prepared.meters.observed();
        let tenant = tenant.map(TenantId::as_str);
        self.open_breakers = observed.open_breakers(route, tenant, self.started);
        observed.open_flags(self.open_breakers, open);
    }

    fn decided(&mut self, decision: &RequestDecision<'_>, subjects: &Subjects<'_>) {
        let (snapshot, observed) = (&self.prepared.decider.snapshot, self.prepared.meters.observed());
        let subject = subjects.of(decision.auth);
        self.arms.clear();
        observed.add_arms(snapshot, decision, (subject, self.now), self.arms);
    }
}

impl<'r> LiveEffects<'r> {
    /// Returns the limits of these routes that count clients.
    fn limits_by_client(&self, routes: impl Iterator<Item = RouteId>) -> impl Iterator<Item = &LiveLimit> {
        let limits = routes.filter_map(|id| self.prepared.limit(id));
        limits.filter(|limit| limit.by() == LimitBy::Client)
    }

    /// Returns the identity of a token that was verified before.
    fn kept(&self, token: FoundToken<'_>) -> Option<Arc<Identity>> {
        let prepared = self.prepared;
        prepared
            .tokens
            .find(token.as_bytes(), self.now.seconds(), &prepared.keys)
    }

    fn begin<'t>(&self, token: FoundToken<'t>) -> Result<Verification<'t>, Unproven>
    where
        'r: 't,
    {
        let prepared = self.prepared;
        let keys = |issuer: usize| prepared.keys.get(issuer).map(Arc::clone);
        Verification::begin(
            &prepared.decider.issuers,
            keys,
            token.as_str(),
            self.now.seconds(),
        )
    }

    /// Counts the result of a verification, and keeps the identity.
    fn keep(
        &self,
        token: FoundToken<'_>,
        verified: Result<Identity, Unproven>,
    ) -> Result<Arc<Identity>, Unproven> {
        self.metrics.tokens.verifications.count(match &verified {
            Ok(_) => "ok",
            Err(Unproven::Rejected(rejection)) => rejection.code(),
            Err(Unproven::NoKeys) => "no_keys",
        });
        let identity = Arc::new(verified?);
        self.prepared.tokens.keep(token.as_str(), &identity);
        Ok(identity)
    }

    fn limited(&self, wait: Duration) -> RequestRefusal {
        let seconds = wait
            .as_secs()
            .saturating_add(u64::from(wait.subsec_nanos() > 0))
            .max(1);
        let answer = Answer::new(AnswerCode::RATE_LIMITED, &self.prepared.decider.pages);
        let answer = answer.with_header("retry-after", seconds.to_string());
        RequestRefusal::new(RequestOutcome::Limited, answer)
    }
}
