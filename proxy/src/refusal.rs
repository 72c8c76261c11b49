//! A request that ends with an answer of our own, decided by a phase and sent by the gateway.

use std::sync::Arc;

use crate::answer::{Answer, AnswerCode, KeepAlive, Pages};
use crate::outcome::RequestOutcome;

/// How a request ends that is not forwarded.
#[derive(Debug, Clone)]
pub(crate) struct RequestRefusal {
    pub(crate) answer: Arc<Answer>,
    pub(crate) outcome: RequestOutcome,
    pub(crate) keep_alive: KeepAlive,
}

impl RequestRefusal {
    /// An answer after which the connection goes on.
    pub(crate) fn new(outcome: RequestOutcome, answer: impl Into<Arc<Answer>>) -> Self {
        Self {
            answer: answer.into(),
            outcome,
            keep_alive: KeepAlive::Keep,
        }
    }

    /// A request that is not well-formed. It is closed after that: where one message ends and the next begins
    /// might be read in two ways.
    pub(crate) fn malformed(code: AnswerCode, pages: &Pages) -> Self {
        let answer = Arc::new(Answer::new(code, pages));
        Self {
            answer,
            outcome: RequestOutcome::BadRequest,
            keep_alive: KeepAlive::Close,
        }
    }

    /// A request that is well-formed and refused.
    pub(crate) fn bad(code: AnswerCode, pages: &Pages) -> Self {
        Self::new(RequestOutcome::BadRequest, Answer::new(code, pages))
    }
}
