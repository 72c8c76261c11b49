//! The framing of a response for the client: `Content-Length`, chunks, or the end of the connection.

use ::wire::{Framing, HttpVersion, ResponseHead};

use super::date;
use crate::request_context::RequestContext;

/// Sets the fields that frame the body, and `Connection`. Returns the framing.
pub(crate) fn set(
    head: &mut ResponseHead,
    framing: Framing,
    is_http2: bool,
    context: &mut RequestContext,
) -> Framing {
    let framing = match framing {
        Framing::Empty if head.status() == 204 => {
            head.fields.remove("content-length");
            Framing::Empty
        }
        // What such a response states is the length of the body that it does not have (RFC 9110 section 8.6).
        Framing::Empty if context.head.method() == "HEAD" || head.status() == 304 => {
            if let Ok(Some(length)) = head.stated_length() {
                set_length(head, length);
            }
            Framing::Empty
        }
        Framing::Empty => {
            // gRPC's responses without a body have no length.
            if !is_http2 || head.fields.contains("content-length") {
                set_length(head, 0);
            }
            Framing::Empty
        }
        Framing::Length(length) => {
            set_length(head, length);
            Framing::Length(length)
        }
        Framing::Chunked | Framing::UntilClose => {
            head.fields.remove("content-length");
            match context.head.version() {
                HttpVersion::Http2 => Framing::Chunked,
                HttpVersion::Http11 => {
                    head.fields.push("Transfer-Encoding", b"chunked");
                    Framing::Chunked
                }
                // HTTP/1.0 has no chunks (RFC 9112 section 6.1).
                HttpVersion::Http10 => {
                    context.keeps_client = false;
                    Framing::UntilClose
                }
            }
        }
    };
    complete(head, context);
    framing
}

/// Sets `Date`, and `Connection` as the client's version needs it (RFC 9112 section 9.3).
pub(crate) fn complete(head: &mut ResponseHead, context: &RequestContext) {
    date::set(&mut head.fields);
    match (context.head.version(), context.keeps_client) {
        (HttpVersion::Http2, _) | (HttpVersion::Http11, true) => {}
        (HttpVersion::Http10, true) => head.fields.push("Connection", b"keep-alive"),
        (HttpVersion::Http10 | HttpVersion::Http11, false) => head.fields.push("Connection", b"close"),
    }
}

/// Sets one `Content-Length`.
fn set_length(head: &mut ResponseHead, length: u64) {
    let mut stated = head.fields.values("content-length");
    let is_single = stated.next().is_some_and(|value| !value.contains(&b',')) && stated.next().is_none();
    if !is_single {
        drop(stated);
        head.fields.set("Content-Length", length.to_string().as_bytes());
    }
}
