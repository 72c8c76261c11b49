//! The outbox: how far the audit log was read, and what each receiver has not confirmed yet. It is a file beside the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::{NoticeEvent, NotificationSink};
use parking_lot::Mutex;
use rules::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt::NotDelivered;
pub use super::mailbox::MAX_QUEUED;
use super::mailbox::Mailbox;
use super::notice::Notice;
use crate::engine::Control;
use crate::private_file;
use crate::store::{MAX_AUDIT_PAGE, StoreError};

/// The time between two searches for stale flags, in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// The outbox of a process.
#[derive(Debug)]
pub struct Outbox {
    sinks: Vec<NotificationSink>,
    file: Option<PathBuf>,
    state: Mutex<OutboxState>,
}

/// The part of the outbox that survives a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
struct OutboxState {
    /// The id of the last entry of the audit log that was read; none before the first start.
    read: Option<u64>,
    mailboxes: BTreeMap<String, Mailbox>,
    /// The flags that people were told are stale, as long as they are.
    #[serde(default)]
    stale: BTreeSet<String>,
    /// The time from which stale flags are looked for again, in milliseconds.
    #[serde(skip)]
    stale_from_ms: i64,
    #[serde(skip)]
    is_changed: bool,
}

/// The state of one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// The notices that wait.
    pub queued: usize,
    /// The notices that it confirmed.
    pub delivered: u64,
    /// The notices that were given up after 24 hours.
    pub given_up: u64,
    /// The notices that an overflow dropped.
    pub dropped: u64,
    /// The time of the first of the attempts that have failed in a row.
    pub failing_since: Option<Timestamp>,
    /// The reason of the last failure.
    pub last_failure: Option<String>,
}

impl Outbox {
    /// Creates the outbox of these receivers, with what the file has. Notices of receivers that are no longer configured are
    /// dropped.
    #[must_use]
    pub fn open(sinks: Vec<NotificationSink>, file: Option<PathBuf>) -> Self {
        let mut state = file.as_deref().map(read).unwrap_or_default();
        let is_known = |name: &str| sinks.iter().any(|sink| *sink.name == *name);
        for (name, mailbox) in &state.mailboxes {
            if !is_known(name) && mailbox.len() > 0 {
                tracing::warn!(
                    receiver = name,
                    notices = mailbox.len(),
                    "notifications of a removed receiver are dropped"
                );
            }
        }
        state.mailboxes.retain(|name, _| is_known(name));
        Self {
            sinks,
            file,
            state: Mutex::new(state),
        }
    }

    /// Returns the receivers.
    #[must_use]
    pub fn sinks(&self) -> &[NotificationSink] {
        &self.sinks
    }

    /// Adds the notices of changes, by the new entries of the audit log, and those that the controller has. A process that has never read it begins at its end.
    ///
    /// # Errors
    /// The store can't be read; the next call goes on.
    pub fn collect(&self, control: &Control, now: Timestamp) -> Result<(), StoreError> {
        let new = control.notices().collect();
        for notice in new {
            self.add(notice, now);
        }
        self.collect_stale(control, now);
        let (head, _) = control.store().audit_head()?;
        let mut state = self.state.lock();
        // A restored backup can have a shorter log.
        let mut read = state.read.filter(|read| *read <= head).unwrap_or(head);
        while read < head {
            let page = control.store().audit_after(read, MAX_AUDIT_PAGE)?;
            let Some(last) = page.entries.last() else {
                break;
            };
            for sealed in &page.entries {
                for notice in Notice::of_entry(sealed) {
                    self.distribute(&mut state, notice, now);
                }
            }
            read = last.id;
        }
        state.is_changed |= state.read != Some(read);
        state.read = Some(read);
        Ok(())
    }

    /// Adds a notice for each flag that has become stale; looked for once an hour.
    fn collect_stale(&self, control: &Control, now: Timestamp) {
        if self.state.lock().stale_from_ms > now.0 {
            return;
        }
        let found = control.stale_flags(now);
        let mut state = self.state.lock();
        state.stale_from_ms = now.0.saturating_add(HOUR_MS);
        let known = std::mem::take(&mut state.stale);
        state.stale = found.iter().map(|flag| flag.flag.clone()).collect();
        state.is_changed |= state.stale != known;
        for flag in found.into_iter().filter(|flag| !known.contains(&flag.flag)) {
            let reasons: Vec<&str> = flag.reasons.iter().map(|reason| reason.detail.as_str()).collect();
            let notice = Notice {
                id: format!("stale-{}-{}", flag.flag, now.0),
                event: NoticeEvent::Stale,
                detail: format!("it should be removed: {}", reasons.join("; ")),
                flag: flag.flag,
                at: now,
                actor: "sluice".to_owned(),
                reason: None,
                incident: None,
                urgent: None,
                ticket: None,
                request_id: None,
            };
            self.distribute(&mut state, notice, now);
        }
    }

