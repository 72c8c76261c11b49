//! The trait of stores for flags and the audit log. A fleet can use another store than the embedded one; every
//! implementation passes the same contract (`testkit::store_contract`).

mod memory;
mod newest;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use changes::{Entry, EntryHash, Event, Json, Key, Revision, Sealed, Write};
use rules::Timestamp;

pub use memory::MemoryStore;
pub use sqlite::{DamagedStore, RestoreError, Restored, RestoredBy, SqliteStore};

/// Name of the file beside a store with its last good document, and of that with newer states of flags. They belong to
/// the content of the store: a restore moves them aside with it.
pub const LAST_GOOD_FILE: &str = "last-good.json";
/// See [`LAST_GOOD_FILE`].
pub const LAST_GOOD_STATES_FILE: &str = "last-good-states.json";

/// The largest page of the log, in entries.
pub const MAX_AUDIT_PAGE: usize = 1000;

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its name.
    pub key: Key,
    /// Its value; none for a removed record in a list of changes.
    pub value: Option<Json>,
    /// The revision that wrote it.
    pub revision: Revision,
}

/// Records and audit entries that are committed together or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// The records; of several writes of one key the last one counts. Without any, only the log grows and the
    /// revision stays.
    pub writes: Vec<Write>,
    /// Entries of the audit log, in order.
    pub audit: Vec<Entry>,
}

/// All records at one revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The revision.
    pub revision: Revision,
    /// The records in the order of their keys.
    pub records: Vec<Record>,
}

/// The records that changed after a revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// The revision up to which the changes are complete.
    pub revision: Revision,
    /// The changed records, removed ones included, ordered by revision and key. Each is given once, as last written.
    pub records: Vec<Record>,
}

/// Records and entries that another store committed, to be written as they are there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replica {
    /// The records that changed, each with its own revision. Without any, only the log grows.
    pub records: Vec<Record>,
    /// The entries after those that are known, oldest first.
    pub entries: Vec<Sealed>,
}

/// A filter of the log; all set fields must match.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditFilter {
    /// The flag of the entry.
    pub flag: Option<String>,
    /// The org of the entry.
    pub org: Option<String>,
    /// The actor.
    pub actor: Option<String>,
    /// The events; empty for any.
    pub events: Vec<Event>,
    /// The earliest time, inclusive.
    pub from: Option<Timestamp>,
    /// The latest time, exclusive.
    pub until: Option<Timestamp>,
}

/// A page of the log, newest or oldest first as requested.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<Sealed>,
    /// The id after which the next page starts; none on the last page.
    pub next: Option<u64>,
}

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another commit was first.
    #[error("the store is at revision {}, not {}", current.0, expected.0)]
    Conflict {
        /// The expected revision.
        expected: Revision,
        /// The current revision.
        current: Revision,
    },
    /// The commit gave way to another one. Nothing was written.
    #[error("the commit was interrupted by an urgent one")]
    Interrupted,
    /// The disk is full. Nothing was written.
    #[error("no space left on the disk: {0}")]
    Full(String),
    /// Reading or writing failed. Nothing was written.
    #[error("the store can't be read or written: {0}")]
    Io(String),
    /// The stored data are damaged.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A newer version wrote the store.
    #[error(
        "a newer version of sluice wrote the store, in format {found}; this version reads up to format {known}. Run the \
         newer version, or restore a backup of format {known}, without the changes since: `{way_back}`"
    )]
    TooNew {
        /// The format of the store.
        found: usize,
        /// The newest format that this version reads.
        known: usize,
        /// The command that restores a backup.
        way_back: String,
    },
    /// Another process has the store open.
    #[error("another process uses the store")]
    InUse,
    /// The store of a fleet can't be reached. Nothing was written.
    #[error("the store of the fleet can't be reached since {since}: {cause}")]
    Unreachable {
        /// The time since when it is so (RFC 3339).
        since: String,
        /// The failure of the last request.
        cause: String,
    },
    /// The store of a fleet did not answer whether it wrote the commit.
    #[error(
        "the store of the fleet did not answer, and it is not known whether the change was committed: {0}"
    )]
    Unknown(String),
    /// The store of a fleet denies access. Nothing was written.
    #[error("the store of the fleet denies access: {0}")]
    Denied(String),
    /// The store of a fleet has reached its quota. Nothing was written.
    #[error("the store of the fleet has no space left: {0}")]
    Quota(String),
    /// The store of a fleet does not continue what this node has. Nothing was written.
    #[error("the store of the fleet does not continue what this node has: {0}")]
    Rejected(String),
    /// The store does not support the operation.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl StoreError {
    /// Returns the help, if there is a general one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { .. } | Self::Interrupted => Some("read it again and repeat the change"),
            Self::Full(_) => Some("free space on the disk"),
            Self::Io(_) => Some("check the disk and the permissions of the store's directory"),
            Self::Corrupt(_) => Some(
                "stop sluice, restore the newest backup with `sluice restore BACKUP --to DIRECTORY`, and start sluice",
            ),
            Self::InUse => Some("stop the other process, or give this one its own directory"),
            Self::Unreachable { .. } => Some("flags are served on; repeat the change when etcd is reachable"),
            Self::Unknown(_) => Some("read the flag or the audit log again before you repeat the change"),
            Self::Denied(_) => {
                Some("check user, password and certificates of `flags.store.etcd`, and the role in etcd")
            }
            Self::Quota(_) => {
                Some("compact and defragment etcd, or raise its quota (`--quota-backend-bytes`)")
            }
            Self::Rejected(_) => Some(
                "find out why etcd was emptied or restored; to accept its state, stop sluice, move the mirror away, and start it",
            ),
            // The message of `TooNew` names the command.
            Self::TooNew { .. } | Self::Unsupported(_) => None,
        }
    }
}

