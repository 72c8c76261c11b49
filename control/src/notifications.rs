//! Notifications about changes of flags and rollout plans, and their delivery.
//!
//! The audit log is the outbox of changes: an entry is committed together with its change, so no notice of an acknowledged
//! change can be lost. [`Outbox`] remembers how far it has read the log, and keeps what is not delivered yet. Notices that are
//! no changes are a part of the evidence of rollouts until the outbox has saved them.

mod attempt;
mod mailbox;
mod message;
mod notice;
mod outbox;
mod receiver;
mod unsaved_notices;

pub use self::attempt::NotDelivered;
pub use self::notice::Notice;
pub use self::outbox::{MAX_QUEUED, Outbox, SinkStatus};
pub use self::receiver::Receiver;
pub(crate) use self::unsaved_notices::UnsavedNotices;
