//! A request on an HTTP/2 connection to an upstream: one stream.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::wire::{Fields, Framing, HttpVersion, RequestHead, ResponseHead};
use h2::client::ResponseFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, StatusCode, Uri};

use crate::engine::body::BodyReady;
use crate::engine::http2_stream::{IncomingBody, OutgoingBody, fields, header_map};
use crate::engine::out_buffer::OutBuffer;
use crate::shares::{Direction, RequestShare};
use crate::upstreams::{Failure, Http2Slot, RequestFate, UpstreamError};

/// The largest status (RFC 9110 section 15).
const MAX_STATUS: u16 = 599;

/// A request on an HTTP/2 connection.
#[derive(Debug)]
pub(in crate::engine) struct Http2Upstream {
    slot: Http2Slot,
    response: Option<ResponseFuture>,
    incoming: Option<IncomingBody>,
    outgoing: Option<OutgoingBody>,
    has_answered: bool,
    /// True while the next part of the response's body is waited for.
    is_waiting: bool,
}

impl Http2Upstream {
    pub(super) fn new(slot: Http2Slot) -> Self {
        Self {
            slot,
            response: None,
            incoming: None,
            outgoing: None,
            has_answered: false,
            is_waiting: false,
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Hands the head to the HTTP/2 layer.
    pub(super) fn begin(
        &mut self,
        head: &RequestHead,
        framing: Framing,
        is_tls: bool,
        share: Option<&Arc<RequestShare>>,
    ) -> Result<(), UpstreamError> {
        let request = http2_request(head, is_tls)?;
        let ends = framing == Framing::Empty;
        let sent = self.slot.send.send_request(request, ends);
        let (response, send) = sent.map_err(|error| {
            // Also one that has no number for another stream takes no more requests.
            self.slot.retire();
            UpstreamError {
                fate: RequestFate::Unsent,
                ..self.error(&error)
            }
        })?;
        let share = share.map(|share| (Arc::clone(share), Direction::Body));
        self.outgoing = Some(OutgoingBody::new(send, ends, share));
        self.response = Some(response);
        Ok(())
    }

    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        head: &mut ResponseHead,
    ) -> Poll<Result<Framing, UpstreamError>> {
        let Some(response) = &mut self.response else {
            return Poll::Pending;
        };
        // Interim responses come first; this is pending as well while there is none.
        if let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            self.has_answered = true;
            self.slot.record_read();
            begin(head, interim.status());
            head.fields = fields(interim.headers());
            return Poll::Ready(Ok(Framing::Empty));
        }
        let response = match ready!(std::pin::Pin::new(response).poll(cx)) {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(self.error(&error))),
        };
        self.response = None;
        let (parts, body) = response.into_parts();
        self.has_answered = true;
        self.slot.record_read();
        // As over HTTP/1. The HTTP/2 layer accepts any three digits.
        if parts.status.as_u16() > MAX_STATUS {
            let error = UpstreamError::new(Failure::Invalid, "the status of the response is above 599");
            return Poll::Ready(Err(error));
        }
        begin(head, parts.status);
        head.fields = fields(&parts.headers);
        let incoming = IncomingBody::new(body);
        // The framing of these is that of HTTP/1, whatever DATA frames follow: a client of HTTP/1 reads no body.
        let is_empty = incoming.is_done() || method == "HEAD" || matches!(head.status(), 204 | 304);
        self.incoming = Some(incoming);
        let stated = head
            .stated_length()
            .map_err(|_| UpstreamError::new(Failure::Invalid, "the length of the response is ambiguous"))?;
        Poll::Ready(Ok(match (is_empty, stated) {
            (true, _) => Framing::Empty,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::Chunked,
        }))
    }

    /// Classifies an error of the HTTP/2 layer.
    fn error(&self, error: &h2::Error) -> UpstreamError {
        // h2 reports a GOAWAY, whatever its code, to the streams that are beyond its last one and to those that begin
        // later: the upstream has not acted on them (RFC 9113 section 6.8). The others go on.
        let is_refused =
            error.reason() == Some(h2::Reason::REFUSED_STREAM) || error.is_go_away() && error.is_remote();
        let is_connection_lost = error.is_go_away() || error.is_io();
        if is_connection_lost {
            self.slot.retire();
        }
        let is_invalid = !error.is_io() && !error.is_remote();
        let failure = match (self.slot.has_missed_ping(), is_invalid) {
            (true, _) => Failure::Timeout,
            (false, true) => Failure::Invalid,
            (false, false) => Failure::Broken,
        };
        UpstreamError {
            fate: match (is_refused, is_connection_lost) {
                (true, _) => RequestFate::Unprocessed,
                (false, true) => RequestFate::ConnectionLost,
                // The upstream reset this stream alone.
                (false, false) => RequestFate::Unknown,
            },
            ..UpstreamError::new(failure, "the stream ended before the response")
        }
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, UpstreamError>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(Ok(BodyReady::End));
        };
        let read = incoming.poll_body(cx);
        // Data that was not waited for may have arrived before the last ping.
        if read.is_pending() {
            self.is_waiting = true;
        } else if std::mem::take(&mut self.is_waiting) && matches!(read, Poll::Ready(Ok(_))) {
            self.slot.record_read();
        }
        let missed = self.slot.has_missed_ping();
        read.map_err(|_| broken_stream(missed))
    }

    pub(super) fn data(&self) -> &[u8] {
        self.incoming.as_ref().map_or(&[], IncomingBody::data)
    }

    pub(super) fn consume(&mut self, length: usize) {
        if let Some(incoming) = &mut self.incoming {
            incoming.consume(length);
        }
    }

    pub(super) fn trailers(&self) -> Option<Fields> {
        self.incoming.as_ref()?.trailers()
    }

    pub(super) fn append_end(&mut self, trailers: Option<&Fields>) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.end(trailers);
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut OutBuffer,
        progress: &mut bool,
    ) -> Poll<Result<(), UpstreamError>> {
        match &mut self.outgoing {
            Some(outgoing) => {
                let missed = self.slot.has_missed_ping();
                outgoing
                    .poll_write(cx, out, progress)
                    .map_err(|_| broken_stream(missed))
            }
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Begins a head with the usual reason phrase, which HTTP/2 does not carry.
fn begin(head: &mut ResponseHead, status: StatusCode) {
    let reason = status.canonical_reason().unwrap_or_default();
    head.begin(status.as_u16(), reason.as_bytes(), HttpVersion::Http2);
}

fn broken_stream(missed_ping: bool) -> UpstreamError {
    match missed_ping {
        true => UpstreamError::new(Failure::Timeout, "the upstream did not answer a ping"),
        false => UpstreamError::new(Failure::Broken, "the stream ended within the response"),
    }
}

/// Returns the request as HTTP/2 carries it: the host in `:authority`, and no field of the connection.
fn http2_request(head: &RequestHead, is_tls: bool) -> Result<Request<()>, UpstreamError> {
    let invalid = || UpstreamError::new(Failure::Invalid, "HTTP/2 can't carry the request");
    let host = head.fields.value("host").ok_or_else(invalid)?;
    let authority = Authority::try_from(host).map_err(|_| invalid())?;
    let target = PathAndQuery::try_from(head.target()).map_err(|_| invalid())?;
    let scheme = if is_tls { Scheme::HTTPS } else { Scheme::HTTP };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(target)
        .build();
    let mut request = Request::new(());
    *request.uri_mut() = uri.map_err(|_| invalid())?;
    *request.method_mut() = Method::from_bytes(head.method().as_bytes()).map_err(|_| invalid())?;
    *request.version_mut() = http::Version::HTTP_2;
    let mut headers = header_map(&head.fields);
    headers.remove(http::header::HOST);
    *request.headers_mut() = headers;
    Ok(request)
}
