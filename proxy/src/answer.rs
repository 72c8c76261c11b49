//! Answers of our own: problem documents (RFC 9457), small pages for browsers, or the operator's bodies.
//! Built as values, once where nothing of the request is in them; sent by `answer/send.rs`.

mod accept;
mod code;
mod grpc;
mod send;

use std::collections::HashMap;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderName};
use pingora::http::ResponseHeader;
use rules::RejectBody;

pub(crate) use self::accept::prefers_html;
pub(crate) use self::code::AnswerCode;
pub(crate) use self::grpc::is_grpc;
pub(crate) use self::send::{KeepAlive, send};
use crate::request_id::RequestId;

/// The operator's own bodies, by status.
pub(crate) type Pages = HashMap<u16, RejectBody>;

/// An answer, complete but for the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: AnswerCode,
    status: u16,
    body: AnswerBody,
    /// Headers beyond those that every answer has.
    extra: Vec<(HeaderName, String)>,
}

#[derive(Debug, Clone)]
enum AnswerBody {
    /// A problem document, with members beyond the usual ones as JSON text that begins with a comma.
    Problem(String),
    /// An operator's.
    Own { content_type: Box<str>, bytes: Bytes },
    /// None at all.
    Empty,
}

/// How an answer goes over the wire.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) header: ResponseHeader,
    pub(crate) body: Bytes,
}

impl Answer {
    /// What `code` says, with its own status.
    pub(crate) fn new(code: AnswerCode, pages: &Pages) -> Self {
        Self::with_status(code, code.status, pages)
    }

    /// What `code` says, with another status.
    pub(crate) fn with_status(code: AnswerCode, status: u16, pages: &Pages) -> Self {
        let body = match pages.get(&status) {
            Some(body) => AnswerBody::own(body),
            None => AnswerBody::Problem(String::new()),
        };
        Self {
            code,
            status,
            body,
            extra: Vec::new(),
        }
    }

    /// A redirect without a body.
    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        let extra = vec![(header::LOCATION, location.to_owned())];
        Self {
            code: AnswerCode::FEATURE,
            status,
            body: AnswerBody::Empty,
            extra,
        }
    }

    /// The same with an operator's body.
    pub(crate) fn body(mut self, body: &RejectBody) -> Self {
        self.body = AnswerBody::own(body);
        self
    }

    /// The same with one header more.
    pub(crate) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.extra.push((name, value));
        self
    }

    /// The same with one member more in the problem document.
    pub(crate) fn member(mut self, name: &'static str, value: &serde_json::Value) -> Self {
        if let AnswerBody::Problem(members) = &mut self.body {
            members.push_str(&format!(",\"{name}\":{value}"));
        }
        self
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Returns the value of a header beyond those that every answer has.
    pub(crate) fn extra(&self, name: &HeaderName) -> Option<&str> {
        let value = self.extra.iter().find(|(given, _)| given == name);
        value.map(|(_, value)| value.as_str())
    }

    /// As it goes to this client.
    pub(crate) fn render(&self, id: &RequestId, html: bool) -> pingora::Result<Rendered> {
        let (content_type, body) = match &self.body {
            AnswerBody::Problem(members) if html => (
                Some("text/html; charset=utf-8"),
                Bytes::from(self.page(id, members)),
            ),
            AnswerBody::Problem(members) => (
                Some("application/problem+json"),
                Bytes::from(self.problem(id, members)),
            ),
            AnswerBody::Own { content_type, bytes } => (Some(&**content_type), bytes.clone()),
            AnswerBody::Empty => (None, Bytes::new()),
        };
        let mut header = ResponseHeader::build(self.status, Some(6))?;
        if let Some(content_type) = content_type {
            header.insert_header(header::CONTENT_TYPE, content_type)?;
        }
        header.insert_header(header::CONTENT_LENGTH, body.len())?;
        header.insert_header(header::CACHE_CONTROL, "no-store")?;
        header.insert_header("Vary", "Authorization")?;
        for (name, value) in &self.extra {
            header.insert_header(name, value.as_str())?;
        }
        Ok(Rendered { header, body })
    }

    /// As it goes to a client of gRPC: a head and nothing else. The operator's body is for other readers.
    pub(crate) fn render_grpc(&self) -> pingora::Result<Rendered> {
        let mut header = ResponseHeader::build(200, Some(6))?;
        header.insert_header(header::CONTENT_TYPE, "application/grpc")?;
        header.insert_header("grpc-status", grpc::status(self.status).to_string())?;
        let AnswerCode { name, detail, .. } = self.code;
        let detail = if detail.is_empty() { self.title() } else { detail };
        header.insert_header("grpc-message", grpc::message(&format!("{name}: {detail}")))?;
        header.insert_header(header::CACHE_CONTROL, "no-store")?;
        for (name, value) in &self.extra {
            if *name != header::LOCATION {
                header.insert_header(name, value.as_str())?;
            }
        }
        let body = Bytes::new();
        Ok(Rendered { header, body })
    }

    /// Every text in it is ours and needs no escaping but `members`, which is JSON already.
    fn problem(&self, id: &RequestId, members: &str) -> String {
        let AnswerCode { name, detail, .. } = self.code;
        let (status, title, kind) = (
            self.status,
            self.title(),
            name.to_ascii_lowercase().replace('_', "-"),
        );
        let detail = if detail.is_empty() {
            String::new()
        } else {
            format!(",\"detail\":\"{detail}\"")
        };
        let id = id.as_str();
        format!(
            "{{\"type\":\"urn:sluice:problem:{kind}\",\"title\":\"{title}\",\"status\":{status}{detail},\
             \"code\":\"{name}\",\"request_id\":\"{id}\"{members}}}\n"
        )
    }

    /// The same for people. Members beyond the usual ones are shown as the JSON that they are.
    fn page(&self, id: &RequestId, members: &str) -> String {
        let (status, title, id) = (self.status, self.title(), id.as_str());
        let detail = paragraph(self.code.detail);
        let members = paragraph(&escape(members.trim_start_matches(',')));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{status} {title}</title>\n\
             <h1>{title}</h1>\n{detail}{members}<p><small>{id}</small></p>\n</html>\n"
        )
    }

    fn title(&self) -> &'static str {
        StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error")
    }
}

impl AnswerBody {
    fn own(body: &RejectBody) -> Self {
        Self::Own {
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

/// Text as HTML has it, outside of attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
