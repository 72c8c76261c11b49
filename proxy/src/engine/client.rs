//! The client's side of a request.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::wire::{Fields, Framing, HttpVersion, ResponseHead, write_response_head};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Response, StatusCode};

use super::body::{BodyFault, BodyReady};
use super::http1_stream::Http1Stream;
use super::http2_stream::{IncomingBody, OutgoingBody, header_map};
use super::out_buffer::OutBuffer;
use crate::edge::socket::{BufferedSocket, Socket};
use crate::shares::{Direction, EndSignal, RequestShare, StreamShare};

/// Maximum of bytes that are read beyond a request before it is answered.
const MAX_READ_AHEAD: usize = 64 * 1024;

/// The client's side of a request.
#[derive(Debug)]
pub(crate) struct ClientSide {
    kind: ClientKind,
    /// The status of the response, once it has begun; 0 before.
    status: u16,
    /// Data of the response's body so far.
    body_bytes: u64,
}

#[derive(Debug)]
enum ClientKind {
    Http1(Http1Client),
    Http2(Http2Client),
}

/// A client over HTTP/1.
#[derive(Debug)]
struct Http1Client {
    stream: Http1Stream<Socket>,
    /// True if the end of what the client sends is not the end of the request: it still reads.
    serves_half_closed: bool,
}

/// A client over HTTP/2: one stream.
#[derive(Debug)]
struct Http2Client {
    incoming: IncomingBody,
    respond: SendResponse<Bytes>,
    outgoing: Option<OutgoingBody>,
    stream: Http2StreamState,
}

/// The parts of an HTTP/2 stream that outlive its messages.
#[derive(Debug, Clone)]
pub(crate) struct Http2StreamState {
    /// Ends the request.
    pub(crate) end: Arc<EndSignal>,
    pub(crate) share: Option<Arc<StreamShare>>,
}

/// The client is gone: it closed its connection, or reset the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientGone;

impl ClientSide {
    /// Creates the side of an HTTP/1 connection.
    pub(crate) fn http1(io: BufferedSocket, serves_half_closed: bool) -> Self {
        let stream = Http1Stream::new(io);
        Self::new(ClientKind::Http1(Http1Client {
            stream,
            serves_half_closed,
        }))
    }

    /// Creates the side of an HTTP/2 stream whose head was read.
    pub(crate) fn http2(body: RecvStream, respond: SendResponse<Bytes>, stream: Http2StreamState) -> Self {
        Self::new(ClientKind::Http2(Http2Client {
            incoming: IncomingBody::new(body),
            respond,
            outgoing: None,
            stream,
        }))
    }

    fn new(kind: ClientKind) -> Self {
        Self {
            kind,
            status: 0,
            body_bytes: 0,
        }
    }

    /// Returns the connection of an HTTP/1 client.
    pub(crate) fn connection(&mut self) -> Option<&mut Http1Stream<Socket>> {
        match &mut self.kind {
            ClientKind::Http1(client) => Some(&mut client.stream),
            ClientKind::Http2(_) => None,
        }
    }

    /// Returns the state of an HTTP/2 stream.
    pub(crate) fn http2_stream(&self) -> Option<&Http2StreamState> {
        match &self.kind {
            ClientKind::Http1(_) => None,
            ClientKind::Http2(client) => Some(&client.stream),
        }
    }

