//! The last good document: a copy of the content of a store in a file beside it, served while the store can't be used.

use std::fs::{OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufWriter, Result, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use config::FlagsDocument;
use control::{Control, Revision, State};
use rules::Lifecycle;
use tracing::warn;

use crate::parent_directory::sync_entry;

/// Name of the file, in the directory of the store.
const FILE_NAME: &str = "last-good.json";
/// Mode of the file: readable by its owner only, like the store.
const MODE: u32 = 0o600;
/// Pause after a write, as a multiple of the time that the write took. A large document takes at most a 20th of the
/// time.
const REST_FACTOR: u32 = 20;
/// Pause after a failed write.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Returns the path of the last good document.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// Writer of the last good document.
pub(crate) struct LastGood {
    path: PathBuf,
    written: Option<Revision>,
    /// Hash of the lifecycles and kills in the document written last.
    states_hash: u64,
    next_write: Option<Instant>,
}

impl LastGood {
    /// Creates the writer for the store in this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            path: path(directory),
            written: None,
            states_hash: 0,
            next_write: None,
        }
    }

    /// Writes the document if it has changed and the pause since the last write is over. A change of a lifecycle or a
    /// kill is written without a pause, because a restart from the last good document must not undo a kill. Nothing is
    /// written for an empty store.
    pub(crate) fn write_if_due(&mut self, control: &Control) {
        let now = Instant::now();
        if self.next_write.is_none_or(|until| until <= now)
            || control.read(|state, _| states_hash(state)) != self.states_hash
        {
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
        // Set even if the write fails. Otherwise the state would differ at every call, and a full disk would be written
        // to without the pause.
        self.states_hash = states_hash(&state);
        let rest = match write_atomically(&self.path, &state.document) {
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

/// Hashes the lifecycle of each flag, and whether it is killed.
fn states_hash(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, flag) in state.flags() {
        let lifecycle = flag.lifecycle().map(Lifecycle::as_str);
        (key, lifecycle, flag.is_enabled()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Writes the document beside its path, and renames it once it is on the disk. The previous document stays until then:
/// the last good document is for the case that the disk fails.
fn write_atomically(path: &Path, document: &FlagsDocument) -> Result<()> {
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
    serde_json::to_writer(&mut file, document)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    std::fs::rename(temporary, path)?;
    sync_entry(path)
}

#[cfg(test)]
mod tests;
