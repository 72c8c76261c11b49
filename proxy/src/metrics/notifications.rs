//! The metrics of notifications.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::registration;

/// The metrics of notifications, by receiver.
#[derive(Debug)]
pub(crate) struct NotificationMetrics {
    queued: IntGaugeVec,
    delivered: IntCounterVec,
    given_up: IntCounterVec,
    dropped: IntCounterVec,
}

/// The numbers of notices of one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationCounts<'n> {
    /// The name of the receiver.
    pub receiver: &'n str,
    /// The notices that wait now.
    pub queued: usize,
    /// The notices that were confirmed so far.
    pub delivered: u64,
    /// The notices that were given up so far.
    pub given_up: u64,
    /// The notices that an overflow dropped so far.
    pub dropped: u64,
}

impl NotificationMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name, help| registration::counters(registry, name, help, "receiver");
        Self {
            queued: registration::gauges(
                registry,
                "sluice_notifications_queued",
                "Notifications that a receiver has not confirmed yet.",
                "receiver",
            ),
            delivered: counters(
                "sluice_notifications_delivered_total",
                "Notifications that a receiver has confirmed.",
            ),
            given_up: counters(
                "sluice_notifications_given_up_total",
                "Notifications that were given up: after 24 hours, or because the receiver is gone.",
            ),
            dropped: counters(
                "sluice_notifications_dropped_total",
                "Notifications that were dropped because the queue of a receiver was full.",
            ),
        }
    }

    /// Sets the numbers of a receiver.
    pub(crate) fn set(&self, counts: NotificationCounts<'_>) {
        let label = &[counts.receiver];
        let queued = i64::try_from(counts.queued).unwrap_or(i64::MAX);
        self.queued.with_label_values(label).set(queued);
        let totals = [
            (&self.delivered, counts.delivered),
            (&self.given_up, counts.given_up),
            (&self.dropped, counts.dropped),
        ];
        for (counter, total) in totals {
            let counter = counter.with_label_values(label);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }
}
