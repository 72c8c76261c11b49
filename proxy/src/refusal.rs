//! A refusal of a request: an answer that a phase decides on and the engine sends.

use std::sync::Arc;

use crate::answer::{Answer, AnswerCode, Pages};
use crate::outcome::RequestOutcome;

/// The handling of a connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// Kept, if the client also wants that.
    Keep,
    /// Closed: the following bytes can't be trusted, or are not read.
    Close,
}

/// A refusal of a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestRefusal {
    pub(crate) answer: Arc<Answer>,
    pub(crate) outcome: RequestOutcome,
    pub(crate) keep_alive: KeepAlive,
}

impl RequestRefusal {
    /// Creates a refusal that keeps the connection.
    pub(crate) fn new(outcome: RequestOutcome, answer: impl Into<Arc<Answer>>) -> Self {
        Self {
            answer: answer.into(),
            outcome,
            keep_alive: KeepAlive::Keep,
        }
    }

    /// Creates the refusal of a malformed request. It closes the connection, because the end of the message may be
    /// read in two ways.
    pub(crate) fn malformed(code: AnswerCode, pages: &Pages) -> Self {
        let answer = Arc::new(Answer::new(code, pages));
        Self {
            answer,
            outcome: RequestOutcome::BadRequest,
            keep_alive: KeepAlive::Close,
        }
    }

    /// Creates the refusal of a well-formed request, which keeps the connection.
    pub(crate) fn bad(code: AnswerCode, pages: &Pages) -> Self {
        Self::new(RequestOutcome::BadRequest, Answer::new(code, pages))
    }
}
