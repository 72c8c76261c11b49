//! Problems of the admin API, as pages show them.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::texts::{text, text_n, text_pair};

/// An answer of the API that is not successful (RFC 9457).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The stable code.
    pub(crate) code: String,
    /// One sentence with the facts.
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) detail: String,
    /// A way to fix it.
    pub(crate) help: Option<String>,
    /// All reasons of the rejection of a change.
    #[serde(default)]
    pub(crate) refusals: Box<[Reason]>,
    /// The problems of a document.
    #[serde(default)]
    pub(crate) problems: Box<[DocumentProblem]>,
}

/// A problem of a document.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DocumentProblem {
    code: String,
    message: String,
    line: Option<u64>,
    help: Option<String>,
}

impl From<&DocumentProblem> for Reason {
    fn from(problem: &DocumentProblem) -> Self {
        let DocumentProblem {
            code,
            message,
            line,
            help,
        } = problem.clone();
        let detail = match line {
            Some(line) => text_pair("problem-at-line", &line.to_string(), &message).into_owned(),
            None => message,
        };
        Self {
            code,
            detail,
            help,
            facts: Map::new(),
            place: None,
        }
    }
}

/// A page at which a reason is mended.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) href: String,
    pub(crate) label: String,
}

/// A reason of the rejection of a change.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reason {
    /// The stable code.
    pub(crate) code: String,
    /// One sentence with the facts.
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) detail: String,
    /// A way to fix it.
    pub(crate) help: Option<String>,
    /// The facts, by name.
    #[serde(flatten)]
    pub(crate) facts: Map<String, Value>,
    /// The page at which it is mended.
    #[serde(skip)]
    pub(crate) place: Option<Place>,
}

impl Reason {
    /// The fact with the time until which a change is rejected.
    const UNTIL: &str = "until";

    /// Returns the time from which the change is possible (RFC 3339), if it is known, and not said by the sentence.
    pub(crate) fn when(&self) -> Option<&str> {
        let until = self.facts.get(Self::UNTIL)?.as_str()?;
        (!says_when(&self.detail)).then_some(until)
    }
}

/// Returns true if a sentence says from when on the change is possible.
pub(crate) fn says_when(detail: &str) -> bool {
    detail.contains("possible from ")
}

impl Problem {
    /// The code of the rejection of a change whose expected revision is not the current one.
    const REVISION_CONFLICT: &str = "REVISION_CONFLICT";

    /// Reads the body of an answer that is not successful.
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        match serde_json::from_slice::<Self>(body) {
            Ok(problem) => problem,
            Err(error) => Self::defect(format!(
                "the admin API answered {status}, without a problem: {error}"
            )),
        }
    }

    /// Creates the problem of a defect of the console, and writes it to the log of the process.
    pub(crate) fn defect(cause: String) -> Self {
        tracing::error!(cause, "a page of the console failed because of a defect");
        Self {
            status: 500,
            code: "DEFECT".to_owned(),
            detail: "the page failed because of a defect of the server".to_owned(),
            help: Some("report the defect, with the log of the process".to_owned()),
            refusals: Box::default(),
            problems: Box::default(),
        }
    }

    /// Creates the problem of a request that the console rejects itself.
    pub(crate) fn rejected(code: &str, detail: &str) -> Self {
        Self {
            status: 403,
            code: code.to_owned(),
            detail: detail.to_owned(),
            help: None,
            refusals: Box::default(),
            problems: Box::default(),
        }
    }

    /// Creates the problem of a path without a page.
    pub(crate) fn not_found() -> Self {
        Self {
            status: 404,
            code: "NOT_FOUND".to_owned(),
            detail: "there is no such page".to_owned(),
            help: None,
            refusals: Box::default(),
            problems: Box::default(),
        }
    }

    /// Creates the problem of a form that can't be read.
    pub(crate) fn invalid_form(detail: String) -> Self {
        Self {
            status: 400,
            code: "INVALID_FORM".to_owned(),
            detail,
            help: None,
            refusals: Box::default(),
            problems: Box::default(),
        }
    }

    /// Creates the problem of a form that is longer than its limit, in KiB. `id` is that of its text.
    pub(crate) fn form_too_large(id: &str, limit: usize) -> Self {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self {
            status: 413,
            code: "FORM_TOO_LARGE".to_owned(),
            detail: text_n(id, limit).into_owned(),
            help: Some(text("form-too-large-help").into_owned()),
            refusals: Box::default(),
            problems: Box::default(),
        }
    }

    /// Creates the problem of an address that is too long.
    pub(crate) fn address_too_long() -> Self {
        Self {
            status: 414,
            code: "ADDRESS_TOO_LONG".to_owned(),
            detail: text("address-too-long").into_owned(),
            help: None,
            refusals: Box::default(),
            problems: Box::default(),
        }
    }

    /// Creates the problem of an operation that the role does not have, as the API answers it.
    pub(crate) fn role_missing(role: &str) -> Self {
        Self::rejected("ROLE_MISSING", &format!("the role {role} may not do this"))
    }

    /// Returns true if another change was committed since the expected revision.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code == Self::REVISION_CONFLICT
    }

    /// Returns the status of the page that shows it.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns its reasons; a problem without reasons is its own.
    pub(crate) fn reasons(&self) -> Vec<Reason> {
        // The only refusal of a document with problems names their number.
        if !self.problems.is_empty() {
            return self.problems.iter().map(Reason::from).collect();
        }
        if !self.refusals.is_empty() {
            return self.refusals.to_vec();
        }
        vec![self.reason()]
    }

    /// Returns it as a reason.
    pub(crate) fn reason(&self) -> Reason {
        Reason {
            code: self.code.clone(),
            detail: self.detail.clone(),
            help: self.help.clone(),
            facts: Map::new(),
            place: None,
        }
    }
}
