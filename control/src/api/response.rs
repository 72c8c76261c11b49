//! Successful answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use changes::Revision;

use super::common_headers::with_common_headers;

/// A successful answer.
pub(crate) struct ApiResponse {
    kind: &'static str,
    body: Body,
    /// The revision that the body shows, for `ETag`.
    revision: Option<Revision>,
}

impl ApiResponse {
    pub(crate) fn new(kind: &'static str, body: Body, revision: Option<Revision>) -> Self {
        Self { kind, body, revision }
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let mut response = with_common_headers(StatusCode::OK, self.kind, self.body, request_id);
        if let Some(revision) = self.revision
            && let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", revision.0))
        {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
