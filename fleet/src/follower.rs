//! Follows the store in etcd: a thread reads everything once, and then applies each commit to the mirror in its order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use control::{Replica, Store as _, StoreError};
use etcd_client::{Event, EventType};
use parking_lot::{Condvar, Mutex};

use crate::commit::KnownHead;
use crate::etcd::{Etcd, Fault};
use crate::layout::{Layout, Pending, StoredEntry, read, read_record};
use crate::listing::{self, contents, known_head};
use crate::mirror::Mirror;
use crate::settle;
use crate::status::{FollowState, FollowStatus};

/// The pause after a failure, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// The longest wait for an event, after which a stop is noticed.
const WAKE: Duration = Duration::from_millis(500);

/// The state that the thread and the callers of the store share.
pub(crate) struct Following {
    pub(crate) etcd: Etcd,
    pub(crate) layout: Layout,
    pub(crate) mirror: Mirror,
    pub(crate) status: Mutex<FollowStatus>,
    /// The newest head that the mirror has; none until etcd was read.
    applied: Mutex<Option<KnownHead>>,
    advanced: Condvar,
    is_stopping: AtomicBool,
    compare_every: Duration,
}

/// The reason why the thread reads everything again.
enum Ended {
    /// The store is closed.
    Stopped,
    /// Events are missing, or a complete comparison is due.
    Relist,
}

impl Following {
    pub(crate) fn new(etcd: Etcd, layout: Layout, mirror: Mirror, compare_every: Duration) -> Self {
        Self {
            etcd,
            layout,
            mirror,
            status: Mutex::new(FollowStatus::starting()),
            applied: Mutex::new(None),
            advanced: Condvar::new(),
            is_stopping: AtomicBool::new(false),
            compare_every,
        }
    }

