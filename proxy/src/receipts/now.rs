//! The decision of a receipt as it would be made now: the same subject, by the route of the same name in the served
//! snapshot.

use rules::{Action, ClosedAnswer, GateMode, Passage, RequestHead, RouteId, Snapshot, Subject, Timestamp};

use super::flag_decisions::add_flags;
use super::receipt::{Difference, Receipt, ReceiptFlag, ReceiptNow, flags as flags_of, truth_name};
use super::record::ReceiptRecord;
use crate::answer::AnswerCode;
use crate::outcome::RequestOutcome;

/// Decides a receipt again, and names the differences. `open_breakers` are the keys of the flags whose circuit breaker
/// is open for its tenant. Limits, tokens and upstreams are not considered.
pub(crate) fn decide_now(
    record: &ReceiptRecord,
    receipt: &Receipt,
    snapshot: &Snapshot,
    (open_breakers, now): (&[Box<str>], Timestamp),
) -> ReceiptNow {
    let mut again = ReceiptNow {
        revision: snapshot.revision.to_string(),
        undecided: None,
        route: None,
        gate: None,
        outcome: None,
        status: None,
        verdict: None,
        flags: Vec::new(),
        differences: Vec::new(),
    };
    let route = match find_route(record, snapshot) {
        Ok(route) => route,
        Err(reason) => {
            again.undecided = Some(reason);
            return again;
        }
    };
    let texts = record.texts();
    let has_gate = route
        .and_then(|id| snapshot.routes.route(id))
        .is_some_and(|route| route.gate.is_some());
    // Nobody verified a caller of a request that ended early, or that matched no route.
    if has_gate && record.truth.is_none() && texts.tenant.is_empty() {
        again.undecided = Some("it ended before its caller was known, and the route now has a gate");
        return again;
    }
    let subject = record.subject.as_deref();
    let attributes = subject.map_or_else(Vec::new, |subject| subject.attributes_in(&snapshot.flags));
    let tenant = Some(texts.tenant).filter(|tenant| !tenant.is_empty());
    let open: Vec<_> = open_breakers
        .iter()
        .filter_map(|key| snapshot.flags.id(key))
        .collect();
    let mut subject_now = snapshot.subject(tenant);
    subject_now.user = Some(texts.user).filter(|user| !user.is_empty());
    subject_now.groups = subject.map_or(&[], |subject| &subject.groups);
    subject_now.attributes = &attributes;
    subject_now.open_breakers = &open;
    decide_by(
        (route, record.is_preflight),
        snapshot,
        (&subject_now, now),
        &mut again,
    );
    again.differences = differences(record.outcome, receipt, &again);
    again
}

/// Returns the route that decides now; none if no route matches.
///
/// # Errors
/// The reason why the request can't be decided again.
fn find_route(record: &ReceiptRecord, snapshot: &Snapshot) -> Result<Option<RouteId>, &'static str> {
    match record.outcome {
        Some(RequestOutcome::Unauthenticated | RequestOutcome::Forbidden) => {
            return Err("its token is not kept, so the caller can't be verified again");
        }
        Some(RequestOutcome::BadRequest) => {
            return Err("the request itself was refused, before or regardless of any gate");
        }
        Some(RequestOutcome::Panicked) => return Err("a defect in Sluice failed it"),
        _ => {}
    }
    if record.code == Some(AnswerCode::KEYS.name) {
        return Err("no keys were there to verify its token, so the caller is not known");
    }
    let texts = record.texts();
    let routes = &snapshot.routes;
    if texts.route.is_empty() {
        let head = KeptHead {
            host: texts.host,
            path: texts.path,
            method: texts.method,
        };
        return Ok(routes.table().find(&head));
    }
    let place = routes.all().iter().position(|route| *route.name == *texts.route);
    place
        .and_then(RouteId::from_index)
        .map(Some)
        .ok_or("its route no longer exists")
}

