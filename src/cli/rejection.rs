//! A rejection by the server as text: that nothing was changed, each reason with its code, and what to do.

use std::fmt;

use anyhow::Result;
use serde_json::Value;

use super::client::{ClientError, ClientResponse};
use super::command_hints::command_hint;
use super::output::OutputFormat;
use super::render::{json, printable};
use super::required_members::RequiredMembers;
use crate::rejection_reason::{RejectionReason, write_hints, write_reasons};

/// The server's help that points to the problems. It is not printed, because the problems are.
const SEE_PROBLEMS: &str = "see `problems`";
/// Prefixes of a place in the resulting document: the whole document, or a JSON pointer. Each problem prints its own place.
const RESULTING_DOCUMENT: [&str; 2] = ["document:", "/"];

/// The intent of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// To read something; the answer must have these members.
    Read(RequiredMembers),
    /// To preview a change.
    DryRun,
    /// To make a change.
    Change,
    /// To make a change in a command whose earlier requests were applied.
    NextChange,
    /// To make a change on this machine only, through the break-glass socket.
    LocalChange,
}

impl Intent {
    /// Returns true if the body of a successful answer has the members that this intent requires.
    pub(super) fn is_answered_by(self, body: &[u8]) -> bool {
        let parsed = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match self {
            Self::Read(expected) => expected.are_in(body),
            Self::DryRun => parsed().get("preview").is_some_and(Value::is_object),
            Self::Change | Self::NextChange => {
                let body = parsed();
                json::number(&body, "revision").is_some()
                    && body.get("changed").is_some_and(Value::is_boolean)
            }
            Self::LocalChange => json::text(&parsed(), "flag").is_some(),
        }
    }
}

/// An answer that rejects a request.
#[derive(Debug)]
pub(super) struct ServerRejection {
    pub(super) body: Value,
    status: u16,
    pub(super) format: OutputFormat,
    intent: Intent,
    request_id: String,
    /// Hint of the command, printed instead of the server's help.
    hint: Option<String>,
}

/// Effect of a change that the server answered with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeEffect {
    NotApplied,
    Applied,
    Unknown,
}

impl ServerRejection {
    /// Parses an answer with an error status.
    ///
    /// # Errors
    /// The answer is not from the admin API.
    pub(super) fn new(
        answer: &ClientResponse,
        intent: Intent,
        format: OutputFormat,
    ) -> Result<Self, ClientError> {
        let not_the_api = ClientError::UnexpectedResponse {
            status: answer.status,
        };
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|_| ClientError::UnexpectedResponse {
                status: answer.status,
            })?;
        if json::text(&body, "code").is_none() {
            return Err(not_the_api);
        }
        Ok(Self {
            body,
            status: answer.status,
            format,
            intent,
            request_id: answer.request_id.clone(),
            hint: None,
        })
    }

    /// Replaces the server's help by a hint of the command.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns true if the same request may succeed later.
    pub(super) fn is_temporary(&self) -> bool {
        self.status == 429 || self.status >= 500
    }

    /// Returns true if one of the reasons has this code.
    pub(super) fn has(&self, code: &str) -> bool {
        self.reasons().iter().any(|reason| reason.code == code)
    }

    /// Returns true if the only reason is that the flag was not found.
    pub(super) fn is_missing_flag(&self) -> bool {
        matches!(
            self.reasons().as_slice(),
            [RejectionReason {
                code: "FLAG_NOT_FOUND",
                ..
            }]
        )
    }

    fn reasons(&self) -> Vec<RejectionReason<'_>> {
        let listed = json::list(&self.body, "refusals");
        let all = if listed.is_empty() {
            std::slice::from_ref(&self.body)
        } else {
            listed
        };
        all.iter().map(reason).collect()
    }

    fn headline(&self) -> &'static str {
        match (self.intent, self.effect()) {
            (Intent::Read(_), _) => "rejected:",
            (Intent::DryRun, _) => "would be rejected:",
            (Intent::Change | Intent::LocalChange, ChangeEffect::NotApplied) => {
                "rejected, nothing was changed:"
            }
            (Intent::NextChange, ChangeEffect::NotApplied) => {
                "rejected, only the earlier requests of this command were applied:"
            }
            (Intent::Change | Intent::NextChange | Intent::LocalChange, ChangeEffect::Applied) => {
                "the change is committed, but not active:"
            }
            (Intent::Change | Intent::NextChange | Intent::LocalChange, ChangeEffect::Unknown) => {
                "failed; the audit log shows whether the change was made:"
            }
        }
    }

    /// Returns the effect of the change that was requested: the member `change`. Servers before this member, and the
    /// break-glass socket, do not send it. A defect or a timeout (500, 504, and 503 with `TIMED_OUT`) then leaves it
    /// unknown.
    fn effect(&self) -> ChangeEffect {
        match json::text(&self.body, "change") {
            Some("not_applied") => ChangeEffect::NotApplied,
            Some("applied") => ChangeEffect::Applied,
            Some(_) => ChangeEffect::Unknown,
            None => match (self.status, json::text(&self.body, "code")) {
                (500 | 504, _) | (_, Some("TIMED_OUT")) => ChangeEffect::Unknown,
                _ => ChangeEffect::NotApplied,
            },
        }
    }

    fn request_id(&self) -> &str {
        json::text(&self.body, "request_id").unwrap_or(&self.request_id)
    }
}

