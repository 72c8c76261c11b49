//! A problem of a document: an error or a warning with its code, message, place and help.

use std::borrow::Cow;

use rules::Site;

use crate::masked::message::{mask_help, mask_message};
use crate::node::Span;
use crate::secret_value::SecretValue;
use crate::source::{Place, Source};

/// The maximum number of problems in a report; further ones are counted.
pub const MAX_PROBLEMS: usize = 200;

/// The codes of all problems.
pub const CODES: [&str; 111] = [
    "admin-not-loopback",
    "admin-without-tls",
    "ambiguous-number",
    "attribute-type",
    "config-map-size",
    "conflicting-fields",
    "delimited-pattern",
    "document-depth",
    "document-size",
    "duplicate",
    "duplicate-key",
    "empty",
    "empty-document",
    "empty-schedule",
    "empty-store",
    "everybody-trusted",
    "expired-certificate",
    "field-needed",
    "file-missing",
    "file-too-large",
    "file-unreadable",
    "flag-cycle",
    "flags-needed",
    "fold-without-text",
    "gate-needed",
    "header-alias",
    "header-budget",
    "idle-notify",
    "idle-plan",
    "idle-preflight",
    "include-conflict",
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
    "invalid-reference",
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
    "no-issuer",
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
    "stored-field",
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
    "unused-allow",
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

/// The codes of warnings, which `allow` lists.
pub const WARNINGS: [&str; 15] = [
    "admin-without-tls",
    "ambiguous-number",
    "config-map-size",
    "delimited-pattern",
    "everybody-trusted",
    "expired-certificate",
    "idle-notify",
    "idle-plan",
    "idle-preflight",
    "never-open",
    "no-issuer",
    "no-usable-key",
    "ungated-route",
    "unused-allow",
    "unused-flag",
];

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is rejected.
    Error,
    /// The document is accepted, but probably not as intended.
    Warning,
}

impl Severity {
    /// Returns the name of the severity in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A problem with its place and help.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The severity.
    pub severity: Severity,
    /// The stable name of the kind of problem, in kebab-case.
    pub code: &'static str,
    /// The message, a lower-case fragment.
    pub title: String,
    /// The way to fix it, if it is known, a lower-case fragment.
    pub help: Option<String>,
    /// The place.
    pub(crate) at: At,
    /// Related places.
    pub(crate) others: Vec<Label>,
}

/// The place of a problem.
#[derive(Debug, Clone)]
pub(crate) enum At {
    /// A place in a text that was read.
    Text(Label),
    /// A whole file.
    File(Box<str>),
    /// A place in a file that is not UTF-8 text.
    Place(Place),
    /// A JSON pointer (RFC 6901) into an edited flags document, which has no text.
    Pointer(Box<str>),
}

/// A range of a text, with the message that is shown there.
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

/// Escapes control characters, so that texts of a document cannot move the cursor of a terminal or begin a line of a
/// log.
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
        debug_assert!(WARNINGS.contains(&code), "the warning `{code}` is not listed");
        Self {
            severity: Severity::Warning,
            ..Self::error(code, title, at)
        }
    }

    /// Returns the same problem as a warning with this code and title.
    pub(crate) fn into_warning(self, code: &'static str, title: String) -> Self {
        debug_assert!(CODES.contains(&code), "the code `{code}` is not listed");
        Self {
            severity: Severity::Warning,
            code,
            title: shown(title),
            ..self
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

    /// Masks secrets in all of its texts. `secrets` are the values that it may quote.
    pub(crate) fn mask(&mut self, secrets: &[&SecretValue]) {
        let mask = |text: &mut String| {
            for secret in secrets {
                *text = mask_message(text, secret);
            }
            if let Cow::Owned(masked) = redact::masked(text) {
                *text = masked;
            }
            *text = redact::masked_hosts(text);
        };
        mask(&mut self.title);
        self.help = self.help.take().and_then(|help| mask_help(&help, secrets));
        if let At::Text(label) = &mut self.at {
            mask(&mut label.text);
        }
        self.others.iter_mut().for_each(|label| mask(&mut label.text));
    }

    /// Returns the JSON pointer (RFC 6901) into the edited document; none for a problem of a file.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        match &self.at {
            At::Pointer(pointer) => Some(pointer),
            At::Text(_) | At::File(_) | At::Place(_) => None,
        }
    }

    /// Returns the site where it begins; none for a problem of a whole file or of an edit.
    #[must_use]
    pub fn site(&self) -> Option<Site> {
        match &self.at {
            At::Text(label) => Some(label.site),
            At::File(_) | At::Place(_) | At::Pointer(_) => None,
        }
    }
}
