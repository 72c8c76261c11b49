//! What is killed on this machine, and the journal that it rests on: this process's own, another one's, or one that
//! can't be used.

use std::collections::BTreeMap;
use std::path::Path;

use changes::{Entry, Event, Role, Source, timestamp};
use rules::Timestamp;
use serde_json::json;

use super::journal::{Content, Journal, JournalError, Stamp, Untaken};
use super::{Asker, BreakGlassError, LocalKill, Standing};

/// What is killed.
#[derive(Debug, Default)]
pub(super) struct Kills {
    journal: Keeper,
    killed: BTreeMap<String, LocalKill>,
    /// How many entries of the journal they rest on.
    applied: u64,
    /// Another number for whatever else is killed.
    sequence: u64,
}

/// Who puts entries into the journal.
#[derive(Debug)]
enum Keeper {
    /// This process.
    This(Journal),
    /// Another one. It is read again whenever it is another file than it was.
    Another { read: Option<Stamp> },
    /// Nobody.
    Nobody {
        error: JournalError,
        read: Option<Stamp>,
    },
}

impl Default for Keeper {
    fn default() -> Self {
        Self::Another { read: None }
    }
}

impl Kills {
    /// Takes the journal if it may be there to be taken now. With a time, this process has run before: a new journal
    /// takes over what was killed then.
    pub(super) fn renew(&mut self, path: &Path, now: Option<Timestamp>) {
        let again = match &self.journal {
            Keeper::This(journal) => !journal.is_in_place(),
            Keeper::Another { .. } => true,
            Keeper::Nobody { error, read } => !error.lasts() || *read != Stamp::of(path),
        };
        if again {
            self.take(path, now);
        }
    }

    /// Takes the journal, or reads what can be read of it.
    fn take(&mut self, path: &Path, now: Option<Timestamp>) {
        let former = match std::mem::take(&mut self.journal) {
            Keeper::This(_) => None,
            Keeper::Another { read } | Keeper::Nobody { read, .. } => read,
        };
        let read = Stamp::of(path);
        self.journal = match Journal::take(path) {
            Ok((journal, content)) => {
                let is_new = content.entries.is_empty();
                self.journal = Keeper::This(journal);
                self.kill_by(content, None);
                if let Some(now) = now.filter(|_| is_new) {
                    self.carry_over(now);
                }
                return;
            }
            Err(Untaken::Held) => Keeper::Another { read },
            Err(Untaken::Unusable(error)) => Keeper::Nobody { error, read },
        };
        if read != former {
            self.kill_by(Content::read(path).unwrap_or_default(), now);
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match &self.journal {
            Keeper::This(_) => Standing::Open,
            Keeper::Another { .. } => Standing::Elsewhere,
            Keeper::Nobody { error, .. } => Standing::Closed {
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
    pub(super) fn kill(&mut self, kill: LocalKill, asker: &Asker) -> Result<(), BreakGlassError> {
        self.append(&of_kill(&kill, asker))?;
        self.killed.insert(kill.flag.clone(), kill);
        Ok(())
    }

    /// Ends a kill, once that is in the journal.
    pub(super) fn restore(&mut self, flag: &str, asker: &Asker) -> Result<(), BreakGlassError> {
        self.append(&entry(Event::FlagRestored, Source::BreakGlass, flag, asker))?;
        self.killed.remove(flag);
        Ok(())
    }

    /// Kills what a journal says, and with a time none that would have ended by then. An empty one takes nothing
    /// away, since it may have been begun a moment ago; of a faulty one only what is new counts.
    fn kill_by(&mut self, content: Content, now: Option<Timestamp>) {
        let before = self.killed.clone();
        let faulty = content.fault.is_some();
        if !faulty && !content.entries.is_empty() {
            self.killed.clear();
            self.applied = 0;
        }
        for (sealed, entry) in content.sealed.iter().zip(content.entries) {
            if sealed.id > self.applied {
                self.applied = sealed.id;
                self.follow(entry);
            }
        }
        if let Some(now) = now {
            self.killed.retain(|_, kill| kill.until > now);
        }
        if self.killed != before {
            self.moved();
        }
    }

    fn follow(&mut self, entry: Entry) {
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
            let asker = Asker {
                by: kill.by.clone(),
                request_id: "carried-over".into(),
                at,
            };
            if let Err(error) = self.append(&of_kill(kill, &asker)) {
                let flag = &kill.flag;
                tracing::error!(%error, flag, "a local kill is not in the new journal, and ends with this process");
            }
        }
    }

    fn append(&mut self, entry: &Entry) -> Result<(), BreakGlassError> {
        match &mut self.journal {
            Keeper::This(journal) => {
                journal.append(entry)?;
                self.applied = journal.sequence();
                self.moved();
                Ok(())
            }
            Keeper::Another { .. } => Err(BreakGlassError::Elsewhere),
            Keeper::Nobody { error, .. } => Err(BreakGlassError::Closed {
                reason: error.to_string(),
                cure: error.cure(),
            }),
        }
    }

    fn moved(&mut self) {
        self.sequence = self.sequence.saturating_add(1).max(self.applied);
    }

    /// Ends the kills whose time is up, and gives their flags. A journal that can't be written does not hold up the
    /// end: it is in the journal already.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<String> {
        let ended = self.killed.values().filter(|kill| kill.until <= now);
        let ended: Vec<String> = ended.map(|kill| kill.flag.clone()).collect();
        let asker = Asker {
            by: "sluice".into(),
            request_id: "expiry".into(),
            at: now,
        };
        for flag in &ended {
            self.killed.remove(flag);
            self.moved();
            // Who has the journal writes it down.
            if !matches!(self.journal, Keeper::This(_)) {
                continue;
            }
            if let Err(error) = self.append(&entry(Event::FlagRestored, Source::Scheduler, flag, &asker)) {
                tracing::error!(%error, flag, "the end of a local kill could not be put into the journal");
            }
        }
        ended
    }
}

fn of_kill(kill: &LocalKill, asker: &Asker) -> Entry {
    let mut entry = entry(Event::FlagKilled, Source::BreakGlass, &kill.flag, asker);
    entry.reason = Some(kill.reason.clone());
    let until = json!(timestamp::text(kill.until));
    entry.details.insert("until".into(), until);
    entry
}

fn until(entry: &Entry) -> Option<Timestamp> {
    Timestamp::parse(entry.details.get("until")?.as_str()?).ok()
}

fn entry(event: Event, source: Source, flag: &str, asker: &Asker) -> Entry {
    Entry {
        role: (source == Source::BreakGlass).then_some(Role::PlatformAdmin),
        flag: Some(flag.to_owned()),
        ..Entry::new(
            asker.at,
            event,
            source,
            asker.by.clone(),
            asker.request_id.clone(),
        )
    }
}
