//! The upstream's response on its way to the client. Hop-by-hop headers end here (RFC 9110 section 7.6.1); the rest
//! is passed on unchanged.

use bytes::Bytes;
use http::{StatusCode, Version, header};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};
use wire::{Fields, ResponseHead};

use crate::edge::client_connection::client_connection;
use crate::findings::DecisionHeaders;
use crate::injected_headers::InjectedHeaders;
use crate::phase::upstream;
use crate::pingora_heads;
use crate::request_context::RequestContext;
use crate::shares::{Direction, MAX_UNCOUNTED};

/// Maximum of names in `Connection` that are read.
const MAX_NOMINATIONS: usize = 32;
/// Headers that stay even if `Connection` lists them.
const KEPT: [&str; 3] = ["content-length", "content-type", "set-cookie"];

/// Records that the upstream responded, and removes headers that are not for the client.
///
/// # Errors
/// The upstream switched to a protocol that the client did not request, sent too many interim responses, or
/// is past its deadline.
pub(crate) fn filter_head(
    session: &mut Session,
    response: &mut ResponseHeader,
    context: &mut RequestContext,
) -> pingora::Result<()> {
    // Without a common protocol both sides would still take the following bytes for one.
    if response.status == StatusCode::SWITCHING_PROTOCOLS && !upstream::is_websocket(session) {
        let error = Error::explain(
            ErrorType::InvalidHTTPHeader,
            "a switch of protocols that the client did not request",
        );
        return Err(error.into_up());
    }
    if response.status == StatusCode::SWITCHING_PROTOCOLS
        && let Some(connection) = client_connection(session)
    {
        connection.set_switched();
    }
    if response.status == StatusCode::SWITCHING_PROTOCOLS || !response.status.is_informational() {
        context.upstream_answered = true;
        context.upstream_time = context.attempts.started().map(|started| started.elapsed());
        upstream::record_response_head(context);
        if let Some(share) = &context.share {
            let length = response.headers.get(header::CONTENT_LENGTH);
            share.set_answer_length(length.and_then(|length| length.to_str().ok()?.parse().ok()));
        }
        // pingora calls no body filter for a response without a body, so its end is recorded here.
        if upstream::has_no_body(session, response) {
            upstream::record_response_end(session, context);
        }
    // Each interim response is sent to the client, and no timeout of a read limits their number.
    } else if !context.attempts.count_interim() {
        let error = Error::explain(ErrorType::InvalidHTTPHeader, "too many interim responses");
        return Err(error.into_up());
    }
    upstream::check_deadline(session, context)?;
    let mut head = pingora_heads::read_response(response);
    filter_fields(
        &mut head,
        &context.prepared.decider.injected_headers,
        &context.found.headers,
    );
    pingora_heads::write_response(&head, response)?;
    if session.req_header().version == Version::HTTP_10 {
        end_by_closing(session, response);
    }
    Ok(())
}

/// Counts a part of the response until the client has taken it.
///
/// # Errors
/// The client exceeds its memory limit by more than the shedder keeps up with.
pub(crate) fn track_chunk(
    session: &Session,
    chunk: &mut Option<Bytes>,
    end: bool,
    context: &RequestContext,
) -> pingora::Result<()> {
    let Some(share) = &context.share else {
        return Ok(());
    };
    // Over HTTP/1 a small response is written before its request ends, within the memory that every request is
    // charged.
    let is_small = |bytes: &Bytes| end && !session.is_http2() && bytes.len() <= MAX_UNCOUNTED;
    // An empty part holds no memory, and may mark the end.
    let Some(bytes) = chunk.take_if(|bytes| !bytes.is_empty() && !is_small(bytes)) else {
        return Ok(());
    };
    if !session.is_http2() && bytes.len() > MAX_UNCOUNTED {
        share.set_bulk();
    }
    *chunk = Some(share.track(Direction::Answer, bytes, end));
    if share.is_over_memory_limit() {
        let error = Error::explain(ErrorType::WriteError, "the client exceeds its memory limit");
        return Err(error.into_down());
    }
    Ok(())
}

/// Ends a response without a length by closing the connection: HTTP/1.0 has no chunked encoding (RFC 9112 section
/// 6.1).
fn end_by_closing(session: &mut Session, response: &mut ResponseHeader) {
    if response.remove_header(&header::TRANSFER_ENCODING).is_some() {
        session.set_keepalive(None);
    }
}

/// Removes the fields that are not for the client, and sets the header that lists the flags. The framing of the body
/// is left to the code that sends it: `Content-Length` stays, `Transfer-Encoding` is removed.
pub(crate) fn filter_fields(head: &mut ResponseHead, injected: &InjectedHeaders, decided: &DecisionHeaders) {
    // A switch of protocols needs the fields of its connection.
    if head.status() != 101 {
        let nominated = nominated(&head.fields);
        head.fields.retain(|name, _| {
            let is_removed = is_hop_by_hop(name)
                || nominated
                    .iter()
                    .any(|nominated| name.eq_ignore_ascii_case(nominated));
            !is_removed
        });
    }
    if let Some(name) = &injected.response {
        // The header belongs to the proxy: a value that the upstream set under that name is removed.
        head.fields.remove(name);
        if let Some(flags) = &decided.flags {
            head.fields.push(name, flags.as_bytes());
        }
    }
}

/// Returns the names that `Connection` lists and that are removed. Usually there is none.
fn nominated(fields: &Fields) -> Vec<Box<[u8]>> {
    let values = fields.values("connection");
    let names = values.flat_map(|value| value.split(|&byte| byte == b','));
    let names = names.take(MAX_NOMINATIONS).map(<[u8]>::trim_ascii);
    let is_kept = |name: &[u8]| {
        let mut kept = KEPT.iter().chain(&["close", "keep-alive"]);
        kept.any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()))
    };
    names.filter(|name| !is_kept(name)).map(Box::from).collect()
}

/// Returns true for a name that belongs to one connection.
fn is_hop_by_hop(name: &[u8]) -> bool {
    let names: &[&str] = match name.len() {
        2 => &["te"],
        7 => &["trailer", "upgrade"],
        10 => &["connection", "keep-alive"],
        16 => &["proxy-connection"],
        17 => &["transfer-encoding"],
        18 => &["proxy-authenticate"],
        19 => &["proxy-authorization"],
        _ => &[],
    };
    names
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests;
