//! Successful answers, and the headers that all answers have.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use changes::Revision;

use super::handler::{Reply, ResponseBody};
use super::problem::ApiProblem;

/// The header with the id of a request; the answer repeats it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A successful answer.
pub(crate) struct ApiResponse {
    kind: &'static str,
    body: Body,
    /// The revision that the body shows, for `ETag`.
    revision: Option<Revision>,
}

impl ApiResponse {
    /// Writes the body of a reply.
    ///
    /// # Errors
    /// It has no JSON form, which is a defect.
    pub(crate) fn of<T: ResponseBody>(reply: Reply<T>) -> Result<Self, ApiProblem> {
        Ok(Self {
            kind: T::SCHEMA.media_type(),
            body: reply.body.into_body()?,
            revision: reply.revision,
        })
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

/// Returns a response with the headers that all answers have.
pub(crate) fn with_common_headers(
    status: StatusCode,
    kind: &'static str,
    body: Body,
    request_id: &str,
) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}
