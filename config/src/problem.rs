//! One thing that is wrong (or odd) in what an operator wrote: what, where, and how to cure it.

use std::borrow::Cow;

use rules::Site;

use crate::masked;
use crate::node::Span;
use crate::secret_values::SecretValue;
use crate::source::{Place, Source};

/// Every code that a problem can have.
pub const CODES: [&str; 97] = [
    "admin-not-loopback",
    "admin-without-tls",
    "conflicting-fields",
    "document-depth",
    "document-size",
    "duplicate",
    "duplicate-key",
    "empty",
    "empty-document",
    "empty-schedule",
    "everybody-trusted",
    "expired-certificate",
    "file-missing",
    "file-too-large",
    "file-unreadable",
    "flag-cycle",
    "flags-needed",
    "gate-needed",
    "header-alias",
    "header-budget",
    "idle-preflight",
    "invalid-address",
    "invalid-certificate",
    "invalid-claim-path",
    "invalid-date",
    "invalid-duration",
    "invalid-endpoint",
    "invalid-flag-key",
    "invalid-hash",
    "invalid-header",
    "invalid-host",
    "invalid-issuer",
    "invalid-key",
    "invalid-key-id",
    "invalid-media-type",
    "invalid-method",
    "invalid-name",
    "invalid-network",
    "invalid-number",
    "invalid-path",
    "invalid-pattern",
    "invalid-percentage",
    "invalid-rate",
    "invalid-realm",
    "invalid-size",
    "invalid-status",
    "invalid-tenant-id",
    "invalid-time",
    "invalid-time-limit",
    "invalid-url",
    "invalid-version",
    "lifecycle-of-kind",
    "limit",
    "managed-flags",
    "misplaced-reference",
    "missing-field",
    "missing-upstream",
    "nesting",
    "never-open",
    "no-client-certificates",
    "no-usable-key",
    "not-utf8",
    "opted-both-ways",
    "org-needed",
    "out-of-range",
    "path-needed",
    "reserved-attribute",
    "reserved-header",
    "reserved-name",
    "reveal-without-403",
    "route-conflict",
    "secret-in-document",
    "segment-cycle",
    "several-documents",
    "tenant-needed",
    "too-few-variants",
    "ungated-route",
    "unknown-field",
    "unknown-flag",
    "unknown-segment",
    "unknown-tier",
    "unknown-upstream",
    "unknown-value",
    "unknown-variant",
    "unnamed-certificate",
    "unset-variable",
    "unsupported-version",
    "unused-flag",
    "variant-needed",
    "variants-need-one-flag",
    "weight-sum",
    "wrong-type",
    "yaml-alias",
    "yaml-key",
    "yaml-merge",
    "yaml-syntax",
    "yaml-tag",
];

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
    /// At a place in a file that is no text.
    Place(Place),
    /// In a flags document that was never written: a JSON pointer (RFC 6901) into it.
    Pointer(Box<str>),
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
            text: shown(text.into()),
        }
    }
}

/// The text as it is shown: what a document says moves no terminal's cursor and begins no line of a log.
pub(crate) fn shown(text: String) -> String {
    redact::escaped(&text).into_owned()
}

impl Problem {
    pub(crate) fn error(code: &'static str, title: impl Into<String>, at: Label) -> Self {
        Self::at(code, title.into(), At::Text(at))
    }

    pub(crate) fn at(code: &'static str, title: String, at: At) -> Self {
        debug_assert!(CODES.contains(&code), "the code `{code}` is not listed");
        let severity = Severity::Error;
        Self {
            severity,
            code,
            title: shown(title),
            help: None,
            at,
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
        self.help = Some(shown(help.into()));
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(shown).or(self.help);
        self
    }

    pub(crate) fn also(mut self, other: Label) -> Self {
        self.others.push(other);
        self
    }

    /// Masks the secrets in what it says. `secrets` are the values that it may quote.
    pub(crate) fn mask(&mut self, secrets: &[&SecretValue]) {
        let mask = |text: &mut String| {
            for secret in secrets {
                *text = masked::message(text, secret);
            }
            if let Cow::Owned(masked) = redact::masked(text) {
                *text = masked;
            }
            *text = redact::masked_hosts(text);
        };
        mask(&mut self.title);
        self.help = self.help.take().and_then(|help| masked::cure(&help, secrets));
        if let At::Text(label) = &mut self.at {
            mask(&mut label.text);
        }
        self.others.iter_mut().for_each(|label| mask(&mut label.text));
    }

    /// Returns the JSON pointer (RFC 6901) to the part of an edited document that it is about; none where it is in a file.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        match &self.at {
            At::Pointer(pointer) => Some(pointer),
            At::Text(_) | At::File(_) | At::Place(_) => None,
        }
    }

    /// Where it begins, or none where it is of a file as a whole.
    #[must_use]
    pub fn site(&self) -> Option<Site> {
        match &self.at {
            At::Text(label) => Some(label.site),
            At::File(_) | At::Place(_) | At::Pointer(_) => None,
        }
    }
}