impl AuditFilter {
    /// Returns true if an entry matches.
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

/// The extent of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckExtent {
    /// The structure of the pages.
    Pages,
    /// The pages, and that every index agrees with its table, so that filters of the log find every entry.
    Whole,
}

/// A store of flags and the audit log. Calls block; async callers use a blocking thread.
pub trait Store: Send + Sync {
    /// Loads all records at the newest revision.
    ///
    /// # Errors
    /// The store can't be read.
    fn load(&self) -> Result<Loaded, StoreError>;

    /// Commits records and entries together if the store is at `expected`. They are on the disk when this returns.
    /// `expected` may be none only for entries alone.
    ///
    /// # Errors
    /// Nothing was written.
    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError>;

    /// Commits like [`Store::commit`]. A store that takes long to write many records calls `interrupted` meanwhile, and
    /// gives up if it returns true.
    ///
    /// # Errors
    /// Nothing was written; [`StoreError::Interrupted`] if the commit gave up.
    fn commit_unless(
        &self,
        expected: Option<Revision>,
        commit: &Commit,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Revision, StoreError> {
        let _ = interrupted;
        self.commit(expected, commit)
    }

    /// Returns the records that changed after a revision.
    ///
    /// # Errors
    /// The store can't be read.
    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError>;

    /// Waits until there is a revision after `since`, or until the timeout (an hour at most), then returns
    /// `changes_since`.
    ///
    /// # Errors
    /// The store can't be read.
    fn watch(&self, since: Revision, timeout: Duration) -> Result<Changes, StoreError>;

    /// Returns a page of at most `limit` and [`MAX_AUDIT_PAGE`] matching entries before the entry `before`, newest
    /// first.
    ///
    /// # Errors
    /// The store can't be read.
    fn audit(&self, filter: &AuditFilter, before: Option<u64>, limit: usize)
    -> Result<AuditPage, StoreError>;

    /// Returns a page of at most `limit` entries after the entry `after` (0: from the first), oldest first, for
    /// verification and export.
    ///
    /// # Errors
    /// The store can't be read.
    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError>;

    /// Returns id and hash of the newest entry; 0 and the genesis hash in an empty log.
    ///
    /// # Errors
    /// The store can't be read.
    fn audit_head(&self) -> Result<(u64, EntryHash), StoreError>;

    /// Checks the stored data while the store is in use. It takes as long as reading all of them.
    ///
    /// # Errors
    /// The data are damaged or can't be read, or [`Store::stop_check`] ended the check.
    fn check(&self, _extent: CheckExtent) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends a check that is running.
    fn stop_check(&self) {}

    /// Returns the damage that an operation or a check of this process has found.
    fn found_damage(&self) -> Option<String> {
        None
    }

    /// Writes a consistent copy into a new file while the store is in use.
    ///
    /// # Errors
    /// The file exists already or can't be written, or the store has no file.
    fn backup(&self, to: &Path) -> Result<(), StoreError>;
}
