//! Dry run of a request: runs the same phases that decide every request, without sending, counting or caching
//! anything. `explain` renders the result.

mod client_flags;
mod request;

use std::net::IpAddr;
use std::sync::Arc;

use rules::{
    AttributeId, Judgement, LimitBy, RequestDecision, RouteId, Subject, Subjects, TenantId, Timestamp, Trace,
    UnmetCondition, UpstreamId,
};
use tokens::{Identity, OperatorTokens};
use wire::RequestHead;

pub use self::client_flags::{ClientFlag, ClientFlags, ClientRefused, client_flags};
use self::request::ParsedRequest;
pub use self::request::{DryRunRequest, FindOpenBreakers};
use crate::answer::AnswerFormat;
use crate::breakers::OpenFlags;
use crate::credential_sources::FoundToken;
use crate::decider::Decider;
use crate::findings::{DecisionHeaders, Findings};
use crate::issuer_keys::{IssuerKeys, Unproven};
use crate::phase::decision::decide;
use crate::phase::effects::Effects;
use crate::phase::headers;
use crate::phase::received::Received;
use crate::phase::route::RoutedHead;
use crate::phase::unidentified::Unidentified;
use crate::phase::upstream_head;
use crate::phase::verification::Verification;
use crate::refusal::RequestRefusal;
use crate::refusal_cause;
use crate::rendered_flags::Rendered;

/// The findings of a dry run.
#[derive(Debug)]
pub struct RequestDryRun {
    /// The normalised path; none if the request was refused earlier.
    pub path: Option<String>,
    /// True for a CORS preflight.
    pub is_preflight: bool,
    /// The deciding route; none if no route matches or the request was refused earlier.
    pub route: Option<RouteId>,
    /// The route that matches the path as RFC 3986 reads it.
    pub matched: Option<RouteId>,
    /// All routes that may decide the request, the matched one first.
    pub candidates: Vec<RouteId>,
    /// The routes against whose limits the request counts.
    pub counted: Vec<RouteId>,
    /// The routes whose gates were evaluated, in order; empty if the caller was refused earlier.
    pub judged: Vec<RouteId>,
    /// The headers from which operators' static tokens were removed.
    pub operator_tokens: Vec<String>,
    /// The result of the token's verification; none if no token was looked for or found.
    pub verified: Option<Result<Arc<Identity>, Unproven>>,
    /// The client's address; none if it is not known.
    pub client: Option<IpAddr>,
    /// The attributes that have no value because the client's address is not known.
    pub missing_attributes: Vec<AttributeId>,
    /// The code of the reason why the credential was ignored, on a route with `auth: lenient`.
    pub ignored: Option<&'static str>,
    /// The code that the caller would have been refused with, if its routes did not only observe.
    pub observed: Option<&'static str>,
    /// The result for the request.
    pub result: DryResult,
    /// The headers that carry the decision to the upstream, by lower-case name, without the request id and the
    /// signature.
    pub headers: Vec<(String, String)>,
    /// The head that routes are matched by.
    head: Option<(RequestHead, Box<str>)>,
}

/// The result for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryResult {
    /// The request is forwarded.
    Forwarded {
        /// The upstream.
        upstream: UpstreamId,
        /// True for the target of an open gate; false for the fallback of a closed one.
        is_open: bool,
    },
    /// The proxy responds itself.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The status in `grpc-status`, for a gRPC client.
        grpc_status: Option<u8>,
        /// The code, in capitals.
        code: &'static str,
        /// A sentence about the code; empty where the status is sufficient.
        detail: &'static str,
        /// The redirect's location.
        location: Option<String>,
        /// The exact problem with the request.
        reason: Option<String>,
    },
}

