//! The upgrade of a store that an older version of sluice wrote. Before its format changes, a backup is made beside it,
//! so that there is a way back to the older version.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tracing::info;

use super::directory::Directory;
use super::fault::at;
use super::{copy, schema};
use crate::store::StoreError;

/// The maximum number of backups of upgrades from one format in one directory.
const MAX_BACKUPS: u32 = 1_000;

/// Upgrades the store to the newest format. A backup is made before the first change.
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
        "the store was upgraded from format {format} to {}; an older version of sluice can't read it. To return to that \
         version, without the changes since, run `{}` with it",
        schema::NEWEST,
        restore(&backup, directory.path()),
    );
    Ok(())
}

/// Returns the command that restores the newest backup of the format `known` in the directory.
pub(super) fn way_back(directory: &Path, known: usize) -> String {
    let backups = (1..=MAX_BACKUPS).map(|number| backup(directory, known, number));
    let newest = backups.take_while(|backup| backup.exists()).last();
    restore(&newest.unwrap_or_else(|| "BACKUP".into()), directory)
}

fn restore(backup: &Path, directory: &Path) -> String {
    format!("sluice restore {} --to {}", backup.display(), directory.display())
}

/// Returns the first unused name of a backup. An existing backup is never overwritten: it may hold changes that no
/// other has.
fn free(directory: &Path, format: usize) -> Result<PathBuf, StoreError> {
    for number in 1..=MAX_BACKUPS {
        let backup = backup(directory, format, number);
        if !backup.try_exists().map_err(at(&backup))? {
            return Ok(backup);
        }
    }
    let text = format!("{} has too many backups of upgrades", directory.display());
    Err(StoreError::Io(text))
}

/// Returns the name of a backup: `format-2.backup.db`, `format-2.backup-2.db`, ...
fn backup(directory: &Path, format: usize, number: u32) -> PathBuf {
    directory.join(match number {
        1 => format!("format-{format}.backup.db"),
        _ => format!("format-{format}.backup-{number}.db"),
    })
}

#[cfg(test)]
mod tests;
