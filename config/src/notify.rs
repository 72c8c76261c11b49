//! The receivers of notifications, and the events that they are sent.

use std::fmt;

/// A receiver of notifications. `Debug` prints neither its URL nor its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct NotificationSink {
    /// The name, unique among all receivers.
    pub name: Box<str>,
    /// The form and the address.
    pub target: SinkTarget,
    /// The events; empty for all.
    pub events: Vec<NoticeEvent>,
}

/// The form and the address of a receiver.
#[derive(Clone, PartialEq, Eq)]
pub enum SinkTarget {
    /// An incoming webhook of Slack, or of another service that takes its messages. Its URL is a secret.
    Slack {
        /// The URL.
        url: Box<str>,
    },
    /// A webhook by the specification Standard Webhooks.
    Webhook {
        /// The URL.
        url: Box<str>,
        /// The key of the signatures.
        secret: Box<[u8]>,
    },
}

/// An event that people are notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeEvent {
    /// A rollout plan was started.
    Started,
    /// A rollout plan entered its next stage.
    StageEntered,
    /// A rollout plan waits for an approval, a person or a window.
    Waiting,
    /// A check fails.
    CheckFailing,
    /// A stage cannot end for long, or a metric cannot be read.
    Inconclusive,
    /// A rollout plan was paused.
    Paused,
    /// A rollout plan was resumed.
    Resumed,
    /// A rollout plan was rolled back.
    RolledBack,
    /// A rollout plan was cancelled.
    Cancelled,
    /// A rollout plan was completed.
    Completed,
    /// The circuit breaker of a flag opened or closed for a tenant.
    Breaker,
    /// A flag was killed.
    Killed,
    /// A flag is no longer killed.
    Restored,
    /// A flag was promoted.
    Promoted,
    /// A flag was reverted.
    Reverted,
    /// The time in which a flag is watched after a promotion is over.
    WatchEnded,
    /// A flag should be removed.
    Stale,
}

impl NoticeEvent {
    /// All events, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::Started,
        Self::StageEntered,
        Self::Waiting,
        Self::CheckFailing,
        Self::Inconclusive,
        Self::Paused,
        Self::Resumed,
        Self::RolledBack,
        Self::Cancelled,
        Self::Completed,
        Self::Breaker,
        Self::Killed,
        Self::Restored,
        Self::Promoted,
        Self::Reverted,
        Self::WatchEnded,
        Self::Stale,
    ];

    /// Returns the name in documents and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::StageEntered => "stage_entered",
            Self::Waiting => "waiting",
            Self::CheckFailing => "check_failing",
            Self::Inconclusive => "inconclusive",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::RolledBack => "rolled_back",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Breaker => "breaker",
            Self::Killed => "killed",
            Self::Restored => "restored",
            Self::Promoted => "promoted",
            Self::Reverted => "reverted",
            Self::WatchEnded => "watch_ended",
            Self::Stale => "stale",
        }
    }

    /// Returns true for an event that an overflow of the queue never drops: the flag was taken from people.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::RolledBack | Self::Killed)
    }
}

impl NotificationSink {
    /// Returns true if the receiver is sent this event.
    #[must_use]
    pub fn takes(&self, event: NoticeEvent) -> bool {
        self.events.is_empty() || self.events.contains(&event)
    }
}

impl fmt::Debug for NotificationSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationSink")
            .field("name", &self.name)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