    /// Follows until [`Following::stop`].
    pub(crate) fn run(self: &Arc<Self>) {
        let mut pause = PAUSES.0;
        while !self.is_stopping.load(Ordering::Acquire) {
            let begun = Instant::now();
            match self.follow() {
                Ok(Ended::Stopped) => return,
                Ok(Ended::Relist) => pause = PAUSES.0,
                Err(fault) => {
                    self.set_state(match &fault {
                        Fault::Invalid(reason) => FollowState::Rejected(reason.clone()),
                        other => FollowState::Unreachable(other.to_string()),
                    });
                    if begun.elapsed() > PAUSES.1 {
                        pause = PAUSES.0;
                    }
                    self.pause(jittered(pause));
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Ends [`Following::run`] within half a second.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Returns the newest head that the mirror has; none until etcd was read.
    pub(crate) fn known(&self) -> Option<KnownHead> {
        self.applied.lock().clone()
    }

    /// Waits until the mirror has the head that a revision of etcd wrote. Returns false after the time.
    pub(crate) fn await_written(&self, written: i64, within: Duration) -> bool {
        let mut applied = self.applied.lock();
        let is_older =
            |applied: &mut Option<KnownHead>| applied.as_ref().is_none_or(|known| known.written < written);
        !self
            .advanced
            .wait_while_for(&mut applied, is_older, within)
            .timed_out()
    }

    /// Waits until etcd was read once. Returns false after the time.
    pub(crate) fn await_first(&self, within: Duration) -> bool {
        let mut applied = self.applied.lock();
        !self
            .advanced
            .wait_while_for(&mut applied, |applied| applied.is_none(), within)
            .timed_out()
    }

    /// Applies a commit to the mirror, if it follows the newest one there; does nothing if it is there already.
    ///
    /// # Errors
    /// The mirror can't be written, or a commit before this one is missing.
    pub(crate) fn apply(&self, known: KnownHead, replica: &Replica) -> Result<(), StoreError> {
        let mut applied = self.applied.lock();
        let Some(before) = &*applied else {
            return Err(StoreError::Io("etcd was not read yet".to_owned()));
        };
        if before.written >= known.written {
            return Ok(());
        }
        self.mirror.apply(&known, replica)?;
        *applied = Some(known);
        self.advanced.notify_all();
        Ok(())
    }

    /// Reads everything, then applies events until one is missing or a comparison is due.
    fn follow(self: &Arc<Self>) -> Result<Ended, Fault> {
        let (entry, _) = self.mirror.store.audit_head()?;
        let listing = listing::list(&self.etcd, &self.layout, entry)?;
        if let Err(reason) = self.mirror.check_continues(&listing.head) {
            return Err(Fault::Invalid(reason));
        }
        {
            let mut applied = self.applied.lock();
            // A commit of this node may be newer than the listing.
            if applied
                .as_ref()
                .is_none_or(|known| known.written <= listing.head.written)
            {
                let is_comparison = applied.is_some();
                let unseen = self.mirror.adopt(&listing)?;
                if is_comparison && unseen > 0 {
                    tracing::warn!(
                        records = unseen,
                        "the mirror differed from etcd; it has its records now"
                    );
                    self.status.lock().differences += 1;
                }
                *applied = Some(listing.head.clone());
                // Before the others wake: they read it.
                self.set_state(FollowState::Following);
                self.advanced.notify_all();
            }
        }
        self.status.lock().listings += 1;
        self.set_state(FollowState::Following);
        for (pending, visible) in &listing.pending {
            settle::settle(&self.etcd, &self.layout, pending, *visible)?;
        }
        let next_comparison = Instant::now() + jittered(self.compare_every);
        let mut watch = self.etcd.watch(&self.layout.all(), listing.at + 1)?;
        loop {
            if self.is_stopping.load(Ordering::Acquire) {
                return Ok(Ended::Stopped);
            }
            if Instant::now() >= next_comparison {
                return Ok(Ended::Relist);
            }
            let Some(answer) = watch.next(WAKE)? else { continue };
            // Both are set if access is denied.
            if answer.canceled() {
                return match answer.compact_revision() {
                    0 => Err(Fault::Denied(answer.cancel_reason().to_owned())),
                    _ => Ok(Ended::Relist),
                };
            }
            // The events of one revision of etcd are one transaction; all of them are in one answer.
            let mut transactions: BTreeMap<i64, Vec<&Event>> = BTreeMap::new();
            for event in answer.events() {
                let revision = event.kv().map_or(0, |value| value.mod_revision());
                transactions.entry(revision).or_default().push(event);
            }
            for (revision, events) in transactions {
                self.apply_events(revision, &events)?;
            }
        }
    }

    /// Applies the events of one transaction, if it is a commit.
    fn apply_events(&self, revision: i64, events: &[&Event]) -> Result<(), Fault> {
        let head = self.layout.head();
        let head = events
            .iter()
            .find(|event| event.kv().is_some_and(|value| value.key() == head.as_bytes()));
        // Chunks, and records that are moved from them, are no commit.
        let Some(head) = head else { return Ok(()) };
        if head.event_type() == EventType::Delete {
            return Err(Fault::Invalid("the head was removed from etcd".to_owned()));
        }
        let known = known_head(head.kv())?;
        if self
            .known()
            .is_some_and(|applied| applied.written >= known.written)
        {
            return Ok(());
        }
        if let Err(reason) = self.mirror.check_continues(&known) {
            return Err(Fault::Invalid(reason));
        }
        let mut replica = Replica::default();
        let (records, audit, pending) = (
            self.layout.records(),
            self.layout.audit(),
            self.layout.all_pending(),
        );
        for event in events {
            let (EventType::Put, Some(value)) = (event.event_type(), event.kv()) else {
                continue;
            };
            if let Some(name) = Layout::below(&records, value.key()) {
                replica.records.push(read_record(name, value.value())?);
            } else if Layout::below(&audit, value.key()).is_some() {
                let entry: StoredEntry = read("audit", value.value())?;
                replica.entries.push(entry.sealed()?);
            } else if Layout::below(&pending, value.key()).is_some() {
                let commit: Pending = read("pending", value.value())?;
                let mut staged = contents(&self.etcd, &self.layout, &commit, revision)?;
                replica.records.append(&mut staged.records);
                replica.entries.append(&mut staged.entries);
            }
        }
        replica.entries.sort_by_key(|entry| entry.id);
        Ok(self.apply(known, &replica)?)
    }

    fn set_state(&self, state: FollowState) {
        let mut status = self.status.lock();
        if status.state != state {
            match &state {
                FollowState::Following => tracing::info!("following the store in etcd"),
                FollowState::Unreachable(reason) => {
                    tracing::warn!(reason, "etcd can't be reached; the last state is served on");
                }
                FollowState::Rejected(reason) => {
                    tracing::error!(
                        reason,
                        "what etcd holds is not applied; the last state is served on"
                    );
                }
            }
        }
        status.set(state);
    }

    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.is_stopping.load(Ordering::Acquire) {
            std::thread::sleep(time.min(PAUSES.0));
        }
    }
}

/// Returns a time between 80 % and 120 % of this one, so that nodes do not act at the same moment.
fn jittered(time: Duration) -> Duration {
    let mut byte = [0];
    let percent = match aws_lc_rs::rand::fill(&mut byte) {
        Ok(()) => 80 + u32::from(byte[0]) % 41,
        Err(_) => 100,
    };
    time * percent / 100
}
