//! The last good document: a copy of the content of a store in a file beside it, served while the store can't be used.
//! Beside it is a small file with the states of flags (lifecycles and kills), which is written before a change of a
//! state is answered; the document follows within a fraction of a second.

mod states;

use std::fs::{OpenOptions, Permissions};
use std::io::{BufWriter, Result, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use config::{Files, FlagsDocument};
use control::{Control, LAST_GOOD_FILE, Revision};
use serde::Serialize;
use tracing::warn;

pub(crate) use self::states::{StatesFile, StatesKeeper};
use crate::parent_directory::sync_entry;

/// Mode of the file: readable by its owner only, like the store.
const MODE: u32 = 0o600;
/// Pause after a write, as a multiple of the time that the write took. A large document takes at most a 20th of the
/// time.
const REST_FACTOR: u32 = 20;
/// Pause after a failed write.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Returns the path of the last good document.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(LAST_GOOD_FILE)
}

/// Returns the time at which the last good document was written, or 1970-01-01 if there is none.
pub(crate) fn written_at(directory: &Path) -> SystemTime {
    let file = path(directory).metadata().and_then(|file| file.modified());
    file.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Reads the last good document with the states of flags that were written after it; `None` if there is none, or it is
/// invalid.
pub(crate) fn read(directory: &Path) -> Option<FlagsDocument> {
    // The report of an invalid document is dropped: no operator wrote it, and the damage of the store is what has to be
    // repaired.
    let mut document = FlagsDocument::read_stored(Files::Disk, &path(directory)).ok()?;
    StatesFile::apply_to(&mut document, directory);
    Some(document)
}

/// Writes the states of flags into the last good document, so that a copy of the document has them. Without states,
/// or if it fails, the document stays as it is.
pub(crate) fn merge(directory: &Path, document: &FlagsDocument) {
    if !StatesFile::exists(directory) {
        return;
    }
    let written = write_atomically(&path(directory), document);
    if let Err(error) = written.and_then(|()| StatesFile::remove(directory)) {
        warn!("can't write the states of flags into the last good document: {error}");
    }
}

/// Writer of the last good document.
pub(crate) struct LastGood {
    path: PathBuf,
    states: Arc<StatesFile>,
    written: Option<Revision>,
    next_write: Option<Instant>,
}

impl LastGood {
    /// Creates the writer for the store in this directory.
    pub(crate) fn new(directory: &Path, states: Arc<StatesFile>) -> Self {
        Self {
            path: path(directory),
            states,
            written: None,
            next_write: None,
        }
    }

    /// Writes the document if it has changed and the pause since the last write is over. Nothing is written for an empty
    /// store.
    pub(crate) fn write_if_due(&mut self, control: &Control) {
        let now = Instant::now();
        if self.next_write.is_none_or(|until| until <= now) {
            self.write_now(control);
        }
    }

    /// Writes the document if it has changed, without a pause.
    pub(crate) fn write_now(&mut self, control: &Control) {
        let revision = control.read(|state, _| state.revision);
        // An empty store has no content to fall back to, and the presence of the file means that there was some: see
        // `startup::open_store`.
        if revision == Revision::default() || self.written == Some(revision) {
            return;
        }
        let begun = Instant::now();
        let state = control.read(|state, _| state.clone());
        // A file of older states would undo a later kill whose states could not be written. So the file gets these states
        // before the document, and is removed once they are in it.
        let refreshed = self.states.refresh(&state);
        let written = refreshed.and_then(|()| write_atomically(&self.path, &state.document));
        let rest = match written.and_then(|()| self.states.remove_up_to(state.revision)) {
            Ok(()) => {
                self.written = Some(state.revision);
                begun.elapsed().saturating_mul(REST_FACTOR)
            }
            Err(error) => {
                warn!("can't write the last good document: {error}");
                RETRY_AFTER
            }
        };
        self.next_write = Instant::now().checked_add(rest);
    }
}

/// Writes the content beside the path, and renames it once it is on the disk. The previous file stays until then: the
/// last good document is for the case that the disk fails.
fn write_atomically(path: &Path, content: &impl Serialize) -> Result<()> {
    // A fixed name: a process that crashes in every write leaves one file, not one for each crash. The lock of the store
    // excludes other writers.
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(true)
        .write(true)
        .mode(MODE)
        .open(&temporary)?;
    // The mode of `open` applies to new files only, and a file may be left from a crash.
    file.set_permissions(Permissions::from_mode(MODE))?;
    let mut file = BufWriter::new(file);
    serde_json::to_writer(&mut file, content)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    std::fs::rename(temporary, path)?;
    sync_entry(path)
}

#[cfg(test)]
mod tests;
