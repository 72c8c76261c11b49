//! A refusal of the server, as people read it: that nothing was changed, every reason with its code, and what helps.

use std::fmt;

use anyhow::Result;
use serde_json::Value;

use super::client::{ApiResponse, ClientError};
use super::command_hints::command_hint;
use super::output::OutputFormat;
use super::render::{json, printable};
use super::required_members::RequiredMembers;

/// Codes after which it is not known whether the change was made.
const UNKNOWN_OUTCOME: [&str; 2] = ["TIMED_OUT", "DEFECT"];

/// What the server says of problems, which are told here.
const SEE_PROBLEMS: &str = "see `problems`";
/// How a place begins in the document that the server makes of everything, which nobody has written.
const GENERATED_DOCUMENT: &str = "document:";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// To see something, which has these members.
    Read(RequiredMembers),
    /// To see what a change would do.
    DryRun,
    /// To change something.
    Change,
    /// To change something on this machine alone, by the socket of break-glass.
    LocalChange,
}

impl Intent {
    /// Whether a good answer's body says what a good answer to this says.
    pub(super) fn is_answered_by(self, body: &[u8]) -> bool {
        let parsed = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match self {
            Self::Read(expected) => expected.are_in(body),
            Self::DryRun => parsed().get("preview").is_some_and(Value::is_object),
            Self::Change => {
                let body = parsed();
                json::number(&body, "revision").is_some()
                    && body.get("changed").is_some_and(Value::is_boolean)
            }
            Self::LocalChange => json::text(&parsed(), "flag").is_some(),
        }
    }
}

/// An answer that is no good one.
#[derive(Debug)]
pub(super) struct ServerRejection {
    pub(super) body: Value,
    pub(super) format: OutputFormat,
    intent: Intent,
    request_id: String,
    /// What the command itself knows to help.
    hint: Option<String>,
}

/// One reason.
struct RejectionReason<'r> {
    code: &'r str,
    detail: &'r str,
    hint: Option<&'r str>,
}

impl ServerRejection {
    /// What the answer says; the error is that it is none of this API.
    pub(super) fn new(
        answer: &ApiResponse,
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
            format,
            intent,
            request_id: answer.request_id.clone(),
            hint: None,
        })
    }

    /// The same with what the command knows to help, which stands in the place of the server's cures.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether one of the reasons has this code.
    pub(super) fn has(&self, code: &str) -> bool {
        self.reasons().iter().any(|reason| reason.code == code)
    }

    /// The flag that was not found, if that is all: its key is the last word of the detail.
    pub(super) fn missing_flag(&self) -> Option<String> {
        let reasons = self.reasons();
        let [
            RejectionReason {
                code: "FLAG_NOT_FOUND",
                detail,
                ..
            },
        ] = reasons.as_slice()
        else {
            return None;
        };
        let key = detail.rsplit(' ').next()?;
        Some(key.trim_matches('`').to_owned())
    }

    fn reasons(&self) -> Vec<RejectionReason<'_>> {
        let listed = json::list(&self.body, "refusals");
        let all = if listed.is_empty() {
            std::slice::from_ref(&self.body)
        } else {
            listed
        };
        all.iter().map(RejectionReason::of).collect()
    }

    fn headline(&self) -> &'static str {
        let code = json::text(&self.body, "code").unwrap_or_default();
        match self.intent {
            Intent::Read(_) => "refused:",
            Intent::DryRun => "would be refused:",
            Intent::Change | Intent::LocalChange if UNKNOWN_OUTCOME.contains(&code) => {
                "failed; whether it was changed is in the audit log:"
            }
            Intent::Change | Intent::LocalChange => "refused, nothing was changed:",
        }
    }

    fn request_id(&self) -> &str {
        json::text(&self.body, "request_id").unwrap_or(&self.request_id)
    }
}

impl<'r> RejectionReason<'r> {
    fn of(value: &'r Value) -> Self {
        let code = json::text(value, "code").unwrap_or_default();
        let hint = json::text(value, "cure").filter(|hint| *hint != SEE_PROBLEMS);
        let detail = json::text(value, "detail").unwrap_or_default();
        Self {
            code,
            detail: if detail.starts_with(GENERATED_DOCUMENT) {
                "it would make the document invalid:"
            } else {
                detail
            },
            hint: command_hint(code).or(hint),
        }
    }
}

impl fmt::Display for ServerRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        let reasons = self.reasons();
        let width = reasons.iter().map(|reason| reason.code.len()).max().unwrap_or(0);
        for RejectionReason { code, detail, .. } in &reasons {
            writeln!(f, "  {:width$}   {}", printable(code), printable(detail))?;
        }
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

