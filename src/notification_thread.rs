//! The thread that delivers notifications, with a runtime of its own: a receiver that hangs delays no change.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use config::NotificationSink;
use control::{Control, Outbox, Receiver, time_text};
use proxy::{NotificationCounts, Publisher};
use rules::Timestamp;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tracing::{error, warn};

use crate::clock;

/// Interval at which the log is read and what is due is sent.
const INTERVAL: Duration = Duration::from_millis(500);
/// The longest time of one request.
const LIMIT: Duration = Duration::from_secs(10);
/// Name of the file of the outbox, in the directory of the store.
const FILE: &str = "notifications.json";

/// The thread. Dropping it ends it; what was not delivered is sent after the next start.
pub(crate) struct NotificationThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NotificationThread {
    /// Starts the thread; none if there is no receiver. Links begin with `public_url`.
    pub(crate) fn start(
        control: Arc<Control>,
        (sinks, public_url): (&[NotificationSink], Option<&str>),
        directory: &Path,
        publisher: Publisher,
    ) -> Option<Self> {
        if sinks.is_empty() {
            return None;
        }
        let outbox = Outbox::open(sinks.to_vec(), Some(directory.join(FILE)));
        let started = Self::spawn(control, Arc::new(outbox), public_url, publisher);
        if let Err(error) = &started {
            error!("can't start the thread of notifications; none is sent: {error:#}");
        }
        started.ok()
    }

    fn spawn(
        control: Arc<Control>,
        outbox: Arc<Outbox>,
        public_url: Option<&str>,
        publisher: Publisher,
    ) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't start a runtime")?;
        let receivers = outbox
            .sinks()
            .iter()
            .map(|sink| Receiver::new(sink.clone(), LIMIT));
        // One that can't be used does not stop the others.
        let receivers = receivers.filter_map(|receiver| {
            receiver
                .inspect_err(|error| error!("can't notify a receiver: {error}"))
                .ok()
        });
        let receivers = receivers.map(|receiver| receiver.with_public_url(public_url));
        let receivers: Vec<Receiver> = receivers.collect();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                for receiver in receivers {
                    tokio::spawn(receiver.run(Arc::clone(&outbox), INTERVAL, clock::now));
                }
                tokio::select! {
                    () = collect(&control, &outbox, &publisher) => {}
                    _ = stopped => {}
                }
            });
            // Entries of the last moments, and what was confirmed.
            round(&control, &outbox);
        };
        let thread = thread::Builder::new().name("notify".into()).spawn(run)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

async fn collect(control: &Control, outbox: &Outbox, publisher: &Publisher) {
    loop {
        round(control, outbox);
        show(outbox, publisher);
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Reads the log, and saves the outbox.
fn round(control: &Control, outbox: &Outbox) {
    if let Err(error) = outbox.collect(control, clock::now()) {
        warn!("can't read the log for notifications; they wait: {error}");
    }
    if let Err(error) = outbox.save(control) {
        warn!("can't write the queue of notifications: {error}");
    }
}

/// Shows the state of each receiver as metrics, and receivers that do not take notices in the readiness.
fn show(outbox: &Outbox, publisher: &Publisher) {
    let mut failing = Vec::new();
    for status in outbox.status() {
        publisher.set_notifications(NotificationCounts {
            receiver: &status.name,
            queued: status.queued,
            delivered: status.delivered,
            given_up: status.given_up,
            dropped: status.dropped,
        });
        if let (Some(since), Some(reason)) = (status.failing_since, status.last_failure) {
            failing.push(failing_text(&status.name, &reason, since, status.queued));
        }
    }
    let words = format!("not delivered to {}", failing.join("; "));
    publisher.set_notification_problem((!failing.is_empty()).then_some(words));
}

/// Describes a receiver that does not take notices: `pager: status 503, since ..; 2 notifications wait`.
fn failing_text(name: &str, reason: &str, since: Timestamp, queued: usize) -> String {
    let waiting = match queued {
        1 => "1 notification waits".to_owned(),
        queued => format!("{queued} notifications wait"),
    };
    format!("{name}: {reason}, since {}; {waiting}", time_text(since))
}

impl Drop for NotificationThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_notification_waits_and_two_wait() {
        let shown = |queued| failing_text("pager", "status 503", Timestamp(0), queued);
        let since = "pager: status 503, since 1970-01-01T00:00:00.000Z";
        assert_eq!(shown(1), format!("{since}; 1 notification waits"));
        assert_eq!(shown(2), format!("{since}; 2 notifications wait"));
    }
}
