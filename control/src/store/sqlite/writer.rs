//! The writing connection, and recovery after a failed commit.

use changes::Revision;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::fault::fault;
use super::head::{Durability, HeadFile, StoreHead};
use super::readers::Readers;
use super::{log, records, write_back};
use crate::store::{Commit, Replica, StoreError};

/// The number of rows that are written between two checks for an interruption.
const STEP: usize = 1_000;

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    log: LogOrigin,
    head: HeadFile,
}

/// The content of SQLite's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogOrigin {
    /// Commits of this process, each of them synced.
    ThisProcess,
    /// Possibly commits of a killed process, present in the kernel's cache but not necessarily on the disk. If an
    /// earlier fsync failed, a commit appended to them would be lost with them.
    EarlierProcess,
}

impl Writer {
    /// Writes back the log that an earlier process left. There are no readers yet. Commits are recorded in `head`.
    pub(super) fn begin(connection: Connection, head: HeadFile) -> Self {
        let log = match write_back::truncate_log(&connection) {
            Ok(()) => LogOrigin::ThisProcess,
            Err(error) => {
                tracing::error!(%error, "the store's log can't be written back; changes are rejected until it can");
                LogOrigin::EarlierProcess
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
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Revision, StoreError> {
        let has_records = !commit.writes.is_empty();
        self.write(readers, expected, has_records, |transaction, current| {
            let revision = match has_records {
                true => Revision(current.0.saturating_add(1)),
                false => current,
            };
            for writes in commit.writes.chunks(STEP) {
                records::write(transaction, writes, revision)?;
                step(transaction, writes.len(), interrupted)?;
            }
            for entries in commit.audit.chunks(STEP) {
                log::append(transaction, revision, entries)?;
                step(transaction, entries.len(), interrupted)?;
            }
            Ok(revision)
        })
    }

    /// Writes records and sealed entries of another store as they are there, if this one is at `expected`.
    pub(super) fn replicate(
        &mut self,
        readers: &Readers,
        expected: Revision,
        replica: &Replica,
    ) -> Result<Revision, StoreError> {
        let has_records = !replica.records.is_empty();
        self.write(readers, Some(expected), has_records, |transaction, _| {
            for records in replica.records.chunks(STEP) {
                records::copy(transaction, records)?;
                step(transaction, records.len(), &|| false)?;
            }
            for entries in replica.entries.chunks(STEP) {
                log::copy(transaction, entries)?;
                step(transaction, entries.len(), &|| false)?;
            }
            records::newest(transaction)
        })
    }

    /// Runs `write` in a transaction, with the current revision, and makes what it wrote durable.
    fn write(
        &mut self,
        readers: &Readers,
        expected: Option<Revision>,
        has_records: bool,
        write: impl FnOnce(&Transaction<'_>, Revision) -> Result<Revision, StoreError>,
    ) -> Result<Revision, StoreError> {
        // Nothing may be appended to a log whose earlier frames may not be on the disk.
        if self.log == LogOrigin::EarlierProcess {
            write_back::truncate_log_without_readers(&self.connection, readers)?;
            self.log = LogOrigin::ThisProcess;
        }
        // Commits of audit entries alone are not synced in the head file, since they are not acknowledged to a client.
        let durability = match has_records {
            true => Durability::Disk,
            false => Durability::System,
        };
        let result = self.attempt(expected, write);
        match &result {
            Ok((current, _, head)) if *current == Revision::default() && has_records => {
                // The first commit of a store holds its whole document. It is written back at once, so that the store
                // does not depend on the log alone.
                self.head.write(head, durability);
                write_back::try_truncate_log(&self.connection, readers);
            }
            Ok((_, _, head)) => {
                self.head.write(head, durability);
                write_back::if_long(&self.connection, readers);
            }
            Err(StoreError::Full(_) | StoreError::Io(_)) => self.discard_failed_commit(readers),
            Err(_) => {}
        }
        result.map(|(_, revision, _)| revision)
    }

    /// Returns the revisions before and after the transaction, and the head of the store after it.
    fn attempt(
        &mut self,
        expected: Option<Revision>,
        write: impl FnOnce(&Transaction<'_>, Revision) -> Result<Revision, StoreError>,
    ) -> Result<(Revision, Revision, StoreHead), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        let current = records::newest(&transaction)?;
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(StoreError::Conflict { expected, current });
        }
        let revision = write(&transaction, current)?;
        let head = StoreHead::of(&transaction)?;
        transaction.commit().map_err(fault)?;
        Ok((current, revision, head))
    }

    /// Removes a failed commit from SQLite's log. If the fsync of a commit fails, SQLite rolls the commit back for
    /// all connections but leaves it complete in the log, where a recovery after a crash would find it. The log is
    /// therefore written back and truncated. The truncation is durable only with the next fsync, so a counter is
    /// committed after it; if the log could not be truncated, that commit overwrites the failed one.
    fn discard_failed_commit(&mut self, readers: &Readers) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a failed commit could not be rolled back");
        }
        write_back::try_truncate_log(&self.connection, readers);
        let written = self
            .connection
            .execute("UPDATE failure SET count = count + 1", []);
        if let Err(error) = written {
            tracing::error!(
                %error,
                "the store can't be written; if the machine loses power now, a rejected change may be found applied"
            );
        }
    }
}

/// Ends a step of `rows` rows of a long transaction: gives up if it is interrupted, and moves its pages into the log, so
/// that the commit itself is short.
fn step(
    transaction: &Transaction<'_>,
    rows: usize,
    interrupted: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    if rows < STEP {
        return Ok(());
    }
    if interrupted() {
        return Err(StoreError::Interrupted);
    }
    transaction.cache_flush().map_err(fault)
}
