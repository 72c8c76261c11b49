//! A backup in the place of what a directory holds: checked as a whole before anything is moved, put there whole or not
//! at all, and nothing that was there is lost.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use changes::{Hash, Revision};
use rusqlite::Connection;

use super::directory::{Directory, Purpose, open};
use super::fault::{at, fault};
use super::{copy, log, records, schema};
use crate::store::StoreError;

/// What was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the store is at.
    pub revision: Revision,
    /// Id and hash of the newest entry of its log.
    pub head: (u64, Hash),
    /// Where that is now which was there before, if anything was.
    pub aside: Option<PathBuf>,
}

/// Why a backup was not put in place.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not one, or not whole. Nothing was moved.
    #[error("{} can't be restored: {reason}", path.display())]
    Unfit {
        /// Its path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The store that it is for is in use, or can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts the backup `from` in place in the directory `to`, which is made if there is none.
pub(super) fn restore(from: &Path, to: &Path) -> Result<Restored, RestoreError> {
    let unfit = |error: StoreError| RestoreError::Unfit {
        path: from.to_owned(),
        reason: match error {
            StoreError::Corrupt(damage) => damage,
            other => other.to_string(),
        },
    };
    let log = with_end(from, "-wal");
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        let reason = format!(
            "{} lies beside it, so that it is no backup but the file of a store, or was put in the place of one; copy \
             the backup itself elsewhere",
            log.display()
        );
        return Err(unfit(StoreError::Corrupt(reason)));
    }
    let mut source = File::open(from).map_err(at(from)).map_err(unfit)?;
    let directory = Directory::take(to)?;
    let folder = tempfile::Builder::new()
        .prefix(".sluice-restore-")
        .tempdir_in(directory.path())
        .map_err(at(to))?;
    let whole = folder.path().join("whole");
    let mut options = fs::OpenOptions::new();
    let mut copied = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&whole)
        .map_err(at(&whole))?;
    std::io::copy(&mut source, &mut copied).map_err(at(&whole))?;
    let (revision, head) = check(&whole).map_err(unfit)?;
    copied.sync_all().map_err(at(&whole))?;
    for made in [whole.clone(), directory.lock_file()] {
        own_as(to, &made).map_err(at(&made))?;
    }
    let aside = directory.replace(&whole)?;
    Ok(Restored {
        revision,
        head,
        aside,
    })
}

/// Whether everything in the file is as a store wrote it: pages, the whole log, each record. Leaves it as one file
/// of the newest format.
fn check(file: &Path) -> Result<(Revision, (u64, Hash)), StoreError> {
    let mut connection = open(file, Purpose::Write)?;
    schema::recognise(&connection)?;
    connection
        .pragma_update(None, "journal_mode", "DELETE")
        .map_err(fault)?;
    copy::check_all(&connection)?;
    schema::migrate(&mut connection)?;
    let contents = check_contents(&connection)?;
    connection.close().map_err(|(_, error)| fault(error))?;
    Ok(contents)
}

/// The same of a file that is left as it is. What an older format holds can't be read before its steps are taken.
pub(super) fn check_unchanged(file: &Path) -> Result<(), StoreError> {
    let connection = open(file, Purpose::Read)?;
    schema::recognise(&connection)?;
    copy::check_all(&connection)?;
    if schema::is_newest(&connection)? {
        check_contents(&connection)?;
    }
    connection.close().map_err(|(_, error)| fault(error))
}

/// Whether the whole log and each record are as they were written.
fn check_contents(connection: &Connection) -> Result<(Revision, (u64, Hash)), StoreError> {
    log::check_newest(connection, u64::MAX)?;
    log::check_end(connection)?;
    Ok((records::load(connection)?.revision, log::head(connection)?))
}

/// Whoever restores may be another user than the one who runs the proxy: what is made belongs to the owner of the
/// directory.
fn own_as(directory: &Path, file: &Path) -> std::io::Result<()> {
    let (wanted, is) = (fs::metadata(directory)?, fs::metadata(file)?);
    if (wanted.uid(), wanted.gid()) == (is.uid(), is.gid()) {
        return Ok(());
    }
    chown(file, Some(wanted.uid()), Some(wanted.gid()))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.to_owned();
    path.as_mut_os_string().push(end);
    path
}

#[cfg(test)]
mod tests;