/// Reads a reason of the server.
fn reason(value: &Value) -> RejectionReason<'_> {
    let code = json::text(value, "code").unwrap_or_default();
    let hint = json::text(value, "help").filter(|hint| *hint != SEE_PROBLEMS);
    let detail = json::text(value, "detail").unwrap_or_default();
    RejectionReason {
        code,
        detail: if RESULTING_DOCUMENT.iter().any(|place| detail.starts_with(place)) {
            "it would make the document invalid:"
        } else {
            detail
        },
        hint: command_hint(code).or(hint),
    }
}

impl fmt::Display for ServerRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        let reasons = self.reasons();
        write_reasons(f, &reasons)?;
        for problem in json::list(&self.body, "problems") {
            write_problem(f, problem)?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "{hint}")?,
            None => write_hints(f, &reasons)?,
        }
        match self.request_id() {
            "" => Ok(()),
            id => write!(f, "request {}", printable(id)),
        }
    }
}

impl std::error::Error for ServerRejection {}

/// Writes a problem of a document, in the form of `sluice check --json`, without its place: the document was sent as
/// JSON, so its lines are not those of a file.
fn write_problem(f: &mut fmt::Formatter<'_>, problem: &Value) -> fmt::Result {
    let field = |name| printable(json::text(problem, name).unwrap_or_default());
    writeln!(
        f,
        "  {}[{}]: {}",
        field("severity"),
        field("code"),
        field("message")
    )?;
    if let Some(pointer) = json::text(problem, "pointer") {
        writeln!(f, "    at {}", printable(pointer))?;
    }
    match json::text(problem, "help") {
        Some(help) => writeln!(f, "    help: {}", printable(help)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(status: u16, body: &Value, intent: Intent) -> String {
        let answer = ClientResponse {
            status,
            revision: None,
            request_id: "r-1".into(),
            body: body.to_string().into(),
        };
        ServerRejection::new(&answer, intent, OutputFormat::Text)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_rejected_promotion_shows_every_reason() {
        let body = serde_json::json!({
            "code": "SOAK_NOT_ELAPSED", "detail": "in beta since ... (and 2 more)", "request_id": "r-7",
            "refusals": [
                { "code": "SOAK_NOT_ELAPSED", "detail": "in beta for 17 h 58 min of 24 h; possible from 2026-11-21 09:14Z (in 6 h 2 min)" },
                { "code": "EXIT_CRITERIA", "detail": "7 of 10 tenants have it on", "help": "PUT /platform/orgs/..." },
                { "code": "NOT_REVERTIBLE", "detail": "its document lacks `revertible: true`", "help": "add it" },
            ],
        });
        assert_eq!(
            rendered(409, &body, Intent::Change),
            "rejected, nothing was changed:\n\
             \x20 SOAK_NOT_ELAPSED   in beta for 17 h 58 min of 24 h; possible from 2026-11-21 09:14Z (in 6 h 2 min)\n\
             \x20 EXIT_CRITERIA      7 of 10 tenants have it on\n\
             \x20 NOT_REVERTIBLE     its document lacks `revertible: true`\n\
             help for EXIT_CRITERIA: add tenants: `sluice tenants allow TENANT FLAG`, or let them opt in\n\
             help for NOT_REVERTIBLE: add it\n\
             request r-7"
        );
    }

    #[test]
    fn the_headline_states_the_effect_of_the_change() {
        let not_applied = "rejected, nothing was changed:";
        let applied = "the change is committed, but not active:";
        let unknown = "failed; the audit log shows whether the change was made:";
        for (status, code, change, expected) in [
            (409, "FLAG_RETIRED", Some("not_applied"), not_applied),
            (503, "TIMED_OUT", Some("not_applied"), not_applied),
            (500, "DEFECT", Some("not_applied"), not_applied),
            (500, "PUBLISH_FAILED", Some("applied"), applied),
            (503, "TIMED_OUT", Some("unknown"), unknown),
            (500, "DEFECT", Some("a later value"), unknown),
            // Servers before the member.
            (409, "FLAG_RETIRED", None, not_applied),
            (503, "STORE_UNAVAILABLE", None, not_applied),
            (503, "TIMED_OUT", None, unknown),
            (500, "DEFECT", None, unknown),
        ] {
            let mut body = serde_json::json!({ "code": code, "detail": "a test" });
            if let Some(change) = change {
                body["change"] = change.into();
            }
            let text = rendered(status, &body, Intent::Change);
            assert_eq!(text.lines().next(), Some(expected), "{status} {body}");
            assert!(text.ends_with("request r-1"), "{text}");
        }
    }

    #[test]
    fn problems_of_a_document_are_shown_with_their_help() {
        let body = serde_json::json!({
            "code": "INVALID_DOCUMENT", "detail": "the document would have 1 error",
            "problems": [{ "severity": "error", "code": "unknown-flag", "message": "no flag has the key `a`", "help": "did you mean `b`?" }],
        });
        let text = rendered(422, &body, Intent::DryRun);
        assert!(
            text.starts_with("would be rejected:\n  INVALID_DOCUMENT   the document"),
            "{text}"
        );
        assert!(
            text.contains("  error[unknown-flag]: no flag has the key `a`\n    help: did you mean `b`?\n"),
            "{text}"
        );
    }

    #[test]
    fn a_place_in_the_resulting_document_is_a_pointer() {
        let body = serde_json::json!({
            "code": "INVALID_DOCUMENT",
            "detail": "/tenants/acme/tier: error[unknown-tier]: no tier has the name `huge`",
            "help": "see `problems`",
            "problems": [{ "severity": "error", "code": "unknown-tier", "message": "no tier has the name `huge`",
                "pointer": "/tenants/acme/tier", "help": "the tiers are `a`" }],
        });
        assert_eq!(
            rendered(422, &body, Intent::Change),
            "rejected, nothing was changed:\n\
             \x20 INVALID_DOCUMENT   it would make the document invalid:\n\
             \x20 error[unknown-tier]: no tier has the name `huge`\n\
             \x20   at /tenants/acme/tier\n\
             \x20   help: the tiers are `a`\n\
             request r-1"
        );
    }

    #[test]
    fn a_page_of_another_server_is_not_a_rejection() {
        for body in ["<html>", "{}", "[]"] {
            let answer = ClientResponse {
                status: 404,
                revision: None,
                request_id: String::new(),
                body: body.into(),
            };
            assert!(
                ServerRejection::new(
                    &answer,
                    Intent::Read(RequiredMembers::Anything),
                    OutputFormat::Text
                )
                .is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn control_characters_of_a_server_are_escaped() {
        let body = serde_json::json!({ "code": "X", "detail": "a\u{1b}[2Jb\nc" });
        let text = rendered(409, &body, Intent::Change);
        assert!(text.contains("a\\u{1b}[2Jb\\nc"), "{text}");
    }
}