    /// Returns true if the client of HTTP/2 has reset the request already, which is not sent then. Otherwise thousands of
    /// reset requests would each cost a connection to an upstream (CVE-2023-44487).
    pub(crate) fn is_reset(&mut self) -> bool {
        // Polled without a waker: only the present state matters.
        let mut no_wake = Context::from_waker(std::task::Waker::noop());
        self.is_http2() && self.poll_gone(&mut no_wake).is_ready()
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.kind, ClientKind::Http2(_))
    }

    /// Forgets the last response of the connection, before the next one.
    pub(crate) fn forget_response(&mut self) {
        self.status = 0;
        self.body_bytes = 0;
    }

    /// Begins the next request of an HTTP/1 connection: the head is removed from the buffer.
    pub(crate) fn begin_request(&mut self, head: usize, framing: Framing) {
        if let ClientKind::Http1(client) = &mut self.kind {
            client.stream.begin_incoming(head, framing);
        }
    }

    /// Returns the status of the response; 0 if none has begun.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Returns the number of bytes of the response's body.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Counts bytes that were sent in another way.
    pub(crate) fn count_body(&mut self, bytes: u64) {
        self.body_bytes += bytes;
    }

    /// Returns true if the whole body of the request has arrived and its data was consumed.
    pub(crate) fn is_body_done(&self) -> bool {
        match &self.kind {
            ClientKind::Http1(client) => client.stream.is_incoming_done(),
            ClientKind::Http2(client) => client.incoming.is_done(),
        }
    }

    /// Returns the number of bytes of the request's body that were not consumed, where its length is stated.
    pub(crate) fn unread(&self) -> Option<u64> {
        match &self.kind {
            ClientKind::Http1(client) => client.stream.unread(),
            ClientKind::Http2(_) => None,
        }
    }

    /// Waits for data of the request's body, or for its end.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, BodyFault>> {
        match &mut self.kind {
            ClientKind::Http1(client) => client.stream.poll_body(cx),
            ClientKind::Http2(client) => client.incoming.poll_body(cx),
        }
    }

    pub(crate) fn data(&self) -> &[u8] {
        match &self.kind {
            ClientKind::Http1(client) => client.stream.data(),
            ClientKind::Http2(client) => client.incoming.data(),
        }
    }

    pub(crate) fn consume(&mut self, length: usize) {
        match &mut self.kind {
            ClientKind::Http1(client) => client.stream.consume(length),
            ClientKind::Http2(client) => client.incoming.consume(length),
        }
    }

    pub(crate) fn trailers(&self) -> Option<Fields> {
        match &self.kind {
            ClientKind::Http1(client) => client.stream.trailers(),
            ClientKind::Http2(client) => client.incoming.trailers(),
        }
    }

    /// Waits until the client is gone. Reads ahead of an HTTP/1 request, whose body has arrived.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<ClientGone> {
        match &mut self.kind {
            ClientKind::Http1(client) => {
                if !client.stream.is_incoming_done() {
                    return Poll::Pending;
                }
                // With a full buffer the end of the client is noticed by the next write to it, or after the response.
                while client.stream.io.buffer.len() < MAX_READ_AHEAD && !client.stream.has_ended() {
                    match ready!(client.stream.poll_fill(cx)) {
                        Ok(1..) => {}
                        Ok(0) if client.serves_half_closed => break,
                        Ok(_) | Err(_) => return Poll::Ready(ClientGone),
                    }
                }
                Poll::Pending
            }
            ClientKind::Http2(client) => match &mut client.outgoing {
                Some(outgoing) => outgoing.poll_reset(cx).map(|()| ClientGone),
                None => client.respond.poll_reset(cx).map(|_| ClientGone),
            },
        }
    }

    /// Sends an interim response. A client of HTTP/1.0 gets none.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) fn send_interim(
        &mut self,
        head: &ResponseHead,
        version: HttpVersion,
        out: &mut OutBuffer,
    ) -> Result<(), ClientGone> {
        match &mut self.kind {
            ClientKind::Http1(_) if version == HttpVersion::Http10 => Ok(()),
            ClientKind::Http1(_) => {
                write_response_head(head, out.bytes());
                Ok(())
            }
            ClientKind::Http2(client) => {
                let sent = client.respond.send_informational(http2_response(head));
                sent.map_err(|_| ClientGone)
            }
        }
    }

    /// Begins the response. The fields that frame its body are in `head`.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) fn begin_response(
        &mut self,
        head: &ResponseHead,
        framing: Framing,
        share: Option<&Arc<RequestShare>>,
        out: &mut OutBuffer,
    ) -> Result<(), ClientGone> {
        match &mut self.kind {
            ClientKind::Http1(client) => {
                write_response_head(head, out.bytes());
                client.stream.begin_outgoing(framing);
            }
            ClientKind::Http2(client) => {
                let ends = framing == Framing::Empty;
                let sent = client.respond.send_response(http2_response(head), ends);
                let stream = sent.map_err(|_| ClientGone)?;
                let share = share.map(|share| (Arc::clone(share), Direction::Answer));
                client.outgoing = Some(OutgoingBody::new(stream, ends, share));
            }
        }
        self.status = head.status();
        Ok(())
    }

    /// Returns true if data of the response's body can be written as it is.
    pub(crate) fn takes_raw(&self) -> bool {
        match &self.kind {
            ClientKind::Http1(client) => client.stream.takes_raw(),
            ClientKind::Http2(_) => false,
        }
    }

    /// Writes data of the response's body without a copy. Returns the number of bytes that were written.
    pub(crate) fn poll_write_raw(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, ClientGone>> {
        match &mut self.kind {
            ClientKind::Http1(client) => {
                let written = ready!(client.stream.poll_write_raw(cx, data));
                let length = written.ok().filter(|length| *length > 0).ok_or(ClientGone)?;
                self.body_bytes += length as u64;
                Poll::Ready(Ok(length))
            }
            ClientKind::Http2(_) => Poll::Ready(Ok(0)),
        }
    }

    /// Appends data of the response's body.
    pub(crate) fn append(&mut self, data: &[u8], out: &mut OutBuffer) {
        self.body_bytes += data.len() as u64;
        match &self.kind {
            ClientKind::Http1(client) => client.stream.append(data, out),
            ClientKind::Http2(_) => out.bytes().extend_from_slice(data),
        }
    }

    /// Marks the end of the response's body.
    pub(crate) fn append_end(&mut self, trailers: Option<&Fields>, out: &mut OutBuffer) {
        match &mut self.kind {
            ClientKind::Http1(client) => client.stream.append_end(trailers, out),
            ClientKind::Http2(client) => {
                if let Some(outgoing) = &mut client.outgoing {
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
    ) -> Poll<Result<(), ClientGone>> {
        match &mut self.kind {
            ClientKind::Http1(client) => client
                .stream
                .poll_write(cx, out, progress)
                .map_err(|_| ClientGone),
            ClientKind::Http2(client) => match &mut client.outgoing {
                Some(outgoing) => outgoing.poll_write(cx, out, progress).map_err(|_| ClientGone),
                None => Poll::Ready(Ok(())),
            },
        }
    }
}

fn http2_response(head: &ResponseHead) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = header_map(&head.fields);
    response
}
