//! The head: what two readers might frame or address differently is refused, and the connection gets its
//! timeouts, which the HTTP layer forgets with every request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Version, header};
use pingora::proxy::Session;
use rules::Host;

use crate::answer::{Answer, Code};
use crate::context::Context;
use crate::refusal::Refusal;

/// How long an idle connection of a client is kept, in seconds.
const KEEP_ALIVE_SECONDS: u64 = 60;
/// How long one write to a client may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// What a 405 says is allowed (RFC 9110 section 15.5.6): the usual ones, as other methods pass too.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Sets what holds for this request's connection. When `draining`, it ends with this answer.
pub(crate) fn configure(session: &mut Session, draining: bool) {
    // Without a timeout the HTTP layer would keep an idle connection for ever; where keep-alive is off by the
    // client's wish it stays off.
    if session.get_keepalive().is_some() {
        session.set_keepalive(if draining { None } else { Some(KEEP_ALIVE_SECONDS) });
    }
    session.set_write_timeout(Some(WRITE_TIMEOUT));
}

/// Checks the head; `raw` are its bytes as they arrived.
pub(crate) fn check(session: &Session, raw: &Bytes, context: &mut Context) -> Result<(), Refusal> {
    let request = session.req_header();
    let malformed = |code| Refusal::malformed(code, &context.serving.pages);
    if request.method == Method::CONNECT {
        let answer =
            Answer::new(Code::CONNECT, &context.serving.pages).header(header::ALLOW, METHODS.to_owned());
        return Err(Refusal {
            answer: Arc::new(answer),
            ..malformed(Code::CONNECT)
        });
    }
    if has_bare_line_feed(raw) {
        return Err(malformed(Code::HEAD));
    }
    if !is_framed_clearly(&request.headers, raw) {
        return Err(malformed(Code::FRAMING));
    }
    let host = request
        .headers
        .get(header::HOST)
        .map(|host| host.to_str().map(Host::parse));
    let host = match host {
        None if request.version == Version::HTTP_11 => return Err(malformed(Code::HOST)),
        None => return Ok(()),
        Some(Ok(Ok(host))) => host.name.into(),
        Some(_) => return Err(malformed(Code::HOST)),
    };
    context.host = host;
    Ok(())
}

/// Refuses a body that says of itself that it is too large.
pub(crate) fn check_length(session: &Session, context: &Context) -> Result<(), Refusal> {
    let length = session.req_header().headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match (length, context.serving.body_limit) {
        (Some(length), Some(limit)) if length > limit => {
            Err(Refusal::bad(Code::BODY_TOO_LARGE, &context.serving.pages))
        }
        _ => Ok(()),
    }
}

/// Whether a line ends in LF alone. Some readers take that for a line's end and some for a part of it.
fn has_bare_line_feed(raw: &[u8]) -> bool {
    let mut before = 0;
    raw.iter().any(|&byte| {
        let bare = byte == b'\n' && before != b'\r';
        before = byte;
        bare
    })
}

/// Whether the length of the body is said at most once, and in a way that everyone reads alike. `headers` lack
/// a Content-Length beside a Transfer-Encoding, because the HTTP layer drops it; `raw` still has it.
fn is_framed_clearly(headers: &HeaderMap, raw: &[u8]) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        return chunked && codings.next().is_none() && !names_content_length(raw);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let digits = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    lengths.next().is_none_or(|length| digits(length.as_bytes())) && lengths.next().is_none()
}

fn names_content_length(raw: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length:";
    raw.split(|&byte| byte == b'\n').any(|line| {
        line.get(..NAME.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(NAME))
    })
}

#[cfg(test)]
mod tests;
