//! One exchange with an upstream: request and response at the same time, with back-pressure in both directions. A
//! response may begin, and end, before the request has.

mod error;
mod request;
mod response;
mod state;
mod times;

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

pub(crate) use self::error::{ClientFailure, ExchangeError};
use self::state::{RequestState, ResponseStage, ResponseState, WriteState};
pub(crate) use self::times::ExchangeTimes;
use self::times::{Progress, WaitsFor};
use super::buffers::Buffers;
use super::client::{ClientGone, ClientSide};
use super::replay::Replay;
use super::upstream::UpstreamSide;
use crate::request_context::RequestContext;
use crate::shared::Shared;
use crate::upstreams::{Failure, LiveUpstream};

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
        let mut ended = poll_fn(|cx| self.poll(cx)).await;
        if let Err(ExchangeError::Upstream(error)) = &mut ended {
            // A client could have an endpoint ejected with bodies that it never completes.
            let awaits_body =
                self.waits_for() == WaitsFor::RequestBody || self.request.is_broken && !self.request.is_read;
            error.blames_endpoint = error.failure != Failure::Broken || !awaits_body;
        }
        ended
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

    /// Waits for the first deadline that passes.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<ExchangeError> {
        let (deadline, late) = self.next_deadline();
        ready!(self.buffers.alarm.poll(cx, deadline));
        if self.waits_for() != WaitsFor::UpstreamToRead || self.response.stage == ResponseStage::Head {
            return Poll::Ready(late);
        }
        // An upstream that has responded need not read the rest of the request.
        self.break_request();
        let (deadline, late) = self.next_deadline();
        self.buffers.alarm.poll(cx, deadline).map(|()| late)
    }

    /// Returns the first deadline, and the failure that follows from it.
    fn next_deadline(&self) -> (Instant, ExchangeError) {
        let progress = Progress {
            request_written: self.request.write.at(),
            response_read: self.response.read,
            response_written: self.response.write.at(),
        };
        self.times.next_deadline(self.waits_for(), progress)
    }

    /// Returns the event without which the exchange can't go on.
    fn waits_for(&self) -> WaitsFor {
        match (&self.request, &self.response) {
            (_, response) if response.write.is_stalled() && response.stage != ResponseStage::Head => {
                WaitsFor::ClientToRead
            }
            (request, _) if request.is_broken => WaitsFor::Response,
            (request, _) if request.write.is_stalled() => WaitsFor::UpstreamToRead,
            (request, _) if !request.is_read => WaitsFor::RequestBody,
            _ => WaitsFor::Response,
        }
    }
}
