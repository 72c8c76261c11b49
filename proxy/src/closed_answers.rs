//! What closed gates answer, rendered once for each route and cause.

use rules::{Cause, Otherwise, Reject, Route, Unmatched};

use crate::answer::{Answer, Code, Pages};
use crate::outcome::Outcome;
use crate::refusal::Refusal;

/// What one route answers while its gate is closed, as far as that is the same for everyone.
#[derive(Debug)]
pub(crate) struct ClosedAnswers {
    usual: Option<Refusal>,
    by_cause: Box<[(Cause, Option<Refusal>)]>,
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
    pub(crate) fn answer(&self, cause: Cause) -> Option<&Refusal> {
        let special = self.by_cause.iter().find(|(given, _)| *given == cause);
        special.map_or(&self.usual, |(_, refusal)| refusal).as_ref()
    }
}

/// What a request is answered that falls on no route, and is not sent on.
pub(crate) fn unmatched(unmatched: &Unmatched, pages: &Pages) -> Refusal {
    let status = match unmatched {
        Unmatched::Reject(status) => *status,
        Unmatched::Upstream(_) => Code::NOT_FOUND.status,
    };
    let code = if status == Code::NOT_FOUND.status {
        Code::NOT_FOUND
    } else {
        Code::NO_ROUTE
    };
    Refusal::new(Outcome::Unmatched, Answer::with_status(code, status, pages))
}

fn refusal(otherwise: &Otherwise, pages: &Pages) -> Option<Refusal> {
    match otherwise {
        Otherwise::Upstream(_) => None,
        Otherwise::Reject(reject) if is_request_specific(reject) => None,
        Otherwise::Reject(reject) => {
            let code = if reject.status == Code::NOT_FOUND.status {
                Code::NOT_FOUND
            } else {
                Code::FEATURE
            };
            let answer = Answer::with_status(code, reject.status, pages);
            let answer = match &reject.body {
                Some(body) => answer.body(body),
                None => answer,
            };
            Some(Refusal::new(Outcome::Rejected, answer))
        }
        Otherwise::Redirect { status, location } => Some(Refusal::new(
            Outcome::Redirected,
            Answer::redirect(*status, location),
        )),
    }
}

/// Whether a refusal says things that differ from request to request. An operator's body says what it says.
pub(crate) fn is_request_specific(reject: &Reject) -> bool {
    reject.reveal && reject.body.is_none()
}
