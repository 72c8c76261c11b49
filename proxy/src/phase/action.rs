//! Maps the decision about a request to an upstream, or to the proxy's own answer.

use rules::{
    Action, Cause, ClosedAnswer, Passage, RequestDecision, Route, Subject, Timestamp, UpstreamId, Verdict,
};

use crate::answer::{Answer, AnswerCode};
use crate::closed_answers::is_request_specific;
use crate::decider::Decider;
use crate::outcome::RequestOutcome;
use crate::refusal::RequestRefusal;

/// Retry delay after a flag could not be decided, in seconds.
const RETRY_SECONDS: u32 = 5;

/// The upstream of a request, and the outcome that is counted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ForwardTarget {
    pub(crate) upstream: UpstreamId,
    pub(crate) outcome: RequestOutcome,
}

/// Returns the upstream of the request.
///
/// # Errors
/// The answer to a request that is not forwarded.
pub(crate) fn forward_target(
    decider: &Decider,
    decision: &RequestDecision<'_>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Result<ForwardTarget, RequestRefusal> {
    // Only a gate can close a route, so a closed one has a verdict.
    let cause = decision
        .verdict
        .map_or(Cause::Default, |verdict| verdict.decision.cause);
    match decision.action {
        Action::Forward { upstream, passage } => {
            let outcome = match passage {
                Passage::Open | Passage::Unmatched => RequestOutcome::Forwarded,
                Passage::Observed => RequestOutcome::Shadowed,
                Passage::Fallback => RequestOutcome::Fallback,
            };
            Ok(ForwardTarget { upstream, outcome })
        }
        Action::Closed(ClosedAnswer::Reject(reject)) if is_request_specific(reject) => {
            let answer = Answer::with_status(AnswerCode::FEATURE, reject.status, &decider.pages);
            let route = decision.route.and_then(|id| decider.snapshot.routes.route(id));
            let answer = match (route, decision.verdict) {
                (Some(route), Some(verdict)) => with_details(decider, answer, route, verdict, subject, now),
                _ => answer,
            };
            Err(RequestRefusal::new(RequestOutcome::Rejected, answer))
        }
        Action::Closed(_) => Err(match decision.route {
            Some(route) => decider.closed_refusal(route, cause),
            None => decider.unmatched_refusal(),
        }),
        Action::Conflict => Err(RequestRefusal {
            outcome: RequestOutcome::Rejected,
            ..decider.unmatched_refusal()
        }),
        Action::Undecided => Err(undecided(decider, AnswerCode::UNDECIDED)),
        Action::FlagNotFound => Err(undecided(decider, AnswerCode::FLAG_NOT_FOUND)),
        Action::Unmatched(_) => Err(decider.unmatched_refusal()),
        Action::TooManyReadings => Err(RequestRefusal::bad(AnswerCode::TARGET, &decider.pages)),
    }
}

fn undecided(decider: &Decider, code: AnswerCode) -> RequestRefusal {
    let answer = Answer::new(code, &decider.pages);
    let answer = answer.with_header("retry-after", RETRY_SECONDS.to_string());
    RequestRefusal::new(RequestOutcome::Undecided, answer)
}

/// Adds what a tenant may know about a gate that is closed for it.
fn with_details(
    decider: &Decider,
    answer: Answer,
    route: &Route,
    verdict: Verdict,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Answer {
    let flags = &decider.snapshot.flags;
    let (Some(gate), Some(flag)) = (&route.gate, flags.flag(verdict.flag)) else {
        return answer;
    };
    let remedies = gate.remedies(flags, subject, verdict.flag, now);
    answer
        .with_member("flag", &flag.key().as_str().into())
        .with_member("opt_in", &remedies.opt_in.into())
        .with_member("higher_tier", &remedies.higher_tier.into())
}
