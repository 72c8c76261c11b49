//! One thing that is wrong (or odd) in what an operator wrote: what, where, and how to cure it.

use rules::Site;

use crate::node::Span;
use crate::source::Source;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is served from the document.
    Error,
    /// It is served, and perhaps not as meant.
    Warning,
}

impl Severity {
    /// Its name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A problem, its place and its cure.
#[derive(Debug, Clone)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of problem, in kebab-case.
    pub code: &'static str,
    /// What is wrong, as a lower-case fragment.
    pub title: String,
    /// How to cure it, where that can be said.
    pub help: Option<String>,
    /// Where.
    pub(crate) at: At,
    /// Other places that have to do with it.
    pub(crate) others: Vec<Label>,
}

/// Where a problem is.
#[derive(Debug, Clone)]
pub(crate) enum At {
    /// In a text that was read.
    Text(Label),
    /// In a file as a whole.
    File(Box<str>),
}

/// A stretch of a text and what is said of it.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) site: Site,
    pub(crate) len: u32,
    pub(crate) text: String,
}

impl Label {
    pub(crate) fn new(source: &Source, span: Span, text: impl Into<String>) -> Self {
        Self {
            site: source.site(span.start),
            len: span.len,
            text: text.into(),
        }
    }
}

impl Problem {
    pub(crate) fn error(code: &'static str, title: impl Into<String>, at: Label) -> Self {
        let severity = Severity::Error;
        Self {
            severity,
            code,
            title: title.into(),
            help: None,
            at: At::Text(at),
            others: Vec::new(),
        }
    }

    pub(crate) fn of_file(code: &'static str, title: impl Into<String>, file: &str) -> Self {
        let severity = Severity::Error;
        Self {
            severity,
            code,
            title: title.into(),
            help: None,
            at: At::File(file.into()),
            others: Vec::new(),
        }
    }

    pub(crate) fn warning(code: &'static str, title: impl Into<String>, at: Label) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, title, at)
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub(crate) fn also(mut self, other: Label) -> Self {
        self.others.push(other);
        self
    }

    /// Where it begins, or none where it is of a file as a whole.
    #[must_use]
    pub fn site(&self) -> Option<Site> {
        match &self.at {
            At::Text(label) => Some(label.site),
            At::File(_) => None,
        }
    }
}
