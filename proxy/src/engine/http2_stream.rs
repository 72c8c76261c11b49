//! One side of an HTTP/2 stream: the body that arrives on it, and the data that is written to it. Client and upstream
//! use it alike.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::wire::Fields;
use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::body::{BodyFault, BodyReady};
use super::out_buffer::OutBuffer;
use crate::shares::{Direction, RequestShare};

/// The body that arrives on a stream.
#[derive(Debug)]
pub(crate) struct IncomingBody {
    stream: RecvStream,
    chunk: Bytes,
    trailers: Option<Fields>,
    is_done: bool,
}

impl IncomingBody {
    pub(crate) fn new(stream: RecvStream) -> Self {
        let is_done = stream.is_end_stream();
        Self {
            stream,
            chunk: Bytes::new(),
            trailers: None,
            is_done,
        }
    }

    /// Returns true if the whole body has arrived and its data was consumed.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done && self.chunk.is_empty()
    }

    /// Waits for data of the body, or for its end.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyReady, BodyFault>> {
        loop {
            if !self.chunk.is_empty() {
                return Poll::Ready(Ok(BodyReady::Data));
            }
            if self.is_done {
                return Poll::Ready(Ok(BodyReady::End));
            }
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(_)) => return Poll::Ready(Err(BodyFault::Lost)),
                None => {
                    let trailers = ready!(self.stream.poll_trailers(cx)).map_err(|_| BodyFault::Lost)?;
                    self.trailers = trailers.map(|trailers| fields(&trailers));
                    self.is_done = true;
                }
            }
        }
    }

    pub(crate) fn data(&self) -> &[u8] {
        &self.chunk
    }

    /// Removes data from the front, and lets the other side send as much more.
    pub(crate) fn consume(&mut self, length: usize) {
        let length = length.min(self.chunk.len());
        self.chunk.advance(length);
        // An error means that the stream has ended, which the next read reports.
        let _ = self.stream.flow_control().release_capacity(length);
    }

    /// Returns the trailers; again for each attempt.
    pub(crate) fn trailers(&self) -> Option<Fields> {
        self.trailers.clone()
    }
}

/// The body that is written to a stream. Dropping it before its end resets the stream. h2 then drops data that it has
/// not written yet.
#[derive(Debug)]
pub(crate) struct OutgoingBody {
    stream: SendStream<Bytes>,
    end: BodyEnd,
    /// Counts the data until the HTTP/2 layer has written it.
    share: Option<(Arc<RequestShare>, Direction)>,
}

/// The end of the body that is written.
#[derive(Debug)]
enum BodyEnd {
    /// More data may follow.
    Open,
    /// All data was appended.
    Known(Option<HeaderMap>),
    /// The end was sent.
    Sent,
}

impl OutgoingBody {
    /// Creates the body of a message whose head was sent; `is_done` if the head ended the stream.
    pub(crate) fn new(
        stream: SendStream<Bytes>,
        is_done: bool,
        share: Option<(Arc<RequestShare>, Direction)>,
    ) -> Self {
        let end = if is_done { BodyEnd::Sent } else { BodyEnd::Open };
        Self { stream, end, share }
    }

    /// Marks the end: what waits is the last data.
    pub(crate) fn end(&mut self, trailers: Option<&Fields>) {
        if matches!(self.end, BodyEnd::Open) {
            self.end = BodyEnd::Known(trailers.map(header_map));
        }
    }

    /// Hands what waits to the HTTP/2 layer, as far as the other side lets it.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut OutBuffer,
        progress: &mut bool,
    ) -> Poll<Result<(), h2::Error>> {
        while !out.is_empty() {
            let waiting = out.waiting().len();
            self.stream.reserve_capacity(waiting);
            let capacity = match self.stream.capacity() {
                0 => match ready!(self.stream.poll_capacity(cx)) {
                    Some(capacity) => capacity?,
                    None => return Poll::Ready(Err(Reason::STREAM_CLOSED.into())),
                },
                capacity => capacity,
            };
            let length = capacity.min(waiting);
            if length == 0 {
                continue;
            }
            let part = Bytes::copy_from_slice(out.waiting().get(..length).unwrap_or_default());
            let ends = length == waiting && matches!(self.end, BodyEnd::Known(None));
            let part = match &self.share {
                Some((share, direction)) => share.track(*direction, part),
                None => part,
            };
            self.stream.send_data(part, ends)?;
            if ends {
                self.end = BodyEnd::Sent;
            }
            *progress = true;
            out.advance(length);
        }
        if let BodyEnd::Known(trailers) = &mut self.end {
            match trailers.take() {
                Some(trailers) => self.stream.send_trailers(trailers)?,
                None => self.stream.send_data(Bytes::new(), true)?,
            }
            self.end = BodyEnd::Sent;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for the other side to reset the stream.
    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(|_| ())
    }
}

/// Copies fields from the form of the HTTP/2 layer.
pub(crate) fn fields(map: &HeaderMap) -> Fields {
    map.iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

/// Copies fields into the form of the HTTP/2 layer, with names in lower case. A field that HTTP/2 can't carry is left out.
pub(crate) fn header_map(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields.iter() {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value),
        ) {
            map.append(name, value);
        }
    }
    map
}
