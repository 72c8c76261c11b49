//! What is killed on this machine, and the journal that it rests on: this process's own, another one's, or one that
//! can't be used.

use std::collections::BTreeMap;
use std::path::Path;

use changes::{Entry, Event, Role, Source, timestamp};
use rules::Timestamp;
use serde_json::json;

use super::journal::{AcquireError, FileStamp, Journal, JournalContent, JournalError};
use super::{BreakGlassError, KillAvailability, KillOrigin, LocalKill};

/// What is killed.
#[derive(Debug, Default)]
pub(super) struct Kills {
    journal: JournalAccess,
    killed: BTreeMap<String, LocalKill>,
    /// How many entries of the journal they rest on.
    applied: u64,
    /// Another number for whatever else is killed.
    sequence: u64,
}

/// Who puts entries into the journal.
#[derive(Debug)]
enum JournalAccess {
    /// This process.
    Owned(Journal),
    /// Another one. It is read again whenever it is another file than it was.
    OtherProcess { read: Option<FileStamp> },
    /// Nobody.
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
    /// Takes the journal if it may be there to be taken now. With a time, this process has run before: a new journal
    /// takes over what was killed then.
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

    /// Takes the journal, or reads what can be read of it.
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
                cure: error.cure(),
            },
        }
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn killed(&self) -> &BTreeMap<String, LocalKill> {
        &self.killed
    }

    /// Kills a flag, once that is in the journal.
    pub(super) fn kill(&mut self, kill: LocalKill, origin: &KillOrigin) -> Result<(), BreakGlassError> {
        self.append(&kill_entry(&kill, origin))?;
        self.killed.insert(kill.flag.clone(), kill);
        Ok(())
    }

    /// Ends a kill, once that is in the journal.
    pub(super) fn restore(&mut self, flag: &str, origin: &KillOrigin) -> Result<(), BreakGlassError> {
        self.append(&entry(Event::FlagRestored, Source::BreakGlass, flag, origin))?;
        self.killed.remove(flag);
        Ok(())
    }

    /// Kills what a journal says, and with a time none that would have expired by then. An empty one takes nothing
    /// away, since it may have been begun a moment ago; of a faulty one only what is new counts.
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

    /// Puts what is killed into a journal that was just begun, in the place of one that was moved away.
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
                cure: error.cure(),
            }),
        }
    }

    fn advance_sequence(&mut self) {
        self.sequence = self.sequence.saturating_add(1).max(self.applied);
    }

    /// Ends the kills whose time is up, and gives their flags. A journal that can't be written does not hold up the
    /// end: it is in the journal already.
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
            // Who has the journal writes it down.
            if !matches!(self.journal, JournalAccess::Owned(_)) {
                continue;
            }
            if let Err(error) = self.append(&entry(Event::FlagRestored, Source::Scheduler, flag, &origin)) {
                tracing::error!(%error, flag, "the end of a local kill could not be put into the journal");
            }
        }
        expired
    }
}

fn kill_entry(kill: &LocalKill, origin: &KillOrigin) -> Entry {
    let mut entry = entry(Event::FlagKilled, Source::BreakGlass, &kill.flag, origin);
    entry.reason = Some(kill.reason.clone());
    let until = json!(timestamp::text(kill.until));
    entry.details.insert("until".into(), until);
    entry
}

fn until(entry: &Entry) -> Option<Timestamp> {
    Timestamp::parse(entry.details.get("until")?.as_str()?).ok()
}

fn entry(event: Event, source: Source, flag: &str, origin: &KillOrigin) -> Entry {
    Entry {
        role: (source == Source::BreakGlass).then_some(Role::PlatformAdmin),
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
