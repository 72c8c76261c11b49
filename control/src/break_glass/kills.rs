//! The kills of this machine and the journal they come from: held by this process, held by another one, or unusable.

use std::collections::BTreeMap;
use std::path::Path;

use changes::{ChangeSource, Entry, Event, Role, timestamp};
use rules::Timestamp;
use serde_json::json;

use super::journal::{AcquireError, FileStamp, Journal, JournalContent, JournalError};
use super::local_kill::{BreakGlassError, KillAvailability, KillOrigin, LocalKill};

/// The kills of this machine.
#[derive(Debug, Default)]
pub(super) struct Kills {
    journal: JournalAccess,
    killed: BTreeMap<String, LocalKill>,
    /// The number of journal entries that were replayed.
    applied: u64,
    /// A number that increases with each change of `killed`.
    sequence: u64,
}

/// This process's access to the journal.
#[derive(Debug)]
enum JournalAccess {
    /// This process holds the lock.
    Owned(Journal),
    /// Another process holds the lock. The file is read again when its stamp differs.
    OtherProcess { read: Option<FileStamp> },
    /// The journal cannot be used.
    Unusable {
        error: JournalError,
        read: Option<FileStamp>,
    },
}

impl Default for JournalAccess {
    fn default() -> Self {
        Self::OtherProcess { read: None }
    }
}

impl Kills {
    /// Acquires the journal if that may succeed now. `now` is none at the start of the process; later, a new journal
    /// receives the kills of the previous one.
    pub(super) fn refresh_journal(&mut self, path: &Path, now: Option<Timestamp>) {
        let again = match &self.journal {
            JournalAccess::Owned(journal) => !journal.is_in_place(),
            JournalAccess::OtherProcess { .. } => true,
            JournalAccess::Unusable { error, read } => !error.is_permanent() || *read != FileStamp::of(path),
        };
        if again {
            self.acquire(path, now);
        }
    }

    /// Acquires the journal, or reads its readable part.
    fn acquire(&mut self, path: &Path, now: Option<Timestamp>) {
        let former = match std::mem::take(&mut self.journal) {
            JournalAccess::Owned(_) => None,
            JournalAccess::OtherProcess { read } | JournalAccess::Unusable { read, .. } => read,
        };
        let read = FileStamp::of(path);
        self.journal = match Journal::acquire(path) {
            Ok((journal, content)) => {
                let is_new = content.entries.is_empty();
                self.journal = JournalAccess::Owned(journal);
                self.replay(content, None);
                if let Some(now) = now.filter(|_| is_new) {
                    self.carry_over(now);
                }
                return;
            }
            Err(AcquireError::InUse) => JournalAccess::OtherProcess { read },
            Err(AcquireError::Unusable(error)) => JournalAccess::Unusable { error, read },
        };
        if read != former {
            self.replay(JournalContent::read(path).unwrap_or_default(), now);
        }
    }

