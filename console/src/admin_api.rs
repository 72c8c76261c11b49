//! A client of the admin API of this process. Requests do not leave it: they go to the router of the API, with the
//! signed-in visitor in place of credentials.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::response::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use control::api::PREFIX;
use control::operators::NotSignedIn;
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::problem::Problem;
use crate::visitor::Visitor;

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The characters of a path segment that are not escaped (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    // The names of operations contain a colon, as in `orgs:import`.
    .remove(b':');

/// The admin API.
pub(crate) struct AdminApi {
    router: Router,
}

/// A request of an operation.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<RequestBody>,
    /// The place of the reason of a change.
    reason_place: ReasonPlace,
    /// The revision that the state must have, for `If-Match`.
    expected: Option<u64>,
    /// True if the operation has a dry run.
    has_preview: bool,
}

/// The body of a request.
#[derive(Debug, Clone)]
enum RequestBody {
    Json(Value),
    /// A document as it was written, YAML or JSON.
    Document(String),
}

/// The place of the reason in the request of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReasonPlace {
    Body,
    Query,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) body: T,
}

impl Call {
    /// Requests a resource by the segments of its path, which are escaped.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::of("GET", path)
    }

    pub(crate) fn post(path: &[&str]) -> Self {
        Self::of("POST", path)
    }

    pub(crate) fn put(path: &[&str]) -> Self {
        Self::of("PUT", path)
    }

    pub(crate) fn patch(path: &[&str]) -> Self {
        Self::of("PATCH", path)
    }

    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::of("DELETE", path)
    }

    fn of(method: &'static str, path: &[&str]) -> Self {
        let mut joined = String::from(PREFIX);
        for segment in path {
            joined.push('/');
            joined.push_str(&self::segment(segment));
        }
        Self {
            method,
            path: joined,
            query: Vec::new(),
            body: None,
            reason_place: ReasonPlace::Query,
            expected: None,
            has_preview: true,
        }
    }

    /// Adds a parameter of the query.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a parameter of the query if it has a value.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Sets the body, which also has the reason of the change.
    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Some(RequestBody::Json(body));
        self.reason_place = ReasonPlace::Body;
        self
    }

    /// Sets the body to a record, such as that of a tenant. The reason of the change is not part of it.
    pub(crate) fn record(mut self, body: Value) -> Self {
        self.body = Some(RequestBody::Json(body));
        self
    }

    /// Sets the body to a document, YAML or JSON. The reason of the change is not part of it.
    pub(crate) fn document(mut self, text: &str) -> Self {
        self.body = Some(RequestBody::Document(text.to_owned()));
        self
    }

    /// Marks an operation that has no dry run.
    pub(crate) fn without_preview(mut self) -> Self {
        self.has_preview = false;
        self
    }

    /// Returns true if the operation has a dry run.
    pub(crate) fn has_preview(&self) -> bool {
        self.has_preview
    }

    /// Confirms a change of many tenants, and skips the conditions that the operation can skip.
    pub(crate) fn forced(self) -> Self {
        match self.query.iter().any(|(name, _)| *name == "force") {
            true => self,
            false => self.with("force", "true"),
        }
    }

    /// Sets the reason of a change.
    pub(crate) fn because(mut self, reason: &str) -> Self {
        match (&mut self.body, self.reason_place) {
            (Some(RequestBody::Json(Value::Object(fields))), ReasonPlace::Body) => {
                fields.insert("reason".to_owned(), Value::from(reason));
                self
            }
            _ => self.with("reason", reason),
        }
    }

    /// Requires that the state still has this revision.
    pub(crate) fn expecting(mut self, revision: u64) -> Self {
        self.expected = Some(revision);
        self
    }

    /// Asks for the effects of a change without the change.
    pub(crate) fn dry_run(self) -> Self {
        self.with("dry_run", "true")
    }

    fn into_request(self, visitor: &Visitor) -> Result<Request<Body>, Problem> {
        let mut target = self.path;
        if !self.query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&self.query)
                .finish();
            target.push('?');
            target.push_str(&query);
        }
        let mut request = Request::builder().method(self.method).uri(target);
        if let Some(revision) = self.expected {
            request = request.header(header::IF_MATCH, format!("\"{revision}\""));
        }
        let body = match self.body {
            Some(RequestBody::Json(body)) => {
                request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Body::from(body.to_string())
            }
            // The parser of YAML reads JSON.
            Some(RequestBody::Document(text)) => {
                request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
                Body::from(text)
            }
            None => Body::empty(),
        };
        request
            .extension(visitor.signed_in.clone())
            .body(body)
            .map_err(|error| Problem::defect(format!("the request of an operation is invalid: {error}")))
    }
}

/// Returns a name as a segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

impl AdminApi {
    pub(crate) fn new(router: Router) -> Self {
        Self { router }
    }

    /// Requests an operation, and reads its answer.
    ///
    /// # Errors
    /// The operation is rejected, or its answer can't be read.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        visitor: &Visitor,
        call: Call,
    ) -> Result<Answer<T>, Problem> {
        let (parts, bytes) = read(self.forward(visitor, call).await?).await?;
        if parts.status != StatusCode::OK {
            return Err(Problem::read(parts.status, &bytes));
        }
        let body = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::defect(format!("the answer of an operation is malformed: {error}")))?;
        Ok(Answer { body })
    }

    /// Requests an operation, and returns its response as it is, for downloads.
    ///
    /// # Errors
    /// The request is malformed.
    pub(crate) async fn forward(&self, visitor: &Visitor, call: Call) -> Result<Response, Problem> {
        let request = call.into_request(visitor)?;
        // The router is infallible.
        let Ok(response) = self.router.clone().oneshot(request).await;
        Ok(response)
    }

    /// Records a failed sign-in of a caller at this address as the API does, and returns its problem.
    pub(crate) async fn refuse_sign_in(&self, reason: NotSignedIn, peer: SocketAddr) -> Problem {
        let request = Request::get(format!("{PREFIX}/whoami"))
            .extension(ConnectInfo(peer))
            .extension(reason)
            .body(Body::empty());
        let request = match request {
            Ok(request) => request,
            Err(error) => return Problem::defect(format!("the request of an operation is invalid: {error}")),
        };
        let Ok(response) = self.router.clone().oneshot(request).await;
        problem_of(response).await
    }
}

/// Reads the problem of a response that is not successful.
pub(crate) async fn problem_of(response: Response) -> Problem {
    match read(response).await {
        Ok((parts, bytes)) => Problem::read(parts.status, &bytes),
        Err(problem) => problem,
    }
}

/// Reads a response.
async fn read(response: Response) -> Result<(Parts, Bytes), Problem> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let body =
        body.map_err(|error| Problem::defect(format!("the answer of an operation can't be read: {error}")))?;
    Ok((parts, body.to_bytes()))
}