/// Runs the phases that decide a request, at the time `at`. A token is verified at the time `now`, in seconds since
/// 1970, with the keys that `keys` returns for an issuer's position. `explain` receives the decision and its subject,
/// if the request gets that far.
pub async fn dry_run(
    decider: &Decider,
    request: &DryRunRequest<'_>,
    keys: impl Fn(usize) -> Option<Arc<IssuerKeys>> + Send + Sync,
    (at, now): (Timestamp, u64),
    explain: impl FnMut(&RequestDecision<'_>, &Subject<'_>) + Send,
) -> RequestDryRun {
    let mut read = match request.read(decider) {
        Ok(read) => read,
        Err((refusal, reason)) => {
            // The edge answers malformed heads itself, and does not negotiate the format.
            let result = answered(&refusal, AnswerFormat::Problem, Some(reason));
            return RequestDryRun::of(result);
        }
    };
    let assumed = request.assumed();
    let forwarding = request.forwarding(&read, decider);
    let mut recorder = DryRunRecorder::new((decider, request), keys, now, explain, forwarding.client());
    let mut found = Findings::default();
    let mut received = Received {
        head: &mut read.head,
        forwarding: &forwarding,
        body: read.body,
        http2: None,
        certificate: None,
        assumed: &assumed,
    };
    let tokens = OperatorTokens::new();
    let decided = decide(decider, &tokens, &mut received, at, &mut found, &mut recorder).await;
    let DryRunRecorder {
        is_routed,
        is_open,
        mut run,
        ..
    } = recorder;
    match (decided, found.upstream) {
        (Ok(_), Some(upstream)) => {
            run.result = DryResult::Forwarded { upstream, is_open };
            run.headers = injected(&read.head, &found, decider);
        }
        // Unreachable: a decision either names an upstream or refuses.
        (Ok(_), None) => {}
        (Err(refusal), _) => {
            // After the phases, which remove headers that `Connection` lists.
            let format = AnswerFormat::of(&read.head.fields);
            run.result = answered(&refusal, format, reason(&refusal, &read, decider));
        }
    }
    run.path = is_routed.then(|| read.head.path().to_owned());
    run.is_preflight = found.is_preflight;
    run.route = found.route;
    run.client = forwarding.client();
    run.observed = found.observed;
    run.head = Some((read.head, found.host));
    run
}

impl RequestDryRun {
    /// Returns the routes that match host and path, in order of precedence, with what the request lacks for each.
    #[must_use]
    pub fn fitting<'d>(&self, decider: &'d Decider) -> Vec<(RouteId, Option<UnmetCondition<'d>>)> {
        match (&self.path, &self.head) {
            (Some(_), Some((head, host))) => {
                let table = decider.snapshot.routes.table();
                table.fitting(&RoutedHead::of(host, head))
            }
            _ => Vec::new(),
        }
    }

    fn of(result: DryResult) -> Self {
        Self {
            path: None,
            is_preflight: false,
            route: None,
            matched: None,
            candidates: Vec::new(),
            counted: Vec::new(),
            judged: Vec::new(),
            operator_tokens: Vec::new(),
            verified: None,
            client: None,
            missing_attributes: Vec::new(),
            ignored: None,
            observed: None,
            result,
            headers: Vec::new(),
            head: None,
        }
    }
}

fn answered(refusal: &RequestRefusal, format: AnswerFormat, reason: Option<String>) -> DryResult {
    let answer = &refusal.answer;
    DryResult::Answered {
        status: answer.status_in(format),
        grpc_status: answer.grpc_status(format),
        code: answer.code.name,
        detail: answer.code.detail,
        location: answer.location(format).map(str::to_owned),
        reason,
    }
}

/// Returns the exact problem with a request, where its code alone does not tell.
fn reason(refusal: &RequestRefusal, read: &ParsedRequest, decider: &Decider) -> Option<String> {
    refusal_cause::of_head(refusal.answer.code, &read.head, decider)
}

/// Returns the headers that carry the decision to the upstream.
fn injected(head: &RequestHead, found: &Findings, decider: &Decider) -> Vec<(String, String)> {
    let mut fields = head.fields.clone();
    upstream_head::inject(&mut fields, found, decider);
    let plan = &decider.snapshot.headers;
    let baggage = plan.baggage.then_some("baggage");
    let value = |name: &str| {
        let value = fields.value(name)?;
        Some((name.to_owned(), String::from_utf8_lossy(value).into_owned()))
    };
    plan.names().chain(baggage).filter_map(value).collect()
}

/// Effects that record what the phases find and change nothing.
struct DryRunRecorder<'d, K, X> {
    decider: &'d Decider,
    request: &'d DryRunRequest<'d>,
    keys: K,
    now: u64,
    explain: X,
    client: Option<IpAddr>,
    is_routed: bool,
    is_open: bool,
    run: RequestDryRun,
}

