//! The last good document: what a store held last, in a file beside it, to be served while the store can't be used.

use std::fs::{File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufWriter, Result, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use control::{Control, Revision, State};
use tracing::warn;

/// In the store's directory.
const FILE_NAME: &str = "last-good.json";
/// Nobody else reads what nobody else may read in the store.
const MODE: u32 = 0o600;
/// A document that takes long to write is not written all the time: it rests so many times as long.
const REST_FACTOR: u32 = 20;
/// What can't be written is tried again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Where it is.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// Writes it down.
pub(crate) struct LastGood {
    path: PathBuf,
    written: Option<Revision>,
    /// How far flags were in what was written, and which were killed.
    states_hash: u64,
    next_write: Option<Instant>,
}

impl LastGood {
    /// Beside the store in this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            path: path(directory),
            written: None,
            states_hash: 0,
            next_write: None,
        }
    }

    /// Writes the document down if it is another than the one written last, and not too soon after that, unless a flag
    /// was killed, reverted or the like: a kill must not come undone. Of a store that holds nothing there is none.
    pub(crate) fn write_if_due(&mut self, control: &Control) {
        let now = Instant::now();
        if self.next_write.is_none_or(|until| until <= now)
            || control.read(|state, _| states_hash(state)) != self.states_hash
        {
            self.write_now(control);
        }
    }

    /// As `keep`, however soon.
    pub(crate) fn write_now(&mut self, control: &Control) {
        let revision = control.read(|state, _| state.revision);
        if revision == Revision::default() || self.written == Some(revision) {
            return;
        }
        let begun = Instant::now();
        let (revision, states_hash, document) =
            control.read(|state, _| (state.revision, states_hash(state), state.document()));
        self.states_hash = states_hash;
        let rest = match write_atomically(&self.path, &document) {
            Ok(()) => {
                self.written = Some(revision);
                begun.elapsed().saturating_mul(REST_FACTOR)
            }
            Err(error) => {
                warn!("the last good document can't be written down: {error}");
                RETRY_AFTER
            }
        };
        self.next_write = Instant::now().checked_add(rest);
    }
}

/// How far each flag is, and whether it is killed, as a number that differs where that does.
fn states_hash(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, flag) in &state.states {
        (key, &flag.lifecycle, flag.enabled).hash(&mut hasher);
    }
    hasher.finish()
}

/// It is for the day on which the disk is not well: the one before stays until this one is on it.
fn write_atomically(path: &Path, document: &serde_json::Value) -> Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(true)
        .write(true)
        .mode(MODE)
        .open(&temporary)?;
    // One that was left behind has the mode that it had.
    file.set_permissions(Permissions::from_mode(MODE))?;
    let mut file = BufWriter::new(file);
    serde_json::to_writer(&mut file, document)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    std::fs::rename(temporary, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
