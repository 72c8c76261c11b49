//! The proxy's own responses: problem documents (RFC 9457), small HTML pages for browsers, or bodies that the
//! operator configures. They are values: those that are the same for all requests are built once. The
//! engine sends them.

mod accept;
mod code;
mod format;
mod grpc;

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::StatusCode;
use rules::RejectBody;
use wire::{Fields, HttpVersion, ResponseHead};

pub(crate) use self::accept::prefers_open_metrics;
pub(crate) use self::code::AnswerCode;
pub(crate) use self::format::AnswerFormat;
pub(crate) use self::grpc::is_grpc;
use crate::request_id::RequestId;

/// The operator's response bodies, by status.
pub(crate) type Pages = HashMap<u16, RejectBody>;

/// A response of the proxy, complete except for the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: AnswerCode,
    status: u16,
    body: AnswerBody,
    /// Headers beyond those of every answer.
    extra: Vec<(&'static str, String)>,
    /// The head for clients that get a problem document; none for an answer that is sent once.
    head: Option<Box<ResponseHead>>,
}

#[derive(Debug, Clone)]
enum AnswerBody {
    Problem {
        /// The document up to the request's id.
        start: String,
        /// Extra members, as JSON that begins with a comma.
        members: String,
    },
    /// A body that the operator configured.
    Configured { content_type: Box<str>, bytes: Bytes },
    /// No body.
    Empty,
}

/// The body of an answer to one request.
#[derive(Debug)]
pub(crate) enum RenderedBody<'a> {
    /// A problem document, in parts that follow each other.
    Problem([&'a str; 5]),
    /// Any other body.
    Whole(Bytes),
}

impl RenderedBody<'_> {
    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.parts().map(<[u8]>::len).sum()
    }

    /// Returns the parts, in their order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let (parts, whole) = match self {
            Self::Problem(parts) => (parts.as_slice(), None),
            Self::Whole(bytes) => (&[][..], Some(&**bytes)),
        };
        parts.iter().map(|part| part.as_bytes()).chain(whole)
    }
}

/// Space for the parts of a problem document that have about the same length in all, in bytes.
const PROBLEM_CAPACITY: usize = 160;
/// The name of the header with a redirect's target.
const LOCATION: &str = "location";

impl Answer {
    /// Creates an answer with `code` and its usual status.
    pub(crate) fn new(code: AnswerCode, pages: &Pages) -> Self {
        Self::with_status(code, code.status, pages)
    }

    /// Creates an answer with `code` and another status.
    pub(crate) fn with_status(code: AnswerCode, status: u16, pages: &Pages) -> Self {
        let body = match pages.get(&status) {
            Some(body) => AnswerBody::configured(body),
            None => AnswerBody::problem(code, status),
        };
        Self {
            code,
            status,
            body,
            extra: Vec::new(),
            head: None,
        }
    }

