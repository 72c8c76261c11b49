//! Answers that are not successful: `application/problem+json` (RFC 9457) with a stable code, a sentence and help.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use changes::{Code, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::error;
use utoipa::ToSchema;

use super::codes::ApiCode;
use super::common_headers::with_common_headers;
use crate::change_effect::ChangeEffect;

/// An answer that is not successful. Boxed, because it is the error type of every handler.
#[derive(Debug)]
pub(crate) struct ApiProblem(Box<ProblemParts>);

#[derive(Debug)]
struct ProblemParts {
    status: u16,
    code: &'static str,
    detail: String,
    help: Option<String>,
    /// The cause, for the log of the process: it may contain paths and internals, which no client gets.
    cause: Option<String>,
    /// The effect of the change; `None` for requests that change nothing.
    change: Option<ChangeEffect>,
    refusals: Vec<Refusal>,
    problems: Vec<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of an answer that is not successful.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'p> {
    /// A URN derived from the code.
    r#type: String,
    /// The reason phrase of the status.
    title: &'p str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A stable code; that of the first refusal if there are several.
    code: &'p str,
    /// One sentence with the facts.
    detail: &'p str,
    /// A way to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<&'p str>,
    /// The effect of the change: `not_applied`, nothing was changed; `applied`, the change is committed; `unknown`, the
    /// audit log shows whether it was applied. Absent for operations that change nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    change: Option<ChangeEffect>,
    /// The id of the request, as in the audit log.
    request_id: &'p str,
    /// All reasons of the rejection of a change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    refusals: Vec<RefusalBody>,
    /// The problems of the document, in the form of `sluice check --json`.
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    #[schema(value_type = Vec<Object>, required = false)]
    problems: &'p [Value],
}

/// A reason of the rejection of a change; further members are the facts of the reason.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct RefusalBody {
    /// Its stable code.
    code: &'static str,
    /// One sentence with the facts.
    detail: String,
    /// A way to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<String>,
    /// Its facts, by name.
    #[serde(flatten)]
    facts: Map<String, Value>,
}

impl ApiProblem {
    /// Creates a problem with a code and one sentence for the client.
    pub(crate) fn new(code: ApiCode, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemParts {
            status: code.1,
            code: code.0,
            detail: detail.into(),
            help: None,
            cause: None,
            change: None,
            refusals: Vec::new(),
            problems: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// Creates the problem of a flag that does not exist, for staff.
    pub(crate) fn flag_not_found(key: &str) -> Self {
        let refusal = Refusal::new(Code::FlagNotFound, format!("no flag has the key `{key}`"));
        Self::rejected(vec![
            refusal.help("GET /api/v1/platform/feature-flags lists them"),
        ])
    }

    /// Creates the problem of a rejected change. Code and status are those of the first reason.
    pub(crate) fn rejected(refusals: Vec<Refusal>) -> Self {
        let Some(first) = refusals.first() else {
            return Self::new(super::codes::DEFECT, "rejected without a reason");
        };
        let detail = match refusals.len() {
            1 => first.detail.clone(),
            more => format!("{} (and {} more)", first.detail, more - 1),
        };
        let mut problem = Self::new((first.code.as_str(), first.code.status()), detail);
        problem.0.help.clone_from(&first.help);
        problem.0.refusals = refusals;
        problem
    }

    /// Creates the problem of an invalid document, with the problems in the form of `sluice check --json`.
    pub(crate) fn invalid(report: &config::Report) -> Self {
        let refusal = Refusal::new(Code::InvalidDocument, report.headline()).help("see `problems`");
        let mut problem = Self::rejected(vec![refusal]);
        let json = report.to_json();
        let problems = json.get("problems").and_then(Value::as_array);
        problem.0.problems = problems.cloned().unwrap_or_default();
        problem
    }

    /// Creates the problem of an actor or org whose quota is used up.
    pub(crate) fn too_many(wait: std::time::Duration) -> Self {
        Self::new(super::codes::TOO_MANY_REQUESTS, "too many requests").retry_after(wait)
    }

    /// Sets a way to fix it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Sets the cause, which is written to the log of the process and not sent.
    pub(crate) fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Sets the effect of the change.
    pub(crate) fn effect(mut self, effect: ChangeEffect) -> Self {
        self.0.change = Some(effect);
        self
    }

    /// Sets the effect of the change, unless it is set.
    pub(crate) fn effect_if_unset(self, effect: ChangeEffect) -> Self {
        match self.0.change {
            Some(_) => self,
            None => self.effect(effect),
        }
    }

    /// Sets the effect for a request without an operation: an unsafe method (RFC 9110, section 9.2.1) requests a change,
    /// and nothing was changed.
    pub(crate) fn without_operation(self, method: &Method) -> Self {
        match method.is_safe() {
            true => self,
            false => self.effect(ChangeEffect::NotApplied),
        }
    }

    /// Writes a failure of the server to the log of the process, with its cause. Rejections of clients, and changes that gave
    /// way to others, are not logged.
    pub(crate) fn log(&self, request_id: &str) {
        let ProblemParts {
            status,
            code,
            detail,
            cause,
            ..
        } = &*self.0;
        if *status >= 500 && *code != super::codes::GAVE_WAY.0 {
            error!(request_id, code, cause, "{detail}");
        }
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// Sets `Retry-After`, in whole seconds, and the help.
    pub(crate) fn retry_after(self, wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(1);
        self.help(format!("wait {seconds} s"))
            .header(header::RETRY_AFTER, seconds)
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let parts = *self.0;
        let status = StatusCode::from_u16(parts.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ProblemBody {
            r#type: format!(
                "urn:sluice:problem:{}",
                parts.code.to_ascii_lowercase().replace('_', "-")
            ),
            title: status.canonical_reason().unwrap_or("Error"),
            status: parts.status,
            code: parts.code,
            detail: &parts.detail,
            help: parts.help.as_deref().filter(|help| can_follow(help)),
            change: parts.change,
            request_id,
            refusals: parts.refusals.into_iter().map(RefusalBody::from).collect(),
            problems: &parts.problems,
        };
        let mut bytes = serde_json::to_vec(&body).unwrap_or_default();
        // Details quote what the client sent, which may contain a token.
        redact::mask_bytes(&mut bytes, redact::TextFormat::Json);
        let mut response = with_common_headers(status, "application/problem+json", bytes.into(), request_id);
        for (name, value) in parts.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// Returns true if a help text has no mask in it, so that a reader can follow it.
fn can_follow(help: &str) -> bool {
    redact::masked(help) == help
}

impl From<Refusal> for RefusalBody {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.as_str(),
            detail: refusal.detail,
            help: refusal.help.filter(|help| can_follow(help)),
            facts: refusal.facts,
        }
    }
}
