//! One exchange with an upstream: request and response at the same time, with back-pressure in both directions. A
//! response may begin, and end, before the request has.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use ::wire::{Framing, ResponseHead};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::body::BodyReady;
use super::client::{ClientGone, ClientSide};
use super::client_framing;
use super::exchange_error::{ClientFailure, ExchangeError};
use super::exchange_state::{RAW, RequestState, ResponseStage, ResponseState, Stop, WriteState};
use super::exchange_times::{ExchangeTimes, Progress, WaitsFor};
use super::out_buffer::OutBuffer;
use super::replay::Replay;
use super::upstream::UpstreamSide;
use crate::phase::{response, trailers};
use crate::request_context::RequestContext;
use crate::shared::{ProbeStage, Shared};
use crate::shares::{Direction, MAX_UNCOUNTED};
use crate::upstreams::{Failure, LiveUpstream, UpstreamError};

/// The memory of an exchange, which the next one of the connection reuses.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) to_client: OutBuffer,
    pub(crate) to_upstream: OutBuffer,
    pub(crate) response: ResponseHead,
    pub(crate) alarm: Alarm,
}

impl Buffers {
    /// Frees memory that a large message took.
    pub(crate) fn shrink(&mut self) {
        self.to_client.shrink();
        self.to_upstream.shrink();
        self.response.fields.shrink();
    }
}

/// An exchange with an upstream whose request head is on its way.
pub(crate) struct Exchange<'e> {
    shared: &'e Shared,
    live: &'e LiveUpstream,
    context: &'e mut RequestContext,
    client: &'e mut ClientSide,
    upstream: &'e mut UpstreamSide,
    buffers: &'e mut Buffers,
    replay: &'e mut Replay,
    times: ExchangeTimes,
    /// The time of the current poll, once it is needed.
    now: Option<Instant>,
    request: RequestState,
    response: ResponseState,
}

/// The end of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeEnd {
    /// The response is complete; `is_request_sent` if the request is, too.
    Complete {
        is_request_sent: bool,
        /// The time of the last read.
        at: Instant,
    },
    /// The protocol is switched.
    Switched,
}

