//! The upstream's side of a request.

use std::task::{Context, Poll, ready};

use ::wire::{
    Fields, Framing, HeadLimits, HttpVersion, RequestHead, ResponseHead, keeps_connection, read_response,
    write_request_head,
};
use h2::client::ResponseFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, StatusCode, Uri};
use pingora::protocols::Stream;

use super::body::{BodyFault, BodyReady};
use super::http1_stream::Http1Stream;
use super::http2_stream::{IncomingBody, OutgoingBody, fields, header_map};
use super::out_buffer::OutBuffer;
use crate::edge::buffered::Buffered;
use crate::shares::{Direction, RequestShare};
use crate::upstreams::{Connected, Failure, Http2Slot, UpstreamError};

/// Limits of the head of a response. Applications set large cookies and policies.
const RESPONSE_LIMITS: HeadLimits = HeadLimits {
    bytes: 256 * 1024,
    fields: 256,
};

/// The upstream's side of a request.
#[derive(Debug)]
pub(crate) enum UpstreamSide {
    Http1(Http1Upstream),
    Http2(Http2Upstream),
}

/// A request on an HTTP/1 connection.
#[derive(Debug)]
pub(crate) struct Http1Upstream {
    stream: Http1Stream<Stream>,
    /// True if the connection stays open after the response.
    keeps: bool,
    /// Bytes of the buffer that hold no complete head.
    unparsed: usize,
    has_answered: bool,
}

/// A request on an HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct Http2Upstream {
    slot: Http2Slot,
    response: Option<ResponseFuture>,
    incoming: Option<IncomingBody>,
    outgoing: Option<OutgoingBody>,
    has_answered: bool,
}

impl UpstreamSide {
    pub(crate) fn new(connected: Connected) -> Self {
        match connected {
            Connected::Http1(io) => Self::Http1(Http1Upstream {
                stream: Http1Stream::new(io),
                keeps: false,
                unparsed: 0,
                has_answered: false,
            }),
            Connected::Http2(slot) => Self::Http2(Http2Upstream {
                slot,
                response: None,
                incoming: None,
                outgoing: None,
                has_answered: false,
            }),
        }
    }

    /// Returns true once a part of a response has arrived: the upstream has the request.
    pub(crate) fn has_answered(&self) -> bool {
        match self {
            Self::Http1(upstream) => upstream.has_answered,
            Self::Http2(upstream) => upstream.has_answered,
        }
    }

    /// Sends the head: appends it to `out`, or hands it to the HTTP/2 layer. `is_tls` is that of the connection.
    ///
    /// # Errors
    /// The connection takes no request.
    pub(crate) fn begin(
        &mut self,
        head: &mut RequestHead,
        framing: Framing,
        (is_tls, share): (bool, Option<&std::sync::Arc<RequestShare>>),
        out: &mut OutBuffer,
    ) -> Result<(), UpstreamError> {
        match self {
            Self::Http1(upstream) => {
                if framing == Framing::Chunked {
                    // A former attempt may have set it already.
                    head.fields.set("Transfer-Encoding", b"chunked");
                }
                write_request_head(head, out.bytes());
                upstream.stream.begin_outgoing(framing);
                Ok(())
            }
            Self::Http2(upstream) => {
                let request = http2_request(head, is_tls)?;
                let ends = framing == Framing::Empty;
                let sent = upstream.slot.send.send_request(request, ends);
                let (response, send) = sent.map_err(|error| upstream.error(&error))?;
                let share = share.map(|share| (std::sync::Arc::clone(share), Direction::Body));
                upstream.outgoing = Some(OutgoingBody::new(send, ends, share));
                upstream.response = Some(response);
                Ok(())
            }
        }
    }

