//! The upgrade of a store that an older version of sluice wrote. Before its format changes, a backup is made beside it,
//! so that there is a way back to the older version.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tracing::info;

use super::directory::Directory;
use super::fault::at;
use super::{copy, schema};
use crate::store::StoreError;

/// Most backups of upgrades from one format in one directory.
const MAX_BACKUPS: u32 = 1_000;

/// Brings the store to the newest format. If that changes it, a backup is made first.
///
/// # Errors
/// The backup can't be made, and nothing was changed; or a step of the upgrade failed, and the store has the format that
/// it had before that step.
pub(super) fn upgrade(directory: &Directory, connection: &mut Connection) -> Result<(), StoreError> {
    if schema::is_newest(connection)? {
        return Ok(());
    }
    let format = schema::version(connection)?;
    let backup = free(directory.path(), format)?;
    copy::copy(directory, &backup)?;
    schema::migrate(connection)?;
    info!(
        "the store is upgraded from format {format} to {}; an older version of sluice can't read it: to go back, without \
         the changes since, run `{}` with that version",
        schema::NEWEST,
        restore(&backup, directory.path()),
    );
    Ok(())
}

/// Says how to go back to the format `known` from a newer one, in the terms of a directory that was upgraded from it.
pub(super) fn way_back(directory: &Path, known: usize) -> String {
    let backups = (1..=MAX_BACKUPS).map(|number| backup(directory, known, number));
    let newest = backups.take_while(|backup| backup.exists()).last();
    restore(&newest.unwrap_or_else(|| "BACKUP".into()), directory)
}

fn restore(backup: &Path, directory: &Path) -> String {
    format!("sluice restore {} --to {}", backup.display(), directory.display())
}

/// The name of the backup that the next upgrade makes. One that is there may hold changes that are in no other.
fn free(directory: &Path, format: usize) -> Result<PathBuf, StoreError> {
    for number in 1..=MAX_BACKUPS {
        let backup = backup(directory, format, number);
        if !backup.try_exists().map_err(at(&backup))? {
            return Ok(backup);
        }
    }
    let text = format!("{} holds too many backups of upgrades", directory.display());
    Err(StoreError::Io(text))
}

/// `format-2.backup.db`, `format-2.backup-2.db`, ...
fn backup(directory: &Path, format: usize, number: u32) -> PathBuf {
    directory.join(match number {
        1 => format!("format-{format}.backup.db"),
        _ => format!("format-{format}.backup-{number}.db"),
    })
}

#[cfg(test)]
mod tests;