/// A problem of a document, as `sluice check --json` has it. What was sent has no lines that anybody knows.
fn write_problem(f: &mut fmt::Formatter<'_>, problem: &Value) -> fmt::Result {
    let field = |name| printable(json::text(problem, name).unwrap_or_default());
    writeln!(
        f,
        "  {}[{}]: {}",
        field("severity"),
        field("code"),
        field("message")
    )?;
    match json::text(problem, "help") {
        Some(help) => writeln!(f, "    help: {}", printable(help)),
        None => Ok(()),
    }
}

fn write_hints(f: &mut fmt::Formatter<'_>, reasons: &[RejectionReason<'_>]) -> fmt::Result {
    let mut rendered: Vec<&str> = Vec::new();
    for RejectionReason { code, hint, .. } in reasons {
        let Some(hint) = hint.filter(|hint| !rendered.contains(hint)) else {
            continue;
        };
        rendered.push(hint);
        match reasons.len() {
            1 => writeln!(f, "what helps: {}", printable(hint))?,
            _ => writeln!(f, "what helps with {}: {}", printable(code), printable(hint))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(status: u16, body: &Value, intent: Intent) -> String {
        let answer = ApiResponse {
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
    fn a_refused_promotion_tells_every_reason() {
        let body = serde_json::json!({
            "code": "SOAK_NOT_ELAPSED", "detail": "in beta since ... (and 2 more)", "request_id": "r-7",
            "refusals": [
                { "code": "SOAK_NOT_ELAPSED", "detail": "in beta since 2026-11-20 09:14, 24 h needed: from 2026-11-21 09:14 (in 6 h 2 min)" },
                { "code": "EXIT_CRITERIA", "detail": "7 of 10 tenants have it on", "cure": "PUT /platform/orgs/..." },
                { "code": "NOT_REVERTIBLE", "detail": "it does not say so", "cure": "say it" },
            ],
        });
        assert_eq!(
            rendered(409, &body, Intent::Change),
            "refused, nothing was changed:\n\
             \x20 SOAK_NOT_ELAPSED   in beta since 2026-11-20 09:14, 24 h needed: from 2026-11-21 09:14 (in 6 h 2 min)\n\
             \x20 EXIT_CRITERIA      7 of 10 tenants have it on\n\
             \x20 NOT_REVERTIBLE     it does not say so\n\
             what helps with EXIT_CRITERIA: more pilots: `sluice tenants allow TENANT FLAG`, or have them opt in\n\
             what helps with NOT_REVERTIBLE: say it\n\
             request r-7"
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let body = serde_json::json!({ "code": "TIMED_OUT", "detail": "the answer took too long" });
        let text = rendered(503, &body, Intent::Change);
        assert!(!text.contains("nothing was changed"), "{text}");
        assert!(
            text.contains("audit log") && text.ends_with("request r-1"),
            "{text}"
        );
    }

    #[test]
    fn the_problems_of_a_document_are_told_with_their_help() {
        let body = serde_json::json!({
            "code": "INVALID_DOCUMENT", "detail": "the document would have 1 error",
            "problems": [{ "severity": "error", "code": "unknown-flag", "message": "no flag has the key `a`", "help": "did you mean `b`?" }],
        });
        let text = rendered(422, &body, Intent::DryRun);
        assert!(
            text.starts_with("would be refused:\n  INVALID_DOCUMENT   the document"),
            "{text}"
        );
        assert!(
            text.contains("  error[unknown-flag]: no flag has the key `a`\n    help: did you mean `b`?\n"),
            "{text}"
        );
    }

    #[test]
    fn places_in_a_document_that_nobody_wrote_are_not_told() {
        let body = serde_json::json!({
            "code": "INVALID_DOCUMENT", "detail": "document:12:9: error[unknown-tier]: no tier has the name `huge`",
            "cure": "see `problems`",
            "problems": [{ "severity": "error", "code": "unknown-tier", "message": "no tier has the name `huge`", "help": "the tiers are `a`" }],
        });
        assert_eq!(
            rendered(422, &body, Intent::Change),
            "refused, nothing was changed:\n\
             \x20 INVALID_DOCUMENT   it would make the document invalid:\n\
             \x20 error[unknown-tier]: no tier has the name `huge`\n\
             \x20   help: the tiers are `a`\n\
             request r-1"
        );
    }

    #[test]
    fn a_page_of_something_else_is_no_refusal() {
        for body in ["<html>", "{}", "[]"] {
            let answer = ApiResponse {
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
    fn a_server_can_not_write_to_the_terminal() {
        let body = serde_json::json!({ "code": "X", "detail": "a\u{1b}[2Jb\nc" });
        let text = rendered(409, &body, Intent::Change);
        assert!(text.contains("a\\u{1b}[2Jb\\nc"), "{text}");
    }
}
