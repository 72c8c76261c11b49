//! Explains a request: runs the proxy's phases as a dry run, and describes the result.

use control::{
    ExplainedAnswer, ExplainedFlag, ExplainedGate, InvalidQuestion, RequestExplanation, RequestQuestion,
    Sender,
};
use proxy::{Decider, DryResult, DryRunRequest, RequestDryRun, StatedCaller, dry_run};
use rules::{
    Action, AttributeId, AttributeValue, Auth, ClosedAnswer, GateMode, Preflight, RequestDecision, Route,
    RouteId, Subject, Timestamp, Truth, Unmatched,
};

use super::caller::{self, SubjectText};
use super::input::ExplainInput;
use super::listener::ChosenListener;
use super::{limits, rejected_candidates, request_head};
use crate::clock;
use crate::issuer_keys::issuer_keys;

/// The parts of an explanation that need the subject, which is only known while the request is decided.
#[derive(Default)]
struct DecisionDetails {
    gate: Option<ExplainedGate>,
    subject: SubjectText,
    auth: Option<Auth>,
    /// A note on an answer that the proxy generates itself.
    detail: &'static str,
}

/// Explains a request. A request that the proxy would reject is explained, too, also if the keys of its token are not
/// available.
///
/// # Errors
/// The question names an unknown listener.
pub(crate) fn explain(input: &ExplainInput<'_>) -> Result<RequestExplanation, InvalidQuestion> {
    let (gateway, question) = (input.gateway, input.question);
    let decider = &gateway.decider;
    let listener = ChosenListener::find(decider, question.listener.as_deref())?;
    let head = request_head::write(question, decider);
    let dry_run_question = DryRunRequest {
        listener: listener.head,
        head: &head,
        caller: stated_caller(question),
        client: question.client,
        attributes: attributes(question, decider),
        open_breakers: input.open_breakers,
    };
    let keys = |position: usize| {
        let issuer = gateway.identity.issuers.get(position)?;
        issuer_keys(issuer, input.keys).ok()
    };
    let mut details = DecisionDetails::default();
    let run = input.keys.wait(dry_run(
        decider,
        &dry_run_question,
        keys,
        // The decision is as of `at`; a token is verified as of now, with the current keys.
        (input.at, clock::now().seconds()),
        // The subject borrows from the dry run, so its parts of the explanation are made here.
        |decision, subject| details = DecisionDetails::of(decider, decision, subject, input.at),
    ));
    let mut story = story(input, &run, details);
    if listener.has_others {
        story.listener = Some(listener.head.name().to_owned());
        story.listener_assumed = listener.is_assumed;
    }
    Ok(story)
}

fn stated_caller(question: &RequestQuestion) -> Option<StatedCaller> {
    match &question.sender {
        Sender::Unnamed | Sender::Token(_) => None,
        Sender::Tenant { tenant, user, groups } => Some(StatedCaller {
            tenant: tenant.clone(),
            user: user.clone(),
            groups: groups.clone().into(),
        }),
    }
}

/// Returns the stated attributes that a flag reads.
fn attributes(question: &RequestQuestion, decider: &Decider) -> Vec<(AttributeId, AttributeValue)> {
    let flags = &decider.snapshot().flags;
    let stated = question.attributes.iter();
    let stated = stated.filter_map(|(name, value)| Some((flags.attribute_id(name)?, value.clone())));
    stated.collect()
}

fn story(input: &ExplainInput<'_>, run: &RequestDryRun, details: DecisionDetails) -> RequestExplanation {
    let (gateway, question) = (input.gateway, input.question);
    let decider = &gateway.decider;
    let snapshot = decider.snapshot();
    let routes = &snapshot.routes;
    let route = run.route.and_then(|id| routes.route(id));
    let (rejected_candidates, other_routes) = rejected_candidates::find(decider, run);
    let mut story = RequestExplanation {
        snapshot: snapshot.revision.to_string(),
        target: run.path.clone().unwrap_or_else(|| question.path.clone()),
        readings: readings(decider, run),
        route: route.map(|route| route.name.to_string()),
        place: route
            .and_then(|route| gateway.line_index.place(route.site))
            .map(|place| place.to_string()),
        rejected_candidates,
        other_routes,
        preflight: route.filter(|_| run.is_preflight).map(preflight),
        limits: limits::describe(routes, &run.counted),
        client: run.client.map(|client| client.to_string()),
        missing_attributes: missing_attributes(decider, run),
        answer: answer(&run.result, details.detail),
        headers: run
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect(),
        ..RequestExplanation::default()
    };
    let sent = question.path.split('?').next().unwrap_or_default();
    story.original_target = (run.path.is_some() && story.target != sent).then(|| question.path.clone());
    if let DryResult::Forwarded { upstream, is_open } = run.result {
        let upstream = snapshot.upstreams.get(upstream.index());
        story.upstream = upstream.map(|upstream| upstream.name.to_string());
        story.open = is_open;
    }
    let text = match (details.auth, &run.result) {
        // A request that Sluice answers as an unmatched one has no caller.
        (Some(auth), _) if route.is_some() || auth != Auth::None => {
            caller::describe(input, run, (&details.subject, auth))
        }
        // Rejected for its caller: no decision was made, so there are no details of one.
        (None, DryResult::Answered { code, .. }) if is_caller_code(code) => {
            let gate = route.and_then(|route| route.gate.as_ref());
            story.unevaluated_gate = gate.map(|gate| gate.describe(&snapshot.flags));
            caller::describe_rejected(input, run, code)
        }
        _ => caller::CallerText::default(),
    };
    (story.identity, story.identity_source) = (text.identity, text.source);
    story.gate = details.gate;
    if !run.operator_tokens.is_empty() {
        if story.identity.is_empty() {
            "not evaluated".clone_into(&mut story.identity);
        } else {
            story.identity_source.push_str("; ");
        }
        story.identity_source.push_str(&removed(&run.operator_tokens));
    }
    story
}

