//! The response's way to the client.

use std::task::{Context, Poll, ready};

use ::wire::{Framing, ResponseHead};

use super::error::ExchangeError;
use super::state::{RAW, ResponseStage, Stop};
use super::{Exchange, ExchangeEnd};
use crate::engine::body::BodyReady;
use crate::engine::client::ClientGone;
use crate::engine::client_framing;
use crate::engine::respond::MAX_DRAINED;
use crate::phase::{response, trailers};
use crate::request_context::RequestContext;
use crate::shared::ProbeStage;
use crate::shares::{Direction, MAX_UNCOUNTED};
use crate::upstreams::{Failure, UpstreamError};

impl Exchange<'_> {
    /// Passes on as much of the response as has arrived and the client takes.
    pub(super) fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<ExchangeEnd, ExchangeError>> {
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
        context.keeps_client &= self.request.is_read || !context.has_expectation;
        // A long rest of the body is not drained if the upstream does not read it.
        context.keeps_client &= self
            .client
            .unread()
            .is_none_or(|unread| unread <= MAX_DRAINED as u64);
        let framing = match is_switch {
            true => {
                head.fields.remove("content-length");
                Framing::Empty
            }
            false => client_framing::set(head, framing, self.client.is_http2(), context),
        };
        let share = context.share.as_ref();
        self.client.begin_response(head, framing, share, out)?;
        context.begun_status = head.status();
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
}

/// Removes the fields that are not for the client, and sets the header that lists the flags.
fn filter_fields(head: &mut ResponseHead, context: &RequestContext) {
    let injected = &context.prepared.decider.injected_headers;
    response::filter_fields(head, injected, &context.found);
}
