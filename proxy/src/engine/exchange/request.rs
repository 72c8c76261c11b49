//! The request's way to the upstream.

use std::task::{Context, Poll};

use tokio::time::Instant;

use super::Exchange;
use super::error::{ClientFailure, ExchangeError};
use super::state::{RAW, Stop};
use crate::engine::body::BodyReady;
use crate::phase::trailers;
use crate::shares::{Direction, MAX_UNCOUNTED};

impl Exchange<'_> {
    /// Sends as much of the request as has arrived and the upstream takes.
    pub(super) fn poll_request(&mut self, cx: &mut Context<'_>) -> Result<(), ExchangeError> {
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
    pub(super) fn break_request(&mut self) {
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
}
