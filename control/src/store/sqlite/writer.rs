//! The one connection that writes, and what it does after a commit that failed.

use changes::Revision;
use rusqlite::{Connection, TransactionBehavior};

use super::fault::fault;
use super::head::{Head, HeadFile, Written};
use super::readers::Readers;
use super::{log, records, write_back};
use crate::store::{Commit, StoreError};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    log: Log,
    head: HeadFile,
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
    /// Writes back what a former process left in the log. Nobody reads yet. Commits are noted in `head`.
    pub(super) fn begin(connection: Connection, head: HeadFile) -> Self {
        let log = match write_back::settle(&connection) {
            Ok(()) => Log::Ours,
            Err(error) => {
                tracing::error!(%error, "the store's log can't be written back; until it can, nothing is changed");
                Log::Inherited
            }
        };
        Self {
            connection,
            log,
            head,
        }
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
            Ok((Revision(1), head)) if !commit.writes.is_empty() => {
                // What a store begins with is in its file from then on, not only in the log beside it.
                self.note(head, commit);
                write_back::and_cut(&self.connection, readers);
            }
            Ok((_, head)) => {
                self.note(head, commit);
                write_back::when_long(&self.connection, readers);
            }
            Err(StoreError::Full(_) | StoreError::Io(_)) => self.forget_failed(readers),
            Err(_) => {}
        }
        result.map(|(revision, _)| revision)
    }

    /// Of entries alone nobody is told that they are kept.
    fn note(&mut self, head: &Head, commit: &Commit) {
        let until = if commit.writes.is_empty() {
            Written::ToTheSystem
        } else {
            Written::ToTheDisk
        };
        self.head.write(head, until);
    }

    fn attempt(
        &mut self,
        expected: Option<Revision>,
        commit: &Commit,
    ) -> Result<(Revision, Head), StoreError> {
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
        let head = Head::of(&transaction)?;
        transaction.commit().map_err(fault)?;
        Ok((revision, head))
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
