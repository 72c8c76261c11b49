//! The format of an answer, negotiated with the client.

use wire::Fields;

use super::accept::prefers_html;
use super::grpc::is_grpc;

/// The format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerFormat {
    /// A problem document.
    Problem,
    /// An HTML page.
    Html,
    /// A gRPC status.
    Grpc,
}

impl AnswerFormat {
    /// Returns the format for the client that sent a request with these fields.
    pub(crate) fn of(fields: &Fields) -> Self {
        if is_grpc(fields) {
            return Self::Grpc;
        }
        match prefers_html(fields.values("accept")) {
            true => Self::Html,
            false => Self::Problem,
        }
    }
}