    /// Creates a redirect without a body.
    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        let extra = vec![(LOCATION, location.to_owned())];
        Self {
            code: AnswerCode::FEATURE,
            status,
            body: AnswerBody::Empty,
            extra,
            head: None,
        }
    }

    /// Replaces the body with one that the operator configured.
    pub(crate) fn with_body(mut self, body: &RejectBody) -> Self {
        self.body = AnswerBody::configured(body);
        self
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.extra.push((name, value));
        self
    }

    /// Adds a member to the problem document.
    pub(crate) fn with_member(mut self, name: &'static str, value: &serde_json::Value) -> Self {
        if let AnswerBody::Problem { members, .. } = &mut self.body {
            members.push_str(&format!(",\"{name}\":{value}"));
        }
        self
    }

    /// Renders the head, for an answer that many requests get.
    pub(crate) fn with_rendered_head(mut self) -> Self {
        let mut head = ResponseHead::default();
        // All ids have the same length, so the length of the body is known.
        let id = "0".repeat(RequestId::LENGTH);
        let (content_type, body) = self.body(&id, AnswerFormat::Problem);
        self.set_head(AnswerFormat::Problem, (content_type, body.len()), &mut head);
        self.head = Some(Box::new(head));
        self
    }

    /// Returns the status that is sent in this format.
    pub(crate) fn status_in(&self, format: AnswerFormat) -> u16 {
        match format {
            AnswerFormat::Problem | AnswerFormat::Html => self.status,
            AnswerFormat::Grpc => grpc::HTTP_STATUS,
        }
    }

    /// Returns the gRPC status that is sent in this format; none for other clients.
    pub(crate) fn grpc_status(&self, format: AnswerFormat) -> Option<u8> {
        (format == AnswerFormat::Grpc).then(|| grpc::status(self.status))
    }

    /// Returns the redirect's location, if it is sent in this format.
    pub(crate) fn location(&self, format: AnswerFormat) -> Option<&str> {
        let mut extra = self.extra_in(format);
        let location = extra.find(|(name, _)| *name == LOCATION)?;
        Some(&location.1)
    }

    /// Returns the headers beyond those of every answer that are sent in this format.
    fn extra_in(&self, format: AnswerFormat) -> impl Iterator<Item = &(&'static str, String)> {
        // A gRPC client follows no redirect, and its status is 200.
        let is_sent = move |name: &str| format != AnswerFormat::Grpc || name != LOCATION;
        self.extra.iter().filter(move |(name, _)| is_sent(name))
    }

    /// Renders the answer in this format: fills `head`, and returns the body.
    pub(crate) fn render<'a>(
        &'a self,
        id: &'a RequestId,
        format: AnswerFormat,
        head: &mut ResponseHead,
    ) -> RenderedBody<'a> {
        let (content_type, body) = self.body(id.as_str(), format);
        match self.head.as_deref().filter(|_| format == AnswerFormat::Problem) {
            Some(rendered) => head.copy(rendered),
            None => self.set_head(format, (content_type, body.len()), head),
        }
        body
    }

    /// Fills `head`, for a body of this content type and length.
    fn set_head(&self, format: AnswerFormat, body: (Option<&str>, usize), head: &mut ResponseHead) {
        let status = self.status_in(format);
        head.begin(status, reason(status).as_bytes(), HttpVersion::Http11);
        let fields = &mut head.fields;
        match self.grpc_status(format) {
            Some(status) => self.push_grpc_status(fields, status),
            None => {
                let (content_type, length) = body;
                if let Some(content_type) = content_type {
                    fields.push("Content-Type", content_type.as_bytes());
                }
                push_content_length(fields, length);
            }
        }
        fields.push("Cache-Control", b"no-store");
        if format != AnswerFormat::Grpc {
            fields.push("Vary", b"Authorization");
        }
        for (name, value) in self.extra_in(format) {
            fields.push(name, value.as_bytes());
        }
    }

    /// Appends the fields that a gRPC client reads: trailers only, without a body.
    fn push_grpc_status(&self, fields: &mut Fields, status: u8) {
        fields.push("Content-Type", b"application/grpc");
        fields.push_with("grpc-status", |value| {
            // Rendering a value never fails.
            let _ = write!(value, "{status}");
        });
        let AnswerCode { name, detail, .. } = self.code;
        let detail = match detail {
            "" => title(self.status),
            detail => detail,
        };
        let message = grpc::message(&format!("{name}: {detail}"));
        fields.push("grpc-message", message.as_bytes());
    }

    /// Returns the body with its content type.
    fn body<'a>(&'a self, id: &'a str, format: AnswerFormat) -> (Option<&'a str>, RenderedBody<'a>) {
        match &self.body {
            _ if format == AnswerFormat::Grpc => (None, RenderedBody::Whole(Bytes::new())),
            AnswerBody::Problem { members, .. } if format == AnswerFormat::Html => (
                Some("text/html; charset=utf-8"),
                RenderedBody::Whole(Bytes::from(self.page(id, members))),
            ),
            AnswerBody::Problem { start, members } => (
                Some("application/problem+json"),
                RenderedBody::Problem([start, id, "\"", members, "}\n"]),
            ),
            AnswerBody::Configured { content_type, bytes } => {
                (Some(&**content_type), RenderedBody::Whole(bytes.clone()))
            }
            AnswerBody::Empty => (None, RenderedBody::Whole(Bytes::new())),
        }
    }

    /// Renders the HTML page. Extra members are shown as JSON.
    fn page(&self, id: &str, members: &str) -> String {
        let (status, title) = (self.status, title(self.status));
        let detail = paragraph(self.code.detail);
        let members = paragraph(&escape(members.trim_start_matches(',')));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{status} {title}</title>\n\
             <h1>{title}</h1>\n{detail}{members}<p><small>{id}</small></p>\n</html>\n"
        )
    }
}

/// Returns the title of an answer with this status.
fn title(status: u16) -> &'static str {
    match reason(status) {
        "" => "Error",
        reason => reason,
    }
}

/// Returns the usual reason phrase of a status; empty for none.
fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

/// Appends the length of a body.
pub(crate) fn push_content_length(fields: &mut Fields, length: usize) {
    fields.push_with("Content-Length", |value| {
        // Rendering a value never fails.
        let _ = write!(value, "{length}");
    });
}

impl AnswerBody {
    /// Creates a problem document. Only members, which are added later, hold text from outside: nothing here needs
    /// escaping.
    fn problem(code: AnswerCode, status: u16) -> Self {
        let AnswerCode { name, detail, .. } = code;
        let mut start = String::with_capacity(PROBLEM_CAPACITY + detail.len());
        start.push_str("{\"type\":\"urn:sluice:problem:");
        start.extend(name.chars().map(|c| match c {
            '_' => '-',
            c => c.to_ascii_lowercase(),
        }));
        // Writing to a string never fails.
        let _ = write!(start, "\",\"title\":\"{}\",\"status\":{status}", title(status));
        let detail = match detail {
            "" => ["", "", ""],
            detail => [",\"detail\":\"", detail, "\""],
        };
        start.extend(
            detail
                .into_iter()
                .chain([",\"code\":\"", name, "\",\"request_id\":\""]),
        );
        let members = String::new();
        Self::Problem { start, members }
    }

    fn configured(body: &RejectBody) -> Self {
        Self::Configured {
            content_type: body.content_type.clone(),
            bytes: Bytes::copy_from_slice(&body.bytes),
        }
    }
}

fn paragraph(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("<p>{text}</p>\n")
}

/// Escapes text for HTML content; not for attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
