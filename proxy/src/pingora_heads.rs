//! Heads in pingora's types and back, as long as its hooks call the phases.

use http::Version;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use wire::{HeadLimits, HttpVersion, MAX_HEADERS, RequestHead, ResponseHead, read_head};

use crate::answer::AnswerCode;
use crate::edge::http2_head;

/// Reads the head of a session's request as it was sent.
///
/// # Errors
/// The head is refused.
pub(crate) fn read_request(session: &Session, head: &mut RequestHead) -> Result<(), AnswerCode> {
    let header = session.req_header();
    if header.version == Version::HTTP_2 {
        return http2_head::fill(head, header);
    }
    // pingora's header drops a fragment from the target, so the bytes that the edge has checked are read again.
    let bytes = session.downstream_session.to_h1_raw();
    let limits = HeadLimits {
        bytes: bytes.len(),
        fields: MAX_HEADERS,
    };
    match read_head(&bytes, limits, head) {
        Ok(Some(_)) => Ok(()),
        _ => Err(AnswerCode::HEAD),
    }
}

/// Replaces method, target and fields of `request`.
pub(crate) fn write_request(head: &RequestHead, request: &mut RequestHeader) -> pingora::Result<()> {
    let version = request.version;
    let fields = head.fields.len();
    *request = RequestHeader::build(head.method(), head.target().as_bytes(), Some(fields))?;
    request.set_version(version);
    for (name, value) in head.fields.iter() {
        request.append_header(name.to_owned(), value)?;
    }
    Ok(())
}

/// Returns a head in pingora's type.
pub(crate) fn response(head: &ResponseHead) -> pingora::Result<ResponseHeader> {
    let mut response = ResponseHeader::build(head.status(), Some(head.fields.len()))?;
    for (name, value) in head.fields.iter() {
        response.append_header(name.to_owned(), value)?;
    }
    Ok(response)
}

/// Reads the head of a response.
pub(crate) fn read_response(response: &ResponseHeader) -> ResponseHead {
    let mut head = ResponseHead::default();
    head.begin(response.status.as_u16(), b"", HttpVersion::Http11);
    for (name, value) in &response.headers {
        head.fields.push(name.as_str(), value.as_bytes());
    }
    head
}

/// Makes the fields of `response` those of `head`, except that pingora frames the body itself.
pub(crate) fn write_response(head: &ResponseHead, response: &mut ResponseHeader) -> pingora::Result<()> {
    let names: Vec<_> = response.headers.keys().cloned().collect();
    for name in names {
        let is_framing = name == http::header::CONNECTION || name == http::header::TRANSFER_ENCODING;
        if !is_framing && !head.fields.contains(name.as_str()) {
            response.remove_header(&name);
        }
    }
    // The proxy appends its own header last.
    if let Some((name, value)) = head.fields.iter().last()
        && head.fields.values(name).count() == 1
    {
        response.insert_header(name.to_owned(), value)?;
    }
    Ok(())
}