impl<'e> Exchange<'e> {
    /// Creates the exchange. The request's head is in the buffer to the upstream already.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a request that an exchange works on"
    )]
    pub(crate) fn new(
        shared: &'e Shared,
        live: &'e LiveUpstream,
        context: &'e mut RequestContext,
        client: &'e mut ClientSide,
        upstream: &'e mut UpstreamSide,
        buffers: &'e mut Buffers,
        replay: &'e mut Replay,
        times: ExchangeTimes,
    ) -> Self {
        let now = times.begun;
        Self {
            shared,
            live,
            context,
            client,
            upstream,
            buffers,
            replay,
            times,
            now: None,
            request: RequestState {
                is_read: false,
                is_broken: false,
                write: WriteState::new(true, now),
            },
            response: ResponseState {
                stage: ResponseStage::Head,
                write: WriteState::new(false, now),
                is_bulk: false,
                read: now,
                failure: None,
            },
        }
    }

    /// Runs the exchange to its end.
    ///
    /// # Errors
    /// The client or the upstream failed.
    pub(crate) async fn run(mut self) -> Result<ExchangeEnd, ExchangeError> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<ExchangeEnd, ExchangeError>> {
        self.now = None;
        self.poll_request(cx)?;
        if let Poll::Ready(end) = self.poll_response(cx)? {
            return Poll::Ready(Ok(end));
        }
        if self.client.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(ClientGone.into()));
        }
        self.poll_deadlines(cx).map(Err)
    }

    /// Returns the time of this poll. The clock is read once.
    fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(Instant::now)
    }

    /// Sends as much of the request as has arrived and the upstream takes.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Result<(), ExchangeError> {
        loop {
            if self.request.is_broken {
                return Ok(());
            }
            let stop = self.read_request(cx)?;
            if self.request.write.is_needed {
                let mut progress = false;
                let out = &mut self.buffers.to_upstream;
                let written = self.upstream.poll_write(cx, out, &mut progress);
                if progress {
                    let now = self.now();
                    self.request.write.record_progress(now);
                }
                match written {
                    Poll::Ready(Ok(())) => self.request.write.finish(stop),
                    Poll::Ready(Err(_)) => self.break_request(),
                    Poll::Pending => {
                        let now = self.now();
                        self.request.write.record_stall(now);
                        return Ok(());
                    }
                }
            }
            if stop != Stop::Full {
                return Ok(());
            }
        }
    }

    /// Sends no more of the request. The response may tell why the upstream takes none, so it is read first.
    fn break_request(&mut self) {
        self.request.is_broken = true;
        self.buffers.to_upstream.clear();
    }

    /// Appends what has arrived of the request's body. A large part is written as it is.
    fn read_request(&mut self, cx: &mut Context<'_>) -> Result<Stop, ExchangeError> {
        let out = &mut self.buffers.to_upstream;
        while !self.request.is_read {
            if out.is_full() {
                return Ok(Stop::Full);
            }
            if let Some(again) = self.replay.next() {
                self.context.body_bytes += again.len() as u64;
                self.upstream.append(again, out);
                self.request.write.is_needed |= !again.is_empty();
                continue;
            }
            match self.client.poll_body(cx) {
                Poll::Ready(Ok(BodyReady::Data)) => {
                    let data = self.client.data();
                    let context = &mut *self.context;
                    // Checked on the way as well as by Content-Length, because a chunked body states no length.
                    let received = context.body_bytes.saturating_add(data.len() as u64);
                    if context.found.body_limit.is_some_and(|limit| received > limit) {
                        return Err(ExchangeError::Client(ClientFailure::LargeBody));
                    }
                    let share = context.share.as_ref();
                    let is_bulk = data.len().max(out.waiting().len()) > MAX_UNCOUNTED;
                    if let Some(share) = share.filter(|_| is_bulk) {
                        share.set_bulk(Direction::Body);
                    }
                    let length = if data.len() >= RAW && self.upstream.takes_raw() {
                        if !out.is_empty() {
                            return Ok(Stop::Full);
                        }
                        match self.upstream.poll_write_raw(cx, data) {
                            Poll::Ready(Ok(length)) => length,
                            Poll::Ready(Err(_)) => {
                                self.break_request();
                                return Ok(Stop::Waits);
                            }
                            Poll::Pending => {
                                let now = *self.now.get_or_insert_with(Instant::now);
                                self.request.write.record_stall(now);
                                return Ok(Stop::Blocked);
                            }
                        }
                    } else {
                        let data = data.get(..out.room()).unwrap_or(data);
                        self.upstream.append(data, out);
                        data.len()
                    };
                    self.replay
                        .keep(self.client.data().get(..length).unwrap_or_default());
                    self.client.consume(length);
                    context.body_bytes = context.body_bytes.saturating_add(length as u64);
                    let now = *self.now.get_or_insert_with(Instant::now);
                    self.request.write.record_progress(now);
                    self.request.write.is_needed = true;
                }
                Poll::Ready(Ok(BodyReady::End)) => {
                    let decider = &self.context.prepared.decider;
                    let trailers = self.client.trailers();
                    let trailers = trailers.and_then(|sent| trailers::of_request(sent, &decider.reserved));
                    self.upstream.append_end(trailers.as_ref(), out);
                    self.request.is_read = true;
                    self.request.write.is_needed = true;
                }
                Poll::Ready(Err(fault)) => return Err(ExchangeError::Client(fault.into())),
                Poll::Pending => return Ok(Stop::Waits),
            }
        }
        Ok(Stop::Waits)
    }

    /// Passes on as much of the response as has arrived and the client takes.
    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<ExchangeEnd, ExchangeError>> {
        loop {
            let stop = self.read_response(cx)?;
            if self.response.write.is_needed {
                let mut progress = false;
                let out = &mut self.buffers.to_client;
                let written = self.client.poll_write(cx, out, &mut progress);
                if progress {
                    let now = self.now();
                    self.response.write.record_progress(now);
                    self.record_progress();
                }
                if written.is_pending() {
                    let now = self.now();
                    self.response.write.record_stall(now);
                    return Poll::Pending;
                }
                ready!(written)?;
                self.response.write.finish(stop);
            }
            if let Some(failure) = self.response.failure.take() {
                return Poll::Ready(Err(ExchangeError::Upstream(failure)));
            }
            match self.response.stage {
                ResponseStage::Read => {
                    let is_request_sent =
                        self.request.is_read && !self.request.write.is_needed && !self.request.is_broken;
                    let at = self.response.read;
                    return Poll::Ready(Ok(ExchangeEnd::Complete { is_request_sent, at }));
                }
                // The upstream would take the first bytes of the tunnel for the rest of the request.
                ResponseStage::Switched if self.request.is_broken => {
                    let error =
                        UpstreamError::new(Failure::Broken, "the connection ended within the request");
                    return Poll::Ready(Err(ExchangeError::Upstream(error)));
                }
                ResponseStage::Switched if self.request.write.is_needed => return Poll::Pending,
                ResponseStage::Switched => return Poll::Ready(Ok(ExchangeEnd::Switched)),
                ResponseStage::Head | ResponseStage::Body => {}
            }
            if stop != Stop::Full {
                return Poll::Pending;
            }
        }
    }

    /// Appends what has arrived of the response. A large part is written as it is.
    fn read_response(&mut self, cx: &mut Context<'_>) -> Result<Stop, ExchangeError> {
        while self.response.failure.is_none() {
            if self.buffers.to_client.is_full() {
                return Ok(Stop::Full);
            }
            match self.response.stage {
                ResponseStage::Head => {
                    let method = self.context.head.method();
                    let head = &mut self.buffers.response;
                    match self.upstream.poll_head(cx, method, head) {
                        Poll::Ready(Ok(framing)) => {
                            self.response.read = self.now();
                            self.begin_response(framing)?;
                        }
                        Poll::Ready(Err(error)) => return Err(ExchangeError::Upstream(error)),
                        Poll::Pending => return Ok(Stop::Waits),
                    }
                }
                ResponseStage::Body => match self.upstream.poll_body(cx) {
                    Poll::Ready(Ok(BodyReady::Data)) => {
                        let is_raw = self.upstream.data().len() >= RAW && self.client.takes_raw();
                        if is_raw && !self.buffers.to_client.is_empty() {
                            return Ok(Stop::Full);
                        }
                        if self.pass_on_response(cx, is_raw)?.is_pending() {
                            let now = self.now();
                            self.response.write.record_stall(now);
                            return Ok(Stop::Blocked);
                        }
                    }
                    Poll::Ready(Ok(BodyReady::End)) => {
                        let sent = self.upstream.trailers();
                        let injected = &self.context.prepared.decider.injected_headers;
                        let trailers = sent.and_then(|sent| trailers::of_response(sent, injected));
                        let out = &mut self.buffers.to_client;
                        self.client.append_end(trailers.as_ref(), out);
                        self.response.write.is_needed = true;
                        self.end_response();
                    }
                    Poll::Ready(Err(error)) => self.response.failure = Some(error),
                    Poll::Pending => return Ok(Stop::Waits),
                },
                ResponseStage::Read | ResponseStage::Switched => return Ok(Stop::Waits),
            }
        }
        Ok(Stop::Waits)
    }

    /// Passes the head of a response on.
    fn begin_response(&mut self, framing: Framing) -> Result<(), ExchangeError> {
        self.shared.probe(ProbeStage::Responding, &self.context.head);
        let invalid = |why| ExchangeError::Upstream(UpstreamError::new(Failure::Invalid, why));
        let (context, head) = (&mut *self.context, &mut self.buffers.response);
        let out = &mut self.buffers.to_client;
        self.response.write.is_needed = true;
        if head.is_interim() {
            // Each is passed on, and no timeout of a read limits their number.
            if !context.attempts.count_interim() {
                return Err(invalid("too many interim responses"));
            }
            filter_fields(head, context);
            // It has no body, and may not state a length (RFC 9110 section 8.6).
            head.fields.remove("content-length");
            return Ok(self.client.send_interim(head, context.head.version(), out)?);
        }
        let is_switch = head.status() == 101;
        let upgrade = head.fields.value("upgrade").unwrap_or_default();
        // Without a common protocol both sides would still take the following bytes for one.
        if is_switch && !(context.asks_for_tunnel && upgrade.eq_ignore_ascii_case(b"websocket")) {
            return Err(invalid("a switch of protocols that the client did not request"));
        }
        context.upstream_answered = true;
        // A drain may have begun since the request did.
        context.keeps_client &= !self.shared.is_draining();
        let read = self.response.read.into_std();
        context.upstream_time = context
            .attempts
            .started()
            .map(|started| read.saturating_duration_since(started));
        context.attempts.record_head(self.live);
        filter_fields(head, context);
        // The client may send the body or not, so the bytes after its head are ambiguous.
        context.keeps_client &= self.request.is_read || !context.head.fields.contains("expect");
        let framing = match is_switch {
            true => {
                head.fields.remove("content-length");
                Framing::Empty
            }
            false => client_framing::set(head, framing, self.client.is_http2(), context),
        };
        let share = context.share.as_ref();
        self.client.begin_response(head, framing, share, out)?;
        self.response.stage = match (is_switch, framing) {
            (true, _) => ResponseStage::Switched,
            (false, Framing::Empty) => {
                self.end_response();
                ResponseStage::Read
            }
            (false, _) => ResponseStage::Body,
        };
        Ok(())
    }

    /// Appends data that has arrived, or writes it as it is.
    fn pass_on_response(&mut self, cx: &mut Context<'_>, is_raw: bool) -> Poll<Result<(), ExchangeError>> {
        let out = &mut self.buffers.to_client;
        let data = self.upstream.data();
        let is_bulk = data.len().max(out.waiting().len()) > MAX_UNCOUNTED;
        let length = if is_raw {
            ready!(self.client.poll_write_raw(cx, data))?
        } else {
            let data = data.get(..out.room()).unwrap_or(data);
            self.client.append(data, out);
            data.len()
        };
        self.upstream.consume(length);
        self.response.read = self.now();
        self.response.write.is_needed = true;
        if is_raw {
            self.response.write.record_progress(self.response.read);
        }
        if let Some(share) = &self.context.share {
            if is_bulk {
                self.response.is_bulk = true;
                share.set_bulk(Direction::Answer);
            }
            if share.is_over_memory_limit() {
                return Poll::Ready(Err(ClientGone.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Records that all of the response has arrived: the request leaves its upstream.
    fn end_response(&mut self) {
        self.response.stage = ResponseStage::Read;
        self.context.attempts.record_end();
    }

    /// Records that the client takes a large response: of several, the one that was taken least recently is shed first.
    fn record_progress(&self) {
        if let Some(share) = self.context.share.as_ref().filter(|_| self.response.is_bulk) {
            share.record_progress();
        }
    }

    /// Waits for the first deadline that passes.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<ExchangeError> {
        let (deadline, late) = self.next_deadline();
        self.buffers.alarm.poll(cx, deadline).map(|()| late)
    }

    /// Returns the first deadline, and the failure that follows from it.
    fn next_deadline(&self) -> (Instant, ExchangeError) {
        let waits_for = match (&self.request, &self.response) {
            (_, response) if response.write.is_stalled() && response.stage != ResponseStage::Head => {
                WaitsFor::ClientToRead
            }
            (request, _) if request.is_broken => WaitsFor::Response,
            (request, _) if request.write.is_stalled() => WaitsFor::UpstreamToRead,
            (request, _) if !request.is_read => WaitsFor::RequestBody,
            _ => WaitsFor::Response,
        };
        let progress = Progress {
            request_written: self.request.write.at(),
            response_read: self.response.read,
            response_written: self.response.write.at(),
        };
        self.times.next_deadline(waits_for, progress)
    }
}

/// Removes the fields that are not for the client, and sets the header that lists the flags.
fn filter_fields(head: &mut ResponseHead, context: &RequestContext) {
    let injected = &context.prepared.decider.injected_headers;
    response::filter_fields(head, injected, &context.found.headers);
}
