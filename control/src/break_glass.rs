//! Break-glass: while files manage the flags, one of them can be killed on this machine, at once and for a while.
//! What was done is in a journal, sealed like the audit log; it is read again at the next start.

mod bind;
mod journal;
mod kills;
mod service;
mod socket;

use std::path::{Path, PathBuf};

use changes::Sealed;
use parking_lot::Mutex;
use rules::Timestamp;

pub use self::bind::SocketError;
use self::journal::JournalContent;
pub use self::journal::JournalError;
use self::kills::Kills;
pub use self::service::BreakGlassService;
pub use self::socket::{BreakGlassServer, Killable};

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
pub struct KillOrigin {
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
    /// Another process has the journal.
    #[error("another process keeps the break-glass journal")]
    OtherProcess,
    /// The journal can't be used.
    #[error("{reason}")]
    Unavailable {
        /// What is wrong.
        reason: String,
        /// What helps.
        cure: &'static str,
    },
}

/// Whether kills can be made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KillAvailability {
    /// They can.
    Available,
    /// By another process: what it kills is killed here within a second.
    OtherProcess,
    /// The journal can't be used: why, and what helps. What could be read of it is killed.
    Unavailable {
        /// What is wrong.
        reason: String,
        /// What helps.
        cure: &'static str,
    },
}

/// The flags that are killed on this machine.
#[derive(Debug)]
pub struct BreakGlass {
    path: PathBuf,
    kills: Mutex<Kills>,
}

/// What a look came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Flags whose time was up.
    pub expired: Vec<String>,
    /// Whether something else is killed than before.
    pub changed: bool,
}

impl BreakGlass {
    /// Takes the journal at `path`, or begins it, and kills what it says. One that another process has, or that can't
    /// be used, is read as far as it can be; see [`BreakGlass::availability`].
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let mut kills = Kills::default();
        kills.refresh_journal(path, None);
        Self {
            path: path.to_owned(),
            kills: Mutex::new(kills),
        }
    }

    /// Looks whether the journal can be taken if it could not be so far, reads what another process has put into it,
    /// and ends the kills whose time is up. A journal that can't be written does not hold up the end: it is in the
    /// journal already. To be called now and then.
    pub fn refresh(&self, now: Timestamp) -> Refreshed {
        let mut kills = self.kills.lock();
        let before = kills.killed().clone();
        kills.refresh_journal(&self.path, Some(now));
        let expired = kills.expire(now);
        let changed = *kills.killed() != before;
        Refreshed { expired, changed }
    }

    /// Whether kills can be made here.
    #[must_use]
    pub fn availability(&self) -> KillAvailability {
        self.kills.lock().availability()
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
        origin: &KillOrigin,
    ) -> Result<LocalKill, BreakGlassError> {
        if !(1_000..=MAX_KILL_MS).contains(&duration_ms) {
            return Err(BreakGlassError::Duration);
        }
        let hidden =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if reason.trim().is_empty() || reason.len() > MAX_REASON || reason.contains(hidden) {
            return Err(BreakGlassError::Reason);
        }
        let mut kills = self.kills.lock();
        if kills.killed().len() >= MAX_LOCAL_KILLS && !kills.killed().contains_key(flag) {
            return Err(BreakGlassError::Full);
        }
        let kill = LocalKill {
            flag: flag.to_owned(),
            until: Timestamp(origin.at.0.saturating_add(duration_ms)),
            by: origin.by.clone(),
            reason: reason.to_owned(),
        };
        kills.kill(kill.clone(), origin)?;
        Ok(kill)
    }

    /// Ends a kill before its time. Whether there was one.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn restore(&self, flag: &str, origin: &KillOrigin) -> Result<bool, BreakGlassError> {
        let mut kills = self.kills.lock();
        if !kills.killed().contains_key(flag) {
            return Ok(false);
        }
        kills.restore(flag, origin)?;
        Ok(true)
    }

    /// The flags that are killed.
    #[must_use]
    pub fn kills(&self) -> Vec<LocalKill> {
        self.kills.lock().killed().values().cloned().collect()
    }

    /// Another number for whatever else is killed.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.kills.lock().sequence()
    }

    /// Everything that was done, in order.
    ///
    /// # Errors
    /// The journal can't be read, or is not what was written.
    pub fn entries(&self) -> Result<Vec<Sealed>, JournalError> {
        let content = JournalContent::read(&self.path)?;
        match content.fault {
            Some(fault) => Err(fault),
            None => Ok(content.sealed),
        }
    }
}

#[cfg(test)]
mod tests;
