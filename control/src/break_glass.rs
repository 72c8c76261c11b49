//! Break-glass: kills flags on this machine for a limited time while files manage the flags. The journal of kills is
//! sealed like the audit log, and read again at the next start.

mod bind;
mod body;
mod journal;
mod kills;
mod listener;
mod local_kill;
mod problem;
mod socket;

use std::path::{Path, PathBuf};

use changes::Sealed;
use parking_lot::Mutex;
use rules::Timestamp;

pub use self::bind::SocketError;
use self::journal::JournalContent;
pub use self::journal::{JournalError, JournalOperation};
use self::kills::Kills;
pub use self::listener::BreakGlassListener;
use self::local_kill::KillAvailability;
pub use self::local_kill::{
    BreakGlassError, DEFAULT_KILL_MS, KillOrigin, LocalKill, MAX_KILL_MS, MAX_LOCAL_KILLS, MAX_REASON,
};
pub use self::socket::{BreakGlassServer, KillEffect};

/// The flags that are killed on this machine.
#[derive(Debug)]
pub struct BreakGlass {
    path: PathBuf,
    kills: Mutex<Kills>,
}

/// The result of a refresh.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KillChanges {
    /// The flags whose kills expired.
    pub expired: Vec<String>,
    /// True if the set of kills changed.
    pub changed: bool,
}

impl BreakGlass {
    /// Opens the journal at `path`, creates it if needed, and applies its kills. A journal that another process
    /// holds, or that cannot be used, is read as far as possible; see [`BreakGlass::availability`].
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let mut kills = Kills::default();
        kills.refresh_journal(path, None);
        Self {
            path: path.to_owned(),
            kills: Mutex::new(kills),
        }
    }

    /// Acquires the journal if it could not be acquired before, reads the entries of another process, and expires
    /// kills. A kill expires even if the journal cannot be written, since its end is in its entry. Called every
    /// second.
    pub fn refresh(&self, now: Timestamp) -> KillChanges {
        let mut kills = self.kills.lock();
        let before = kills.killed().clone();
        kills.refresh_journal(&self.path, Some(now));
        let expired = kills.expire(now);
        let changed = *kills.killed() != before;
        KillChanges { expired, changed }
    }

    /// Returns the process through which kills can be made.
    #[must_use]
    pub fn availability(&self) -> KillAvailability {
        self.kills.lock().availability()
    }

    /// Kills a flag for `duration_ms` from now, in place of an existing kill.
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

    /// Ends a kill before it expires. Returns false if the flag was not killed.
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

    /// Returns the kills.
    #[must_use]
    pub fn kills(&self) -> Vec<LocalKill> {
        self.kills.lock().killed().values().cloned().collect()
    }

    /// Returns a number that increases with each change of the set of kills.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.kills.lock().sequence()
    }

    /// Returns the entries of the journal in order.
    ///
    /// # Errors
    /// The journal can't be read, or was altered.
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
