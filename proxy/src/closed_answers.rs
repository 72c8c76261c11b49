//! What closed gates answer, rendered once for each route and cause.

use rules::{Cause, Otherwise, Reject, Route, Unmatched};

use crate::answer::{Answer, AnswerCode, Pages};
use crate::outcome::RequestOutcome;
use crate::refusal::RequestRefusal;

/// What one route answers while its gate is closed, as far as that is the same for everyone.
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

    /// The answer where this cause closed the gate; none where it is another upstream's, or is made for each
    /// request.
    pub(crate) fn answer(&self, cause: Cause) -> Option<&RequestRefusal> {
        let special = self.by_cause.iter().find(|(given, _)| *given == cause);
        special.map_or(&self.usual, |(_, refusal)| refusal).as_ref()
    }
}

/// What a request is answered that falls on no route, and is not sent on.
pub(crate) fn unmatched(unmatched: &Unmatched, pages: &Pages) -> RequestRefusal {
    let status = match unmatched {
        Unmatched::Reject(status) => *status,
        Unmatched::Upstream(_) => AnswerCode::NOT_FOUND.status,
    };
    let code = if status == AnswerCode::NOT_FOUND.status {
        AnswerCode::NOT_FOUND
    } else {
        AnswerCode::NO_ROUTE
    };
    RequestRefusal::new(
        RequestOutcome::Unmatched,
        Answer::with_status(code, status, pages),
    )
}

fn refusal(otherwise: &Otherwise, pages: &Pages) -> Option<RequestRefusal> {
    match otherwise {
        Otherwise::Upstream(_) => None,
        Otherwise::Reject(reject) if is_request_specific(reject) => None,
        Otherwise::Reject(reject) => {
            let code = if reject.status == AnswerCode::NOT_FOUND.status {
                AnswerCode::NOT_FOUND
            } else {
                AnswerCode::FEATURE
            };
            let answer = Answer::with_status(code, reject.status, pages);
            let answer = match &reject.body {
                Some(body) => answer.body(body),
                None => answer,
            };
            Some(RequestRefusal::new(RequestOutcome::Rejected, answer))
        }
        Otherwise::Redirect { status, location } => Some(RequestRefusal::new(
            RequestOutcome::Redirected,
            Answer::redirect(*status, location),
        )),
    }
}

/// Whether a refusal says things that differ from request to request. An operator's body says what it says.
pub(crate) fn is_request_specific(reject: &Reject) -> bool {
    reject.reveal && reject.body.is_none()
}
