//! The open streams of events: their number is limited, all of them end when the process drains or operators change, and
//! each ends with the credentials of its reader.

use std::sync::Arc;

use rules::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The number of streams that may be open. The admin listener has more connections, and closes the connection that has
/// waited longest for a new one if they are all taken: streams never keep other clients out.
pub const MAX_EVENT_STREAMS: usize = 64;

/// The open streams of events.
#[derive(Clone)]
pub struct EventStreams {
    places: Arc<Semaphore>,
    /// The number of times that all streams were ended.
    ending: watch::Sender<u64>,
}

/// The place of one stream; dropping it frees the place.
pub struct StreamPlace {
    _permit: OwnedSemaphorePermit,
    ending: watch::Receiver<u64>,
    /// The time from which the credentials of its reader are rejected.
    expires: Option<Timestamp>,
}

impl EventStreams {
    /// Creates room for [`MAX_EVENT_STREAMS`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_EVENT_STREAMS)),
            ending: watch::Sender::new(0),
        }
    }

    /// Ends all streams. No stream is opened any more.
    pub fn end(&self) {
        self.places.close();
        self.end_open();
    }

    /// Ends the open streams; their clients sign in again. Called when operators change: a stream must not outlive the
    /// permission of its reader.
    pub fn end_open(&self) {
        self.ending.send_modify(|ended| *ended = ended.wrapping_add(1));
    }

    /// Takes a place for a stream whose reader's credentials are rejected from `expires`; none if all are taken, and
    /// during the drain.
    #[must_use]
    pub fn open(&self, expires: Option<Timestamp>) -> Option<StreamPlace> {
        Some(StreamPlace {
            _permit: Arc::clone(&self.places).try_acquire_owned().ok()?,
            ending: self.ending.subscribe(),
            expires,
        })
    }
}

impl Default for EventStreams {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamPlace {
    /// Completes when all streams end.
    pub async fn ended(&mut self) {
        // An error says that the sender is gone: the process ends.
        let _ = self.ending.changed().await;
    }

    /// Returns true if the credentials of its reader have expired.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_streams_end_when_operators_change() {
        let streams = EventStreams::new();
        let mut before = streams.open(None).unwrap();
        streams.end_open();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(before.ended());
        let after = streams.open(None).unwrap();
        assert!(!after.ending.has_changed().unwrap());
    }

    #[test]
    fn places_are_limited_and_freed() {
        let streams = EventStreams::new();
        let mut open: Vec<StreamPlace> = (0..MAX_EVENT_STREAMS)
            .filter_map(|_| streams.open(None))
            .collect();
        assert_eq!(
            (open.len(), streams.open(None).is_none()),
            (MAX_EVENT_STREAMS, true)
        );
        open.pop();
        assert!(streams.open(None).is_some());
        streams.end();
        open.clear();
        assert!(streams.open(None).is_none());
    }
}
