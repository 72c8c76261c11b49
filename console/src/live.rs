//! The stream of events by which open pages learn that there is something new: `revision` after each change of flags,
//! `tick` for measurements. A page then requests its live parts again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use control::api::StreamPlace;
use futures_util::stream::unfold;

use crate::console::Console;
use crate::visitor::Visitor;

/// The interval at which the revision is compared.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The number of polls between two events `tick`.
const POLLS_PER_TICK: u64 = 5;
/// The interval of comments that keep the connection open.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// An open page.
struct Subscription {
    console: Arc<Console>,
    visitor: Visitor,
    place: StreamPlace,
    /// The revision that was sent last.
    sent: Option<u64>,
    polls: u64,
}

/// Answers with the stream. A page without a stream shows what it was rendered with.
pub(crate) async fn events(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let Some(place) = console.streams.open(visitor.signed_in.expires) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")]).into_response();
    };
    let subscription = Subscription {
        console,
        visitor,
        place,
        sent: None,
        polls: 0,
    };
    let events = unfold(subscription, Subscription::next);
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

impl Subscription {
    /// Waits for the next event; none at the end of the stream.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if self.sent.is_some() {
                tokio::select! {
                    () = self.place.ended() => return None,
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                }
            }
            // The visitor may have signed out, or lost the role.
            if self.place.has_expired((self.console.clock)()) || !self.visitor.is_present(&self.console) {
                return None;
            }
            self.polls = self.polls.wrapping_add(1);
            let revision = (self.console.revision)();
            if self.sent != Some(revision) {
                self.sent = Some(revision);
                let event = Event::default().event("revision").data(revision.to_string());
                return Some((Ok(event), self));
            }
            if self.polls.is_multiple_of(POLLS_PER_TICK) {
                let event = Event::default().event("tick").data(revision.to_string());
                return Some((Ok(event), self));
            }
        }
    }
}