    /// Waits for the next head, interim responses included, and returns the framing of its body.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        head: &mut ResponseHead,
    ) -> Poll<Result<Framing, UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream.poll_head(cx, method, head),
            Self::Http2(upstream) => upstream.poll_head(cx, method, head),
        }
    }

    /// Waits for data of the response's body, or for its end.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream.stream.poll_body(cx).map_err(|fault| match fault {
                BodyFault::Invalid(_) => {
                    UpstreamError::new(Failure::Invalid, "a chunk of the response is invalid")
                }
                BodyFault::Lost => {
                    UpstreamError::new(Failure::Broken, "the connection ended within the response")
                }
            }),
            Self::Http2(upstream) => match &mut upstream.incoming {
                Some(incoming) => {
                    let missed = upstream.slot.has_missed_ping();
                    incoming.poll_body(cx).map_err(|_| broken_stream(missed))
                }
                None => Poll::Ready(Ok(BodyReady::End)),
            },
        }
    }

    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::Http1(upstream) => upstream.stream.data(),
            Self::Http2(upstream) => upstream.incoming.as_ref().map_or(&[], IncomingBody::data),
        }
    }

    pub(crate) fn consume(&mut self, length: usize) {
        match self {
            Self::Http1(upstream) => upstream.stream.consume(length),
            Self::Http2(upstream) => {
                if let Some(incoming) = &mut upstream.incoming {
                    incoming.consume(length);
                }
            }
        }
    }

    pub(crate) fn trailers(&self) -> Option<Fields> {
        match self {
            Self::Http1(upstream) => upstream.stream.trailers(),
            Self::Http2(upstream) => upstream.incoming.as_ref()?.trailers(),
        }
    }

    /// Returns true if data of the request's body can be written as it is.
    pub(crate) fn takes_raw(&self) -> bool {
        match self {
            Self::Http1(upstream) => upstream.stream.takes_raw(),
            Self::Http2(_) => false,
        }
    }

    /// Writes data of the request's body without a copy. Returns the number of bytes that were written.
    pub(crate) fn poll_write_raw(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, UpstreamError>> {
        match self {
            Self::Http1(upstream) => {
                let written = ready!(upstream.stream.poll_write_raw(cx, data)).ok();
                let lost = || UpstreamError::new(Failure::Broken, "the connection ended within the request");
                Poll::Ready(written.filter(|length| *length > 0).ok_or_else(lost))
            }
            Self::Http2(_) => Poll::Ready(Ok(0)),
        }
    }

    /// Appends data of the request's body.
    pub(crate) fn append(&self, data: &[u8], out: &mut OutBuffer) {
        match self {
            Self::Http1(upstream) => upstream.stream.append(data, out),
            Self::Http2(_) => out.bytes().extend_from_slice(data),
        }
    }

    /// Marks the end of the request's body.
    pub(crate) fn append_end(&mut self, trailers: Option<&Fields>, out: &mut OutBuffer) {
        match self {
            Self::Http1(upstream) => upstream.stream.append_end(trailers, out),
            Self::Http2(upstream) => {
                if let Some(outgoing) = &mut upstream.outgoing {
                    outgoing.end(trailers);
                }
            }
        }
    }

    /// Writes what waits.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut OutBuffer,
        progress: &mut bool,
    ) -> Poll<Result<(), UpstreamError>> {
        match self {
            Self::Http1(upstream) => upstream
                .stream
                .poll_write(cx, out, progress)
                .map_err(|_| UpstreamError::new(Failure::Broken, "the connection ended within the request")),
            Self::Http2(upstream) => match &mut upstream.outgoing {
                Some(outgoing) => {
                    let missed = upstream.slot.has_missed_ping();
                    outgoing
                        .poll_write(cx, out, progress)
                        .map_err(|_| broken_stream(missed))
                }
                None => Poll::Ready(Ok(())),
            },
        }
    }

    /// Returns the connection, if it can serve another request: both messages are complete, and nothing follows.
    pub(crate) fn into_idle(self) -> Option<Buffered<Stream>> {
        match self {
            Self::Http1(upstream) => {
                let is_done = upstream.stream.is_incoming_done() && upstream.stream.io.buffer.is_empty();
                (upstream.keeps && is_done && !upstream.stream.has_ended()).then_some(upstream.stream.io)
            }
            Self::Http2(_) => None,
        }
    }

    /// Returns the connection for a tunnel, with the bytes that followed the head.
    pub(crate) fn into_tunnel(self) -> Option<Buffered<Stream>> {
        match self {
            Self::Http1(upstream) => Some(upstream.stream.io),
            Self::Http2(_) => None,
        }
    }
}

impl Http1Upstream {
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        head: &mut ResponseHead,
    ) -> Poll<Result<Framing, UpstreamError>> {
        loop {
            let buffer = &self.stream.io.buffer;
            // Parsing restarts at the first byte each time, so it runs only when a new line or the size limit can change
            // the result.
            let unread = buffer.get(self.unparsed..).unwrap_or_default();
            if unread.contains(&b'\n') || buffer.len() >= RESPONSE_LIMITS.bytes {
                match read_response(buffer, RESPONSE_LIMITS, method, head) {
                    Ok(Some(bounds)) => {
                        self.unparsed = 0;
                        self.keeps = bounds.framing != Framing::UntilClose
                            && keeps_connection(head.version(), &head.fields);
                        self.stream.begin_incoming(bounds.end, bounds.framing);
                        return Poll::Ready(Ok(bounds.framing));
                    }
                    Ok(None) => {}
                    Err(_) => {
                        let error =
                            UpstreamError::new(Failure::Invalid, "the head of the response is invalid");
                        return Poll::Ready(Err(error));
                    }
                }
            }
            self.unparsed = buffer.len();
            if !matches!(ready!(self.stream.poll_fill(cx)), Ok(1..)) {
                let why = match self.unparsed {
                    0 => "the connection ended before the response",
                    _ => "the connection ended within the head of the response",
                };
                return Poll::Ready(Err(UpstreamError::new(Failure::Broken, why)));
            }
            self.has_answered = true;
        }
    }
}

impl Http2Upstream {
    fn poll_head(
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
        let is_unprocessed = error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR);
        if error.is_go_away() || error.is_io() {
            self.slot.retire();
        }
        let is_invalid = !error.is_io() && !error.is_remote();
        let failure = match (self.slot.has_missed_ping(), is_invalid) {
            (true, _) => Failure::Timeout,
            (false, true) => Failure::Invalid,
            (false, false) => Failure::Broken,
        };
        UpstreamError {
            is_unprocessed,
            ..UpstreamError::new(failure, "the stream ended before the response")
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
