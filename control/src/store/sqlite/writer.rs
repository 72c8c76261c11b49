//! The one connection that writes, and what it does after a commit that failed.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::fault;
use super::readers::Readers;
use super::{log, records, write_back};
use crate::store::{Commit, Revision, StoreError};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    log: Log,
}

/// What is in SQLite's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// Commits of this process; each was put on the disk.
    Ours,
    /// Maybe some of a process that was killed: as the kernel remembers them, which is not to say that they are on
    /// the disk. Where an fsync failed before, a commit that is put behind them would be lost along with them.
    Inherited,
}

impl Writer {
    /// Writes back what a former process left in the log. Nobody reads yet.
    pub(super) fn begin(connection: Connection) -> Self {
        let log = match write_back::settle(&connection) {
            Ok(()) => Log::Ours,
            Err(error) => {
                tracing::error!(%error, "the store's log can't be written back; until it can, nothing is changed");
                Log::Inherited
            }
        };
        Self { connection, log }
    }

    pub(super) fn commit(
        &mut self,
        readers: &Readers,
        expected: Option<Revision>,
        commit: &Commit,
    ) -> Result<Revision, StoreError> {
        if self.log == Log::Inherited {
            write_back::settle_beside(&self.connection, readers)?;
            self.log = Log::Ours;
        }
        let result = self.attempt(expected, commit);
        match &result {
            Ok(_) => write_back::when_long(&self.connection, readers),
            Err(StoreError::Full(_) | StoreError::Io(_)) => self.forget_failed(readers),
            Err(_) => {}
        }
        result
    }

    fn attempt(&mut self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        let current = records::newest(&transaction)?;
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(StoreError::Conflict { expected, current });
        }
        let revision = if commit.writes.is_empty() {
            current
        } else {
            Revision(current.0.saturating_add(1))
        };
        records::write(&transaction, &commit.writes, revision)?;
        log::append(&transaction, revision, &commit.audit)?;
        transaction.commit().map_err(fault)?;
        Ok(revision)
    }

    /// When the fsync of a commit fails, SQLite takes it back for all who are connected, but leaves it in its log,
    /// whole: after a crash it would be found there, and what was refused would have happened. So the log is
    /// written back and cut. And since the cut itself is not on the disk before the next fsync, a counter is
    /// committed after it, which is; where the log could not be cut, it takes the failed commit's place.
    fn forget_failed(&mut self, readers: &Readers) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a failed commit could not be rolled back");
        }
        write_back::and_cut(&self.connection, readers);
        let written = self
            .connection
            .execute("UPDATE failure SET count = count + 1", []);
        if let Err(error) = written {
            tracing::error!(
                %error,
                "the store can't be written; if the machine loses power now, a change that was refused may be found done"
            );
        }
    }
}