impl<'d, K, X> DryRunRecorder<'d, K, X> {
    fn new(
        (decider, request): (&'d Decider, &'d DryRunRequest<'d>),
        keys: K,
        now: u64,
        explain: X,
        client: Option<IpAddr>,
    ) -> Self {
        let unmatched = answered(&decider.unmatched_refusal(), AnswerFormat::Problem, None);
        Self {
            decider,
            request,
            keys,
            now,
            explain,
            client,
            is_routed: false,
            is_open: false,
            run: RequestDryRun::of(unmatched),
        }
    }
}

impl<K: Send, X: Send> Trace for DryRunRecorder<'_, K, X> {
    fn judged(&mut self, route: Option<RouteId>, _judgement: &Judgement<'_>) {
        let judged = &mut self.run.judged;
        judged.extend(route.filter(|id| !judged.contains(id)));
    }
}

impl<K, X> Effects for DryRunRecorder<'_, K, X>
where
    K: Fn(usize) -> Option<Arc<IssuerKeys>> + Send + Sync,
    X: FnMut(&RequestDecision<'_>, &Subject<'_>) + Send,
{
    fn operator_tokens_removed(&mut self, names: Vec<String>) {
        self.run.operator_tokens = names;
    }

    fn routed(&mut self, route: Option<RouteId>) {
        self.is_routed = true;
        self.run.matched = route;
    }

    fn check_client(&mut self, routes: impl Iterator<Item = RouteId> + Send) -> Result<(), RequestRefusal> {
        self.run.candidates = routes.collect();
        Ok(())
    }

    fn count_refused(&mut self, counted: impl Iterator<Item = RouteId> + Send) {
        let routes = &self.decider.snapshot.routes;
        let is_by_client = |id: &RouteId| {
            let limit = routes.route(*id).and_then(|route| route.limit);
            limit.is_some_and(|limit| limit.by == LimitBy::Client)
        };
        self.run.counted = counted.filter(is_by_client).collect();
    }

    fn count(
        &mut self,
        routes: impl Iterator<Item = RouteId> + Send,
        _tenant: Option<&TenantId>,
    ) -> Result<(), RequestRefusal> {
        self.run.counted = routes.collect();
        Ok(())
    }

    fn rendered(
        &mut self,
        _route: Option<RouteId>,
        _subject: &Subject<'_>,
        _now: Timestamp,
        render: impl FnOnce() -> DecisionHeaders,
    ) -> Rendered<DecisionHeaders> {
        Rendered::Own(render())
    }

    async fn verify(&mut self, token: FoundToken<'_>) -> Result<Arc<Identity>, Unproven> {
        let verified = match self.begin(token) {
            Ok(verification) => verification.complete().await,
            Err(unproven) => Err(unproven),
        };
        self.record(verified)
    }

    fn verify_at_once(&mut self, token: FoundToken<'_>) -> Result<Arc<Identity>, Unidentified> {
        let verified = self.begin(token).and_then(Verification::complete_at_once);
        self.record(verified).map_err(Unidentified::of)
    }

    fn ignored(&mut self, code: &'static str) {
        self.run.ignored = Some(code);
    }

    fn has_visitor_id(&self, route: Option<RouteId>, subject: &Subject<'_>) -> bool {
        let snapshot = &self.decider.snapshot;
        let gated = headers::gated(self.decider, route);
        let inputs = snapshot.headers.decision_inputs(&snapshot.flags, gated);
        inputs.has_visitor_id(subject)
    }

    fn observed(&mut self, _code: &'static str) {}

    fn find_open_breakers(&mut self, _: Option<RouteId>, tenant: Option<&TenantId>, open: &mut OpenFlags) {
        self.request.find_open_breakers(self.decider, tenant, open);
    }

    fn decided(&mut self, decision: &RequestDecision<'_>, subjects: &Subjects<'_>) {
        self.is_open = decision.action.is_open();
        let subject = subjects.of(decision.auth);
        if self.client.is_none() {
            let of_client = self.decider.credentials.client_attributes();
            let missing = of_client.filter(|id| subject.attribute(*id).is_none());
            self.run.missing_attributes = missing.collect();
        }
        (self.explain)(decision, subject);
    }
}

impl<K, X> DryRunRecorder<'_, K, X>
where
    K: Fn(usize) -> Option<Arc<IssuerKeys>>,
{
    fn begin<'t>(&'t self, token: FoundToken<'t>) -> Result<Verification<'t>, Unproven> {
        Verification::begin(&self.decider.issuers, &self.keys, token.as_str(), self.now)
    }

    fn record(&mut self, verified: Result<Identity, Unproven>) -> Result<Arc<Identity>, Unproven> {
        let verified = verified.map(Arc::new);
        self.run.verified = Some(verified.clone());
        verified
    }
}
