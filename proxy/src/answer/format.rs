//! The format of an answer, negotiated with the client.

use http::HeaderMap;
use http::header::ACCEPT;

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
    /// Returns the format for the client that sent a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if is_grpc(headers) {
            return Self::Grpc;
        }
        let accept = headers.get_all(ACCEPT).iter();
        match prefers_html(accept.map(http::HeaderValue::as_bytes)) {
            true => Self::Html,
            false => Self::Problem,
        }
    }
}
