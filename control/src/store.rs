//! Where flags and the audit log are kept. One trait, so that a fleet can share another store than the embedded
//! one; every implementation passes the same contract (`tests/contract`).

mod memory;
mod newest;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use changes::{Entry, Event, Hash, Json, Key, Revision, Sealed, Write};
use rules::Timestamp;

pub use memory::MemoryStore;
pub use sqlite::{DamagedStore, RestoreError, Restored, SqliteStore};

/// Entries of the log in a page, at most; more are given in further pages.
pub const MAX_AUDIT_PAGE: usize = 1000;

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its name.
    pub key: Key,
    /// Its value; none in a list of changes where it was removed.
    pub value: Option<Json>,
    /// The revision that wrote it.
    pub revision: Revision,
}

/// What is committed together, or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// Records; of several writes of one key the last one counts. Without any, only the log grows, and the
    /// revision stays.
    pub writes: Vec<Write>,
    /// Entries of the audit log, in order.
    pub audit: Vec<Entry>,
}

/// Everything at one revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// Which.
    pub revision: Revision,
    /// The records that there are, in the order of their keys.
    pub records: Vec<Record>,
}

/// What changed after a revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// Up to which revision, whole.
    pub revision: Revision,
    /// The records that were written last after it, removed ones included, ordered by revision and key.
    pub records: Vec<Record>,
}

/// Which entries of the log are wanted; all that is set must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditFilter {
    /// About this flag.
    pub flag: Option<String>,
    /// In this org's log.
    pub org: Option<String>,
    /// By this actor.
    pub actor: Option<String>,
    /// Of these events.
    pub events: Vec<Event>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// A page of the log, the newest first or the oldest first as it was asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<Sealed>,
    /// The id to go on after; none at the end.
    pub next: Option<u64>,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else committed first.
    #[error("the store is at revision {}, not {}", current.0, expected.0)]
    Conflict {
        /// What was expected.
        expected: Revision,
        /// What there is.
        current: Revision,
    },
    /// There is no room. Nothing was written.
    #[error("no room on the disk: {0}")]
    Full(String),
    /// Reading or writing failed. Nothing was written.
    #[error("the store can't be read or written: {0}")]
    Io(String),
    /// What is kept is damaged.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// It was written by a newer version.
    #[error(
        "a newer version of sluice wrote the store, in format {found}; this version reads up to format {known}. Run the \
         newer version, or go back to a backup of format {known}, without the changes since: `{way_back}`"
    )]
    TooNew {
        /// Its format.
        found: usize,
        /// The newest format that is known here.
        known: usize,
        /// The command that restores a backup.
        way_back: String,
    },
    /// Another process has it open.
    #[error("another process uses the store")]
    InUse,
    /// This store can't do it.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl StoreError {
    /// What to do about it, where that can be said.
    #[must_use]
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { .. } => Some("read it again and repeat the change"),
            Self::Full(_) => Some("make room on the disk"),
            Self::Io(_) => Some("look after the disk and the rights on the store's directory"),
            Self::Corrupt(_) => Some(
                "stop sluice, put the newest backup in place with `sluice restore BACKUP --to DIRECTORY`, and start again",
            ),
            Self::InUse => Some("end the other process, or give this one a directory of its own"),
            // Its message names the command.
            Self::TooNew { .. } | Self::Unsupported(_) => None,
        }
    }
}

impl AuditFilter {
    /// Whether an entry is wanted.
    #[must_use]
    pub fn wants(&self, entry: &Entry) -> bool {
        let same = |wanted: &Option<String>, is: Option<&String>| wanted.is_none() || wanted.as_ref() == is;
        same(&self.flag, entry.flag.as_ref())
            && same(&self.org, entry.org.as_ref())
            && same(&self.actor, Some(&entry.actor))
            && (self.events.is_empty() || self.events.contains(&entry.event))
            && self.from.is_none_or(|from| from <= entry.at)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// Where flags and the audit log are kept. Calls block; whoever must not wait calls from a thread that may.
pub trait Store: Send + Sync {
    /// Everything at the newest revision.
    ///
    /// # Errors
    /// It can't be read.
    fn load(&self) -> Result<Loaded, StoreError>;

    /// Commits records and entries together, if the store is at `expected`. When it returns, they are on the
    /// disk. With `expected` none, any revision will do; that is for entries alone.
    ///
    /// # Errors
    /// Nothing of it was written.
    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError>;

    /// What changed after a revision.
    ///
    /// # Errors
    /// It can't be read.
    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError>;

    /// Waits until there is something newer than `since`, or until the time is up (an hour at most); then as
    /// `changes_since`.
    ///
    /// # Errors
    /// It can't be read.
    fn watch(&self, since: Revision, patience: Duration) -> Result<Changes, StoreError>;

    /// A page of at most `limit` entries, and of at most [`MAX_AUDIT_PAGE`]: the newest first, from the one before
    /// `before` on.
    ///
    /// # Errors
    /// It can't be read.
    fn audit(&self, filter: &AuditFilter, before: Option<u64>, limit: usize)
    -> Result<AuditPage, StoreError>;

    /// A page of at most `limit` entries in order, after the entry `after` (0: from the first): for proof and export.
    ///
    /// # Errors
    /// It can't be read.
    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError>;

    /// Id and hash of the newest entry; 0 and the genesis hash in an empty log.
    ///
    /// # Errors
    /// It can't be read.
    fn audit_head(&self) -> Result<(u64, Hash), StoreError>;

    /// A consistent copy into a new file, while the store goes on.
    ///
    /// # Errors
    /// There is a file already, it can't be written, or the store keeps no file.
    fn backup(&self, to: &Path) -> Result<(), StoreError>;
}
