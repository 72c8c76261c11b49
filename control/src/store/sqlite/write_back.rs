//! Writes SQLite's log back into its file (checkpoint), in place of SQLite's automatic checkpoints: only while no
//! reader is active, so that the whole log is written back. A partial checkpoint beside readers is synced later; if
//! pages were lost before that sync, SQLite would not write them again.

use std::time::Duration;

use rusqlite::Connection;

use super::fault::fault;
use super::readers::Readers;
use crate::store::StoreError;

/// The number of frames (one page each) in the log from which it is written back: 4 MiB.
const MANY_FRAMES: i64 = 1_000;
/// The number of frames from which the longer wait applies.
const URGENT_FRAMES: i64 = 10_000;
/// The wait for active readers; new readers wait meanwhile. If it expires, the next commit tries again.
const READER_WAIT: Duration = Duration::from_millis(5);
/// The wait if the log must be written back.
const LONG_READER_WAIT: Duration = Duration::from_millis(500);

/// The kind of a checkpoint.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Reports the length of the log and writes nothing back.
    Noop,
    /// Writes the log back; the next commit overwrites it from the beginning.
    Passive,
    /// Writes the log back and truncates it.
    Truncate,
}

/// The state of the log after a checkpoint.
struct LogLength {
    frames: i64,
    written_back: i64,
}

/// Writes the log back if it is long. The last commit is durable whatever the result.
pub(super) fn if_long(connection: &Connection, readers: &Readers) {
    let frames = match checkpoint(connection, Mode::Noop) {
        Ok(log) => log.frames.saturating_sub(log.written_back),
        Err(error) => return tracing::warn!(%error, "the length of the store's log can't be read"),
    };
    if frames < MANY_FRAMES {
        return;
    }
    let timeout = if frames < URGENT_FRAMES {
        READER_WAIT
    } else {
        LONG_READER_WAIT
    };
    let Some(_without_readers) = readers.without_readers(timeout) else {
        return;
    };
    if let Err(error) = checkpoint(connection, Mode::Passive) {
        tracing::error!(%error, frames, "the store's log can't be written back; it grows until it can");
    }
}

/// Writes the log back and truncates it, while this process has no reader. A reader of another process does not make
/// it fail.
pub(super) fn truncate_log(connection: &Connection) -> Result<(), StoreError> {
    checkpoint(connection, Mode::Truncate).map(drop).map_err(fault)
}

/// Writes the log back and truncates it, after the readers of this process have ended.
pub(super) fn truncate_log_without_readers(
    connection: &Connection,
    readers: &Readers,
) -> Result<(), StoreError> {
    let without_readers = readers.without_readers(LONG_READER_WAIT);
    let _without_readers =
        without_readers.ok_or_else(|| StoreError::Io("its log is being read; try again".to_owned()))?;
    truncate_log(connection)
}

/// Writes the log back and truncates it, if possible.
pub(super) fn try_truncate_log(connection: &Connection, readers: &Readers) {
    if let Some(_without_readers) = readers.without_readers(LONG_READER_WAIT)
        && let Err(error) = checkpoint(connection, Mode::Truncate)
    {
        tracing::warn!(%error, "the store's log can't be written back");
    }
}

fn checkpoint(connection: &Connection, mode: Mode) -> rusqlite::Result<LogLength> {
    let sql = match mode {
        Mode::Noop => "PRAGMA wal_checkpoint(NOOP)",
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    connection.query_row(sql, [], |row| {
        Ok(LogLength {
            frames: row.get(1)?,
            written_back: row.get(2)?,
        })
    })
}

#[cfg(test)]
mod tests;
