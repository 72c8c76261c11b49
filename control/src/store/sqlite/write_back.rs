//! Writing SQLite's log back into its file, by us and not by SQLite as it goes: only while nobody reads, so that it is
//! all of the log. A part of it, which SQLite writes back beside readers, has its fsync at some later time; if pages
//! were lost before that, it would not write them again.

use std::time::Duration;

use rusqlite::Connection;

use super::fault::fault;
use super::readers::Readers;
use crate::store::StoreError;

/// So many frames, of a page each, may be in the log before it is written back: 4 MiB.
const MANY: i64 = 1_000;
/// From so many on it is waited longer for readers.
const TOO_MANY: i64 = 10_000;
/// How long it is waited for those that read; who comes after them waits as well. A commit later it is tried again.
const PATIENCE: Duration = Duration::from_millis(5);
/// As long as it is waited where it matters.
const MUCH_PATIENCE: Duration = Duration::from_millis(500);

/// What is to be done with the log.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Only said how long it is.
    Noop,
    /// Written back, to be begun anew by the next commit.
    Passive,
    /// Written back and cut.
    Truncate,
}

/// What became of the log.
struct Log {
    frames: i64,
    written_back: i64,
}

/// Writes the log back if it has become long. The commit before is on the disk whatever comes of this.
pub(super) fn when_long(connection: &Connection, readers: &Readers) {
    let frames = match checkpoint(connection, Mode::Noop) {
        Ok(log) => log.frames.saturating_sub(log.written_back),
        Err(error) => return tracing::warn!(%error, "the length of the store's log is not known"),
    };
    if frames < MANY {
        return;
    }
    let patience = if frames < TOO_MANY {
        PATIENCE
    } else {
        MUCH_PATIENCE
    };
    let Some(_none_reads) = readers.none_reads(patience) else {
        return;
    };
    if let Err(error) = checkpoint(connection, Mode::Passive) {
        tracing::error!(%error, frames, "the store's log can't be written back; it grows until it can");
    }
}

/// Writes the log back, cuts it, and says what failed. Nobody reads. Somebody who looks with other tools does not
/// fail it.
pub(super) fn settle(connection: &Connection) -> Result<(), StoreError> {
    checkpoint(connection, Mode::Truncate).map(drop).map_err(fault)
}

/// The same while others may read.
pub(super) fn settle_beside(connection: &Connection, readers: &Readers) -> Result<(), StoreError> {
    let none_reads = readers.none_reads(MUCH_PATIENCE);
    let _none_reads =
        none_reads.ok_or_else(|| StoreError::Io("its log is being read; try again".to_owned()))?;
    settle(connection)
}

/// Writes the log back and cuts it to nothing, if that can be done.
pub(super) fn and_cut(connection: &Connection, readers: &Readers) {
    if let Some(_none_reads) = readers.none_reads(MUCH_PATIENCE)
        && let Err(error) = checkpoint(connection, Mode::Truncate)
    {
        tracing::warn!(%error, "the store's log can't be written back");
    }
}

fn checkpoint(connection: &Connection, mode: Mode) -> rusqlite::Result<Log> {
    let sql = match mode {
        Mode::Noop => "PRAGMA wal_checkpoint(NOOP)",
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    connection.query_row(sql, [], |row| {
        Ok(Log {
            frames: row.get(1)?,
            written_back: row.get(2)?,
        })
    })
}

#[cfg(test)]
mod tests;
