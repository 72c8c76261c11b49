//! Break-glass: while files manage the flags, one of them can be killed on this machine, at once and for a while.
//! What was done is in a journal, sealed like the audit log; it is read again at the next start.

mod journal;
mod socket;

use std::collections::BTreeMap;
use std::path::Path;

use parking_lot::Mutex;
use rules::Timestamp;
use serde_json::{Map, json};

use crate::actor::{Role, Source};
use crate::audit::{Entry, Event, Outcome, Sealed};
use crate::timestamp;

use self::journal::Journal;
pub use self::journal::JournalError;
pub use self::socket::{BreakGlassServer, SocketError};

/// How long a kill lasts unless it says otherwise: an hour, in milliseconds.
pub const DEFAULT_KILL_MS: i64 = 3_600_000;
/// How long a kill may last: a week, in milliseconds.
pub const MAX_KILL_MS: i64 = 7 * 24 * 3_600_000;
/// How many flags may be killed at a time.
pub const MAX_LOCAL_KILLS: usize = 1_000;
/// The longest reason, in bytes.
pub const MAX_REASON: usize = 1_000;

/// A flag that is killed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalKill {
    /// The flag.
    pub flag: String,
    /// Until when.
    pub until: Timestamp,
    /// By whom: the user of the process that asked.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Who asks, and in which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The user of the process that asks.
    pub by: String,
    /// The request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
}

/// Why a local kill was not made.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// It would last too long, or no time at all.
    #[error("a kill lasts from a second to 7 days")]
    Duration,
    /// There are too many.
    #[error("{MAX_LOCAL_KILLS} flags are killed already")]
    Full,
    /// The reason is missing or too long.
    #[error("a reason of 1 to {MAX_REASON} bytes is needed, without control characters")]
    Reason,
    /// The journal did not take it; nothing was changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The flags that are killed on this machine.
#[derive(Debug)]
pub struct BreakGlass {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    journal: Journal,
    kills: BTreeMap<String, LocalKill>,
}

impl BreakGlass {
    /// Reads the journal at `path`, or begins it.
    ///
    /// # Errors
    /// It can't be read or written, or is not what was written.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let (journal, entries) = Journal::open(path)?;
        let mut kills = BTreeMap::new();
        for entry in entries {
            let Some(flag) = entry.flag.clone() else { continue };
            match until(&entry) {
                Some(until) if entry.event == Event::FlagKilled => {
                    let kill = LocalKill {
                        flag: flag.clone(),
                        until,
                        by: entry.actor,
                        reason: entry.reason.unwrap_or_default(),
                    };
                    kills.insert(flag, kill);
                }
                _ => drop(kills.remove(&flag)),
            }
        }
        Ok(Self {
            inner: Mutex::new(Inner { journal, kills }),
        })
    }

    /// Kills a flag for so many milliseconds. A flag that is killed already is killed for that long from now.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn kill(
        &self,
        flag: &str,
        duration_ms: i64,
        reason: &str,
        asker: &Asker,
    ) -> Result<LocalKill, BreakGlassError> {
        if !(1_000..=MAX_KILL_MS).contains(&duration_ms) {
            return Err(BreakGlassError::Duration);
        }
        let hidden =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if reason.trim().is_empty() || reason.len() > MAX_REASON || reason.contains(hidden) {
            return Err(BreakGlassError::Reason);
        }
        let mut inner = self.inner.lock();
        if inner.kills.len() >= MAX_LOCAL_KILLS && !inner.kills.contains_key(flag) {
            return Err(BreakGlassError::Full);
        }
        let kill = LocalKill {
            flag: flag.to_owned(),
            until: Timestamp(asker.at.0.saturating_add(duration_ms)),
            by: asker.by.clone(),
            reason: reason.to_owned(),
        };
        let mut entry = entry(Event::FlagKilled, Source::BreakGlass, flag, asker);
        entry.reason = Some(reason.to_owned());
        entry
            .details
            .insert("until".into(), json!(timestamp::text(kill.until)));
        inner.journal.append(&entry)?;
        inner.kills.insert(flag.to_owned(), kill.clone());
        Ok(kill)
    }

    /// Ends a kill before its time. Whether there was one.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn restore(&self, flag: &str, asker: &Asker) -> Result<bool, BreakGlassError> {
        let mut inner = self.inner.lock();
        if !inner.kills.contains_key(flag) {
            return Ok(false);
        }
        let entry = entry(Event::FlagRestored, Source::BreakGlass, flag, asker);
        inner.journal.append(&entry)?;
        inner.kills.remove(flag);
        Ok(true)
    }

    /// Ends the kills whose time is up, and gives their flags. A journal that can't be written does not hold up the
    /// end: it is in the journal already.
    pub fn expire(&self, now: Timestamp) -> Vec<String> {
        let mut inner = self.inner.lock();
        let ended = inner.kills.values().filter(|kill| kill.until <= now);
        let ended: Vec<String> = ended.map(|kill| kill.flag.clone()).collect();
        let asker = Asker {
            by: "sluice".into(),
            request_id: "expiry".into(),
            at: now,
        };
        for flag in &ended {
            inner.kills.remove(flag);
            let entry = entry(Event::FlagRestored, Source::Scheduler, flag, &asker);
            if let Err(error) = inner.journal.append(&entry) {
                tracing::error!(%error, flag, "the end of a local kill could not be put into the journal");
            }
        }
        ended
    }

    /// The flags that are killed.
    #[must_use]
    pub fn kills(&self) -> Vec<LocalKill> {
        self.inner.lock().kills.values().cloned().collect()
    }

    /// How many entries there are in the journal: another number for whatever else is killed.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.inner.lock().journal.sequence()
    }

    /// When the next kill ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.inner.lock().kills.values().map(|kill| kill.until).min()
    }

    /// Everything that was done, in order.
    ///
    /// # Errors
    /// The journal can't be read, or is not what was written.
    pub fn entries(&self) -> Result<Vec<Sealed>, JournalError> {
        self.inner.lock().journal.entries()
    }
}

fn until(entry: &Entry) -> Option<Timestamp> {
    Timestamp::parse(entry.details.get("until")?.as_str()?).ok()
}

fn entry(event: Event, source: Source, flag: &str, asker: &Asker) -> Entry {
    Entry {
        at: asker.at,
        actor: asker.by.clone(),
        role: (source == Source::BreakGlass).then_some(Role::PlatformAdmin),
        source,
        request_id: asker.request_id.clone(),
        event,
        outcome: Outcome::Applied,
        flag: Some(flag.to_owned()),
        org: None,
        reason: None,
        urgent: None,
        patch: Vec::new(),
        inverse: Vec::new(),
        details: Map::new(),
    }
}

#[cfg(test)]
mod tests;