fn removed(headers: &[String]) -> String {
    format!(
        "a static token of an operator, which is for the admin API, is removed from: {}",
        headers.join(", ")
    )
}

/// Returns true for the codes of a request that is rejected for its caller.
fn is_caller_code(code: &str) -> bool {
    code.starts_with("TOKEN_") || code.starts_with("TENANT_") || code == "KEYS_UNAVAILABLE"
}

/// Returns the names of the other routes that the readings of the path match.
fn readings(decider: &Decider, run: &RequestDryRun) -> Vec<String> {
    let routes = &decider.snapshot().routes;
    let found: &[RouteId] = match run.judged.is_empty() {
        true => &run.candidates,
        false => &run.judged,
    };
    let names = found.iter().filter(|id| Some(**id) != run.matched);
    names
        .filter_map(|id| Some(routes.route(*id)?.name.to_string()))
        .collect()
}

/// Returns the names of the attributes that have no value because the client's address is not known.
fn missing_attributes(decider: &Decider, run: &RequestDryRun) -> Vec<String> {
    let names = decider.snapshot().flags.attributes();
    let missing = run.missing_attributes.iter();
    let missing = missing.filter_map(|id| names.get(id.index()));
    missing.map(ToString::to_string).collect()
}

fn preflight(route: &Route) -> String {
    match route.preflight {
        Preflight::Open => "open: passes without a token and without the gate".to_owned(),
        Preflight::Gated => "gated: decided like any other request".to_owned(),
    }
}

fn answer(result: &DryResult, detail: &str) -> ExplainedAnswer {
    match result {
        DryResult::Forwarded { .. } => ExplainedAnswer::default(),
        DryResult::Answered {
            status,
            grpc_status,
            code,
            location,
            reason,
            ..
        } => ExplainedAnswer {
            status: Some(*status),
            grpc_status: *grpc_status,
            code: Some((*code).to_owned()),
            detail: reason.clone().unwrap_or_else(|| detail.to_owned()),
            location: location.clone(),
        },
    }
}

impl DecisionDetails {
    fn of(decider: &Decider, decision: &RequestDecision<'_>, subject: &Subject<'_>, at: Timestamp) -> Self {
        let snapshot = decider.snapshot();
        let route = decision.route.and_then(|id| snapshot.routes.route(id));
        Self {
            gate: route.and_then(|route| gate(decider, route, decision, subject, at)),
            subject: SubjectText::of(subject),
            auth: Some(decision.auth),
            detail: detail(&decision.action, &snapshot.routes.unmatched),
        }
    }
}

/// Returns details of an action that its code does not state; empty if there are none.
fn detail(action: &Action<'_>, unmatched: &Unmatched) -> &'static str {
    match action {
        Action::Unmatched(_) => "no route matches the request",
        Action::Conflict => "as for an unknown path: two closed gates lead to different upstreams",
        Action::Closed(ClosedAnswer::Reject(reject)) => match reject {
            reject if reject.reveal && reject.body.is_none() => "naming the flag",
            reject if reject.status == 404 => match unmatched {
                Unmatched::Reject(404) => "as for an unknown path",
                Unmatched::Reject(_) | Unmatched::Upstream { .. } => {
                    "by Sluice; `unmatched` answers unknown paths"
                }
            },
            _ => "",
        },
        Action::FlagNotFound => "the store has never held a flag",
        Action::Closed(ClosedAnswer::Redirect { .. })
        | Action::Forward { .. }
        | Action::Undecided
        | Action::TooManyReadings => "",
    }
}

fn gate(
    decider: &Decider,
    route: &Route,
    decision: &RequestDecision<'_>,
    subject: &Subject<'_>,
    at: Timestamp,
) -> Option<ExplainedGate> {
    let flags = &decider.snapshot().flags;
    let (gate, verdict) = (route.gate.as_ref()?, decision.verdict?);
    let of_flag = |id| ExplainedFlag::of(flags, id, subject, at);
    Some(ExplainedGate {
        gate: gate.describe(flags),
        verdict: match verdict.truth {
            Truth::Open => "OPEN",
            Truth::Closed => "CLOSED",
            Truth::Undecided => "UNDECIDED",
        },
        shadow: route.mode == GateMode::Shadow,
        flags: gate.flags().iter().copied().filter_map(of_flag).collect(),
    })
}
