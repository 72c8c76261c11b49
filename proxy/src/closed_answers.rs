//! The answers of closed gates, rendered once for each route and cause.

use rules::{Cause, ClosedAnswer, Otherwise, Reject, Route, Unmatched};

use crate::answer::{Answer, AnswerCode, Pages};
use crate::outcome::RequestOutcome;
use crate::refusal::RequestRefusal;

/// The answers of one route while its gate is closed, as far as they are the same for all requests.
#[derive(Debug)]
pub(crate) struct ClosedAnswers {
    usual: Option<RequestRefusal>,
    by_cause: Box<[(Cause, Option<RequestRefusal>)]>,
}

impl ClosedAnswers {
    pub(crate) fn of(route: &Route, pages: &Pages) -> Self {
        let by_cause = route
            .causes
            .iter()
            .map(|(cause, otherwise)| (*cause, refusal(otherwise, pages)));
        Self {
            usual: refusal(&route.otherwise, pages),
            by_cause: by_cause.collect(),
        }
    }

    /// Returns the answer for a gate that `cause` closed; none if another upstream answers, or the answer depends on
    /// the request.
    pub(crate) fn answer(&self, cause: Cause) -> Option<&RequestRefusal> {
        let special = self.by_cause.iter().find(|(given, _)| *given == cause);
        special.map_or(&self.usual, |(_, refusal)| refusal).as_ref()
    }
}

/// Returns the answer to a request that no route matches and that is not forwarded.
pub(crate) fn unmatched(unmatched: &Unmatched, pages: &Pages) -> RequestRefusal {
    let status = match unmatched {
        Unmatched::Reject(status) => *status,
        Unmatched::Upstream { .. } => AnswerCode::NOT_FOUND.status,
    };
    let code = if status == AnswerCode::NOT_FOUND.status {
        AnswerCode::NOT_FOUND
    } else {
        AnswerCode::NO_ROUTE
    };
    let answer = Answer::with_status(code, status, pages);
    RequestRefusal::new(RequestOutcome::Unmatched, answer.with_rendered_head())
}

/// Returns the answer if it is the same for every request.
fn refusal(otherwise: &Otherwise, pages: &Pages) -> Option<RequestRefusal> {
    let Otherwise::Answer(closed) = otherwise else {
        return None;
    };
    let (outcome, answer) = match closed {
        ClosedAnswer::Reject(reject) if is_request_specific(reject) => return None,
        ClosedAnswer::Reject(reject) => {
            let code = if reject.status == AnswerCode::NOT_FOUND.status {
                AnswerCode::NOT_FOUND
            } else {
                AnswerCode::FEATURE
            };
            let answer = Answer::with_status(code, reject.status, pages);
            let answer = match &reject.body {
                Some(body) => answer.with_body(body),
                None => answer,
            };
            (RequestOutcome::Rejected, answer)
        }
        ClosedAnswer::Redirect { status, location } => {
            (RequestOutcome::Redirected, Answer::redirect(*status, location))
        }
    };
    Some(RequestRefusal::new(outcome, answer.with_rendered_head()))
}

/// Returns true if the answer depends on the request: it contains details of the gate. A body that the operator
/// configured never does.
pub(crate) fn is_request_specific(reject: &Reject) -> bool {
    reject.reveal && reject.body.is_none()
}