fn decide_by(
    (route, is_preflight): (Option<RouteId>, bool),
    snapshot: &Snapshot,
    (subject, now): (&Subject<'_>, Timestamp),
    again: &mut ReceiptNow,
) {
    let judgement = snapshot.judge(route, is_preflight, subject, now);
    let definition = route.and_then(|id| snapshot.routes.route(id));
    again.route = definition.map(|route| route.name.to_string());
    (again.outcome, again.status) = outcome(&judgement.action);
    again.verdict = judgement.verdict.map(|verdict| truth_name(verdict.truth));
    let gate = definition.and_then(|route| route.gate.as_ref());
    if let (Some(gate), Some(verdict)) = (gate, judgement.verdict) {
        let mut decided = ReceiptRecord::default();
        add_flags(&mut decided, (gate, verdict), &snapshot.flags, (subject, now));
        again.flags = flags_of(&decided);
        let shadow = definition.is_some_and(|route| route.mode == GateMode::Shadow);
        again.gate = Some(gate_text(&gate.describe(&snapshot.flags), shadow));
    }
}

fn gate_text(gate: &str, is_shadow: bool) -> String {
    match is_shadow {
        true => format!("{gate} (shadow)"),
        false => gate.to_owned(),
    }
}

/// Returns the outcome in the words of the access log, and the status of Sluice's own answer.
fn outcome(action: &Action<'_>) -> (Option<&'static str>, Option<u16>) {
    let (outcome, status) = match action {
        Action::Forward { passage, .. } => match passage {
            Passage::Open | Passage::Unmatched => (RequestOutcome::Forwarded, None),
            Passage::Observed => (RequestOutcome::Shadowed, None),
            Passage::Fallback => (RequestOutcome::Fallback, None),
        },
        Action::Closed(ClosedAnswer::Reject(reject)) => (RequestOutcome::Rejected, Some(reject.status)),
        Action::Closed(ClosedAnswer::Redirect { status, .. }) => (RequestOutcome::Redirected, Some(*status)),
        Action::Undecided | Action::FlagNotFound => (RequestOutcome::Undecided, Some(503)),
        Action::Unmatched(status) => (RequestOutcome::Unmatched, Some(*status)),
        // Only decided among several readings of a path, which are not considered here.
        Action::Conflict | Action::TooManyReadings => (RequestOutcome::BadRequest, None),
    };
    (Some(outcome.as_str()), status)
}

/// Returns what differs between then and now.
fn differences(outcome: Option<RequestOutcome>, then: &Receipt, now: &ReceiptNow) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |what: String, then: String, now: String| {
        if then != now {
            found.push(Difference { what, then, now });
        }
    };
    let word = |word: Option<&str>| word.unwrap_or("none").to_owned();
    compare(
        "route".to_owned(),
        word(then.route.as_deref()),
        word(now.route.as_deref()),
    );
    if outcome.is_some_and(is_decision) {
        compare("outcome".to_owned(), then.outcome.to_owned(), word(now.outcome));
    }
    compare("gate".to_owned(), word(then.verdict), word(now.verdict));
    for flag in &then.flags {
        match now.flags.iter().find(|other| other.flag == flag.flag) {
            Some(other) => {
                let parts = [
                    ("variant", flag.variant.clone(), other.variant.clone()),
                    ("cause", flag.cause.to_owned(), other.cause.to_owned()),
                    ("bucket", bucket(flag), bucket(other)),
                    ("arm", word(flag.arm), word(other.arm)),
                ];
                for (part, then, now) in parts {
                    compare(format!("{}: {part}", flag.flag), then, now);
                }
            }
            None if flag.is_required => {}
            None => compare(
                flag.flag.clone(),
                "in the gate".to_owned(),
                "not in the gate".to_owned(),
            ),
        }
    }
    let added = now.flags.iter().filter(|flag| !flag.is_required);
    for flag in added.filter(|flag| then.flags.iter().all(|other| other.flag != flag.flag)) {
        compare(
            flag.flag.clone(),
            "not in the gate".to_owned(),
            "in the gate".to_owned(),
        );
    }
    found
}

/// Returns true for the outcomes that follow from the route and its gate alone.
fn is_decision(outcome: RequestOutcome) -> bool {
    match outcome {
        RequestOutcome::Forwarded
        | RequestOutcome::Fallback
        | RequestOutcome::Rejected
        | RequestOutcome::Redirected
        | RequestOutcome::Unmatched
        | RequestOutcome::Shadowed
        | RequestOutcome::Undecided => true,
        RequestOutcome::Unauthenticated
        | RequestOutcome::Forbidden
        | RequestOutcome::Limited
        | RequestOutcome::BadRequest
        | RequestOutcome::UpstreamError
        | RequestOutcome::ClientError
        | RequestOutcome::Shed
        | RequestOutcome::Aborted
        | RequestOutcome::Panicked => false,
    }
}

fn bucket(flag: &ReceiptFlag) -> String {
    flag.bucket
        .map_or_else(|| "none".to_owned(), |bucket| bucket.to_string())
}

/// The head of a kept request. Its headers are not kept, so a route that matches on one does not match.
struct KeptHead<'a> {
    host: &'a str,
    path: &'a str,
    method: &'a str,
}

impl RequestHead for KeptHead<'_> {
    fn host(&self) -> &str {
        self.host
    }

    fn path(&self) -> &str {
        self.path
    }

    fn method(&self) -> &str {
        self.method
    }

    fn header_values(&self, _name: &str) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }
}