    pub(super) fn availability(&self) -> KillAvailability {
        match &self.journal {
            JournalAccess::Owned(_) => KillAvailability::Available,
            JournalAccess::OtherProcess { .. } => KillAvailability::OtherProcess,
            JournalAccess::Unusable { error, .. } => KillAvailability::Unavailable {
                reason: error.to_string(),
                help: error.help(),
            },
        }
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn killed(&self) -> &BTreeMap<String, LocalKill> {
        &self.killed
    }

    /// Writes the kill to the journal, then applies it.
    pub(super) fn kill(&mut self, kill: LocalKill, origin: &KillOrigin) -> Result<(), BreakGlassError> {
        self.append(&kill_entry(&kill, origin))?;
        self.killed.insert(kill.flag.clone(), kill);
        Ok(())
    }

    /// Writes the end of a kill to the journal, then applies it.
    pub(super) fn restore(&mut self, flag: &str, origin: &KillOrigin) -> Result<(), BreakGlassError> {
        self.append(&entry(
            Event::FlagRestored,
            ChangeSource::BreakGlass,
            flag,
            origin,
        ))?;
        self.killed.remove(flag);
        Ok(())
    }

    /// Replays a journal. With `now`, kills that have expired by then are dropped. An empty journal removes no kill,
    /// since it may have just been created; of a faulty one only new entries are replayed.
    fn replay(&mut self, content: JournalContent, now: Option<Timestamp>) {
        let before = self.killed.clone();
        let faulty = content.fault.is_some();
        if !faulty && !content.entries.is_empty() {
            self.killed.clear();
            self.applied = 0;
        }
        for (sealed, entry) in content.sealed.iter().zip(content.entries) {
            if sealed.id > self.applied {
                self.applied = sealed.id;
                self.replay_entry(entry);
            }
        }
        if let Some(now) = now {
            self.killed.retain(|_, kill| kill.until > now);
        }
        if self.killed != before {
            self.advance_sequence();
        }
    }

    fn replay_entry(&mut self, entry: Entry) {
        let Some(flag) = entry.flag.clone() else { return };
        match until(&entry) {
            Some(until) if entry.event == Event::FlagKilled => {
                let kill = LocalKill {
                    flag: flag.clone(),
                    until,
                    by: entry.actor,
                    reason: entry.reason.unwrap_or_default(),
                };
                self.killed.insert(flag, kill);
            }
            _ => drop(self.killed.remove(&flag)),
        }
    }

    /// Writes the current kills to a journal that was just created in place of one that was moved away.
    fn carry_over(&mut self, at: Timestamp) {
        self.applied = 0;
        let kills: Vec<LocalKill> = self.killed.values().cloned().collect();
        for kill in kills.iter().filter(|kill| kill.until > at) {
            let origin = KillOrigin {
                by: kill.by.clone(),
                request_id: "carried-over".into(),
                at,
            };
            if let Err(error) = self.append(&kill_entry(kill, &origin)) {
                let flag = &kill.flag;
                tracing::error!(%error, flag, "a local kill is not in the new journal, and ends with this process");
            }
        }
    }

    fn append(&mut self, entry: &Entry) -> Result<(), BreakGlassError> {
        match &mut self.journal {
            JournalAccess::Owned(journal) => {
                journal.append(entry)?;
                self.applied = journal.sequence();
                self.advance_sequence();
                Ok(())
            }
            JournalAccess::OtherProcess { .. } => Err(BreakGlassError::OtherProcess),
            JournalAccess::Unusable { error, .. } => Err(BreakGlassError::Unavailable {
                reason: error.to_string(),
                client_detail: error.client_detail(),
                help: error.help(),
            }),
        }
    }

    fn advance_sequence(&mut self) {
        self.sequence = self.sequence.saturating_add(1).max(self.applied);
    }

    /// Expires kills and returns their flags. A kill expires even if the journal cannot be written, since its end is
    /// in its entry.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<String> {
        let expired = self.killed.values().filter(|kill| kill.until <= now);
        let expired: Vec<String> = expired.map(|kill| kill.flag.clone()).collect();
        let origin = KillOrigin {
            by: "sluice".into(),
            request_id: "expiry".into(),
            at: now,
        };
        for flag in &expired {
            self.killed.remove(flag);
            self.advance_sequence();
            // Only the process that holds the journal writes to it.
            if !matches!(self.journal, JournalAccess::Owned(_)) {
                continue;
            }
            if let Err(error) = self.append(&entry(
                Event::FlagRestored,
                ChangeSource::Scheduler,
                flag,
                &origin,
            )) {
                tracing::error!(%error, flag, "the expiry of a local kill could not be written to the journal");
            }
        }
        expired
    }
}

fn kill_entry(kill: &LocalKill, origin: &KillOrigin) -> Entry {
    let mut entry = entry(Event::FlagKilled, ChangeSource::BreakGlass, &kill.flag, origin);
    entry.reason = Some(kill.reason.clone());
    let until = json!(timestamp::text(kill.until));
    entry.details.insert("until".into(), until);
    entry
}

fn until(entry: &Entry) -> Option<Timestamp> {
    Timestamp::parse(entry.details.get("until")?.as_str()?).ok()
}

fn entry(event: Event, source: ChangeSource, flag: &str, origin: &KillOrigin) -> Entry {
    Entry {
        role: (source == ChangeSource::BreakGlass).then_some(Role::PlatformAdmin),
        flag: Some(flag.to_owned()),
        ..Entry::new(
            origin.at,
            event,
            source,
            origin.by.clone(),
            origin.request_id.clone(),
        )
    }
}
