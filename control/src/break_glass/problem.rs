//! Answers of the break-glass socket that are not successful, in the form of those of the admin API
//! (`application/problem+json`, RFC 9457).

use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::BreakGlassError;
use crate::change_effect::ChangeEffect;

/// The help for an attempt to kill a retired flag.
const RETIRED_HELP: &str = "revert it to ga (in documents: `lifecycle: ga`), then kill it; or close the routes that it gates in the gateway's document";

/// The reason of an answer that is not successful.
pub(super) struct SocketProblem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    help: Option<&'static str>,
    /// The cause, for the log of the process: it contains paths and errors of the operating system.
    cause: Option<String>,
    /// The effect of the change; none for requests that change nothing.
    change: Option<ChangeEffect>,
}

/// An answer that is not successful.
pub(super) struct SocketProblemAnswer {
    problem: SocketProblem,
    request_id: String,
}

/// The body of an answer that is not successful.
#[derive(Serialize)]
struct SocketProblemBody<'p> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeEffect>,
    request_id: &'p str,
}

impl SocketProblem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            help: None,
            cause: None,
            change: Some(ChangeEffect::NotApplied),
        }
    }

    pub(super) fn unknown_flag(flag: &str) -> Self {
        let detail = format!("no flag has the key `{flag}`");
        Self::new(StatusCode::NOT_FOUND, "FLAG_NOT_FOUND", detail)
    }

    pub(super) fn retired(flag: &str) -> Self {
        let detail = format!("`{flag}` is retired and serves its final variant, even if it is killed");
        Self {
            help: Some(RETIRED_HELP),
            ..Self::new(StatusCode::CONFLICT, "FLAG_RETIRED", detail)
        }
    }

    pub(super) fn not_killed(flag: &str) -> Self {
        let detail = format!("`{flag}` is not killed on this machine");
        Self::new(StatusCode::NOT_FOUND, "NOT_KILLED", detail)
    }

    /// A panic: it may have happened after the change.
    pub(super) fn defect() -> Self {
        let detail = "the request failed because of a defect in sluice";
        Self {
            change: Some(ChangeEffect::Unknown),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", detail)
        }
    }

    /// Omits the effect: the request reads.
    pub(super) fn of_read(self) -> Self {
        Self { change: None, ..self }
    }

    /// Returns the answer to the request with this id, and logs the cause, which is not sent.
    pub(super) fn answer(self, request_id: String) -> SocketProblemAnswer {
        let Self {
            code, detail, cause, ..
        } = &self;
        if let Some(cause) = cause {
            tracing::warn!(request_id, code, cause, "{detail}");
        }
        SocketProblemAnswer {
            problem: self,
            request_id,
        }
    }
}

impl From<JsonRejection> for SocketProblem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "MALFORMED_BODY", rejection.body_text())
    }
}

impl From<BreakGlassError> for SocketProblem {
    fn from(error: BreakGlassError) -> Self {
        let (status, code) = match error {
            BreakGlassError::Duration => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_DURATION"),
            BreakGlassError::Reason => (StatusCode::UNPROCESSABLE_ENTITY, "REASON_MISSING"),
            BreakGlassError::Full => (StatusCode::CONFLICT, "TOO_MANY_KILLS"),
            BreakGlassError::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE"),
            BreakGlassError::OtherProcess => (StatusCode::SERVICE_UNAVAILABLE, "JOURNAL_IN_USE"),
            BreakGlassError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "JOURNAL_UNUSABLE"),
        };
        let help = match &error {
            BreakGlassError::Journal(error) => Some(error.help()),
            BreakGlassError::OtherProcess => Some("retry: that process or this one answers within a second"),
            BreakGlassError::Unavailable { help, .. } => Some(*help),
            BreakGlassError::Duration | BreakGlassError::Reason | BreakGlassError::Full => None,
        };
        let (detail, cause) = match &error {
            BreakGlassError::Journal(journal) => (journal.client_detail(), Some(error.to_string())),
            BreakGlassError::Unavailable { client_detail, .. } => {
                (client_detail.clone(), Some(error.to_string()))
            }
            BreakGlassError::Duration
            | BreakGlassError::Reason
            | BreakGlassError::Full
            | BreakGlassError::OtherProcess => (error.to_string(), None),
        };
        Self {
            help,
            cause,
            ..Self::new(status, code, detail)
        }
    }
}

impl IntoResponse for SocketProblemAnswer {
    fn into_response(self) -> Response {
        let Self { problem, request_id } = self;
        let body = SocketProblemBody {
            r#type: "about:blank",
            title: problem.status.canonical_reason().unwrap_or("error"),
            status: problem.status.as_u16(),
            code: problem.code,
            detail: &problem.detail,
            help: problem.help,
            change: problem.change,
            request_id: &request_id,
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let kind = [("content-type", "application/problem+json")];
        (problem.status, kind, redact::masked_json(&body)).into_response()
    }
}

#[cfg(test)]
mod tests;
