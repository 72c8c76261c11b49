//! The delivery to one receiver. Each has a task of its own, so that a dead one delays no other.

use std::sync::Arc;
use std::time::Duration;

use config::NotificationSink;
use reqwest::Client;
use rules::Timestamp;

use super::attempt;
use super::attempt::NotDelivered;
use super::outbox::Outbox;

/// A receiver with its client.
#[derive(Debug, Clone)]
pub struct Receiver {
    sink: NotificationSink,
    client: Client,
    limit: Duration,
    /// The URL of the admin listener, with which links begin.
    public_url: Option<Box<str>>,
}

impl Receiver {
    /// Creates a receiver whose answers may take `limit`.
    ///
    /// # Errors
    /// The certificates of the system can't be used.
    pub fn new(sink: NotificationSink, limit: Duration) -> Result<Self, String> {
        let client = attempt::client().map_err(|error| error.to_string())?;
        Ok(Self {
            sink,
            client,
            limit,
            public_url: None,
        })
    }

    /// Sets the URL of the admin listener, with which links begin; without it they are paths.
    #[must_use]
    pub fn with_public_url(mut self, url: Option<&str>) -> Self {
        self.public_url = url.map(Into::into);
        self
    }

    /// Sends what is due, one notice after the other. Returns after the first one that could not be sent because the
    /// receiver is not there; the others wait with it.
    pub async fn deliver(&self, outbox: &Outbox, now: impl Fn() -> Timestamp) {
        let name = &*self.sink.name;
        let target = (&self.sink.target, self.public_url.as_deref());
        while let Some(notice) = outbox.due(name, now()) {
            let sent = attempt::send(&self.client, target, &notice, now(), self.limit).await;
            let chance = chance();
            outbox.record(name, &notice.id, sent.as_ref().copied(), (now(), chance));
            if let Err(error) = &sent {
                let (flag, event) = (&notice.flag, notice.event.as_str());
                tracing::warn!(receiver = name, flag, event, %error, "a notification was not delivered");
            }
            if matches!(sent, Err(NotDelivered::Unreachable | NotDelivered::TimedOut(_))) {
                return;
            }
        }
    }

    /// Delivers again and again, as long as the process runs.
    pub async fn run(self, outbox: Arc<Outbox>, interval: Duration, now: fn() -> Timestamp) {
        loop {
            self.deliver(&outbox, now).await;
            tokio::time::sleep(interval).await;
        }
    }
}

/// Returns a random number from 0 to 1.
fn chance() -> f64 {
    let mut random = [0_u8; 4];
    // Without randomness the longest wait applies.
    if aws_lc_rs::rand::fill(&mut random).is_err() {
        return 1.0;
    }
    f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)
}
