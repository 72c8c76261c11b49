//! A request that ends with an answer of our own, decided by a phase and sent by the gateway.

use std::sync::Arc;

use crate::answer::{Answer, Code, Connection, Pages};
use crate::outcome::Outcome;

/// How a request ends that is not forwarded.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) answer: Arc<Answer>,
    pub(crate) outcome: Outcome,
    pub(crate) connection: Connection,
}

impl Refusal {
    /// An answer after which the connection goes on.
    pub(crate) fn new(outcome: Outcome, answer: impl Into<Arc<Answer>>) -> Self {
        Self {
            answer: answer.into(),
            outcome,
            connection: Connection::Keep,
        }
    }

    /// A request that is not well-formed. It is closed after that: where one message ends and the next begins
    /// might be read in two ways.
    pub(crate) fn malformed(code: Code, pages: &Pages) -> Self {
        let answer = Arc::new(Answer::new(code, pages));
        Self {
            answer,
            outcome: Outcome::BadRequest,
            connection: Connection::Close,
        }
    }

    /// A request that is well-formed and refused.
    pub(crate) fn bad(code: Code, pages: &Pages) -> Self {
        Self::new(Outcome::BadRequest, Answer::new(code, pages))
    }
}
