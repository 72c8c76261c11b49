//! Reasons of rejections in the words of an org's people: no code, no name of another org or of staff.

use crate::problem::Reason;
use crate::texts::text;
use crate::visitor::Visitor;

/// The codes that have a text of their own, with its id.
const WORDS: &[(&str, &str)] = &[
    ("OPT_IN_CLOSED", "org-closed"),
    ("FLAG_NOT_FOUND", "org-no-feature"),
    ("TENANT_NOT_FOUND", "org-no-record"),
    ("ROLE_MISSING", "org-no-permission"),
    ("TOO_MANY_REPORTS", "org-too-many-reports"),
    ("TOO_MANY_REQUESTS", "org-too-fast"),
    ("REVISION_CONFLICT", "org-changed-meanwhile"),
];

/// A reason in plain words.
pub(crate) struct Plain {
    pub(crate) text: String,
    /// The reason for staff, which an org's people are not shown.
    pub(crate) detail: Option<String>,
}

/// Returns a reason in plain words.
pub(crate) fn plain(visitor: &Visitor, reason: &Reason) -> Plain {
    let id = match (
        &*reason.code,
        reason.facts.get("field").and_then(|field| field.as_str()),
    ) {
        ("INVALID_REPORT", Some("cause")) => "org-invalid-cause",
        ("INVALID_REPORT", Some("ticket")) => "org-invalid-ticket",
        ("INVALID_REPORT", _) => "org-invalid-text",
        (code, _) => {
            let own = WORDS.iter().find(|(known, _)| *known == code);
            own.map_or("org-not-possible", |(_, id)| id)
        }
    };
    Plain {
        text: text(id).into_owned(),
        detail: (!visitor.is_of_org()).then(|| format!("{}: {}", reason.code, reason.detail)),
    }
}