    /// Adds a notice that is no change.
    pub fn add(&self, notice: Notice, now: Timestamp) {
        self.distribute(&mut self.state.lock(), notice, now);
    }

    fn distribute(&self, state: &mut OutboxState, notice: Notice, now: Timestamp) {
        for sink in self.sinks.iter().filter(|sink| sink.takes(notice.event)) {
            state
                .mailboxes
                .entry(sink.name.to_string())
                .or_default()
                .add(&notice, now);
            state.is_changed = true;
        }
    }

    /// Returns the next notice for a receiver. Those that are too old are given up.
    pub fn due(&self, sink: &str, now: Timestamp) -> Option<Notice> {
        let mut state = self.state.lock();
        let expired = state.mailboxes.get_mut(sink)?.expire(now);
        if expired > 0 {
            state.is_changed = true;
            tracing::error!(
                receiver = sink,
                notices = expired,
                "notifications were given up after 24 h"
            );
        }
        state.mailboxes.get(sink)?.due(now)
    }

    /// Records the result of an attempt. `chance` (0 to 1) is random.
    pub fn record(
        &self,
        sink: &str,
        id: &str,
        result: Result<(), &NotDelivered>,
        (now, chance): (Timestamp, f64),
    ) {
        let mut state = self.state.lock();
        let Some(mailbox) = state.mailboxes.get_mut(sink) else {
            return;
        };
        match result {
            Ok(()) => mailbox.confirm(id),
            Err(failure) => {
                mailbox.failed(now, &failure.to_string());
                match failure {
                    failure if failure.is_final() => mailbox.give_up(id),
                    NotDelivered::Status { retry_after_ms, .. } => {
                        mailbox.delay(id, now, *retry_after_ms, chance)
                    }
                    NotDelivered::Unreachable | NotDelivered::TimedOut(_) => {
                        mailbox.delay(id, now, None, chance)
                    }
                }
            }
        }
        state.is_changed = true;
    }

    /// Returns the state of each receiver.
    #[must_use]
    pub fn status(&self) -> Vec<SinkStatus> {
        let state = self.state.lock();
        let none = Mailbox::default();
        let status = self.sinks.iter().map(|sink| {
            let mailbox = state.mailboxes.get(&*sink.name).unwrap_or(&none);
            SinkStatus {
                name: sink.name.to_string(),
                queued: mailbox.len(),
                delivered: mailbox.delivered,
                given_up: mailbox.given_up,
                dropped: mailbox.dropped,
                failing_since: mailbox.failing_since_ms.map(Timestamp),
                last_failure: mailbox.last_failure.clone(),
            }
        });
        status.collect()
    }

    /// Writes the outbox to its file, if it has changed. What was delivered since is sent again after a crash. Called after
    /// [`Self::collect`] by the same thread: the notices of the control plane that were collected are saved then.
    ///
    /// # Errors
    /// Writing failed; the file is unchanged, and the next call tries again.
    pub fn save(&self, control: &Control) -> io::Result<()> {
        self.write()?;
        control.notices().confirm();
        Ok(())
    }

    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let bytes = {
            let mut state = self.state.lock();
            if !std::mem::take(&mut state.is_changed) {
                return Ok(());
            }
            serde_json::to_vec(&*state)?
        };
        private_file::replace(file, &bytes).inspect_err(|_| self.state.lock().is_changed = true)
    }
}

fn read(path: &Path) -> OutboxState {
    let read = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return OutboxState::default(),
        Err(error) => Err(error),
    };
    read.unwrap_or_else(|error| {
        let aside = path.with_extension("damaged");
        let _ = fs::rename(path, &aside);
        tracing::error!(
            %error,
            aside = %aside.display(),
            "the queue of notifications can't be read and is set aside; what waited in it is not sent"
        );
        OutboxState::default()
    })
}
