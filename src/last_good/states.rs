//! The states of flags beside the last good document. A document of many tenants takes too long to write before a kill is
//! answered; the states of 10,000 flags take a few milliseconds.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use config::{Catalog, FlagsDocument, ToJson as _, read_default, read_exposure};
use control::{KeepStates, LAST_GOOD_STATES_FILE, Revision, State};
use parking_lot::{Condvar, Mutex};
use rules::{Eligibility, Lifecycle, Site, Sited};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;

use super::write_atomically;
use crate::parent_directory::sync_entry;

/// Largest file that is read, in bytes: 10,000 flags with the longest keys take 2 MB, and the stages of plans come on top.
const MAX_BYTES: u64 = 64 << 20;

/// The file of the states, shared by the writers of the states and of the document.
#[derive(Debug)]
pub(crate) struct StatesFile {
    path: PathBuf,
    /// The newest revision whose states are in the file or in the document; 0 for files of an earlier process. The lock is
    /// held while the file is written or removed.
    revision: Mutex<Revision>,
}

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct States {
    flags: BTreeMap<String, FlagStates>,
}

/// The state of one flag.
#[derive(Debug, Serialize, Deserialize)]
struct FlagStates {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifecycle: Option<String>,
    killed: bool,
    /// The stages of a rollout plan in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposure: Option<Value>,
    /// The default: the end of a plan replaces its stages by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
}

impl States {
    /// Applies the states to the flags that they name.
    fn apply_to(&self, document: &mut FlagsDocument, with_stages: bool) {
        for (key, states) in &self.flags {
            let Some(definition) = document.flags.get_mut(key.as_str()) else {
                continue;
            };
            let definition = Arc::make_mut(definition);
            definition.enabled = states.killed.then_some(false);
            if with_stages {
                definition.exposure = states.exposure.as_ref().and_then(read_exposure);
                // The end of a plan sets a default and never removes one; files of earlier versions have none.
                if let Some(default) = states.default.as_ref().and_then(read_default) {
                    definition.default = Some(Sited::new(default, Site::default()));
                }
            }
            let lifecycle = states.lifecycle.as_deref();
            let lifecycle =
                lifecycle.and_then(|name| Lifecycle::ALL.into_iter().find(|known| known.as_str() == name));
            if let Some(lifecycle) = lifecycle {
                definition.lifecycle = Some(Sited::new(lifecycle, Site::default()));
            }
        }
    }
}

impl StatesFile {
    pub(crate) fn new(directory: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: directory.join(LAST_GOOD_STATES_FILE),
            revision: Mutex::new(Revision::default()),
        })
    }

    /// Returns true if there is a file of states in the directory.
    pub(super) fn exists(directory: &Path) -> bool {
        directory.join(LAST_GOOD_STATES_FILE).exists()
    }

    /// Applies the states in the directory to the flags of the document that they name. Without a readable file the
    /// document stays as it is.
    pub(super) fn apply_to(document: &mut FlagsDocument, directory: &Path) {
        let path = directory.join(LAST_GOOD_STATES_FILE);
        if path.metadata().map_or(u64::MAX, |file| file.len()) > MAX_BYTES {
            return;
        }
        let text = std::fs::read(&path).unwrap_or_default();
        let Ok(states) = serde_json::from_slice::<States>(&text) else {
            warn!(
                "{} is not readable; flags keep the states of the last good document",
                path.display()
            );
            return;
        };
        let mut whole = document.clone();
        states.apply_to(&mut whole, true);
        // The stages may name a segment or a variant that is newer than the document.
        if Catalog::new(Eligibility::default(), whole.clone()).is_ok() {
            *document = whole;
        } else {
            warn!(
                "the stages of rollout plans do not fit the last good document; those in the document stay"
            );
            states.apply_to(document, false);
        }
    }

    /// Removes the file in the directory.
    pub(super) fn remove(directory: &Path) -> Result<()> {
        remove(&directory.join(LAST_GOOD_STATES_FILE))
    }

    /// Writes the states into the file if there is one with older states. Called before the document of this state is
    /// written: if the process ends before it removes the file, its states are still not older than the document.
    pub(super) fn refresh(&self, state: &State) -> Result<()> {
        let mut written = self.revision.lock();
        if *written > state.revision || !self.path.exists() {
            return Ok(());
        }
        self.write_states(state)?;
        *written = state.revision;
        Ok(())
    }

    /// Removes the file if its states are not newer than the document, which is at this revision.
    pub(super) fn remove_up_to(&self, revision: Revision) -> Result<()> {
        let mut written = self.revision.lock();
        if *written > revision {
            return Ok(());
        }
        *written = revision;
        remove(&self.path)
    }

    /// Writes the states, unless newer ones are in the file or in the document.
    pub(super) fn write(&self, state: &State) -> Result<()> {
        let mut written = self.revision.lock();
        if *written >= state.revision {
            return Ok(());
        }
        self.write_states(state)?;
        *written = state.revision;
        Ok(())
    }

    fn write_states(&self, state: &State) -> Result<()> {
        let flags = state.flags().map(|(key, flag)| {
            let states = FlagStates {
                lifecycle: flag.lifecycle().map(|lifecycle| lifecycle.as_str().to_owned()),
                killed: !flag.is_enabled(),
                exposure: flag
                    .definition
                    .exposure
                    .as_ref()
                    .map(|exposure| exposure.to_json()),
                default: flag
                    .definition
                    .default
                    .as_ref()
                    .map(|default| default.value.to_json()),
            };
            (key.to_owned(), states)
        });
        let states = States {
            flags: flags.collect(),
        };
        write_atomically(&self.path, &states)
    }
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_entry(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The thread that writes the states. Changes wait for it, but not longer than they are told to: a disk may hang.
pub(crate) struct StatesKeeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    /// The newest state to write.
    wanted: Option<State>,
    /// The revision of the last attempt, and of the last one that succeeded.
    tried: Revision,
    written: Revision,
    is_stopped: bool,
}

impl StatesKeeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread.
    pub(crate) fn start(file: Arc<StatesFile>) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("last-good".into())
            .spawn(move || of_thread.run(&file))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Returns the handle for the control plane.
    pub(crate) fn handle(&self) -> Arc<dyn KeepStates> {
        Arc::clone(&self.shared) as _
    }
}

impl Drop for StatesKeeper {
    fn drop(&mut self) {
        self.shared.work.lock().is_stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, file: &StatesFile) {
        let mut work = self.work.lock();
        loop {
            let Some(state) = work.wanted.take() else {
                if work.is_stopped {
                    return;
                }
                self.changed.wait(&mut work);
                continue;
            };
            drop(work);
            let written = file.write(&state);
            if let Err(error) = &written {
                warn!("can't write the states of flags beside the last good document: {error}");
            }
            work = self.work.lock();
            work.tried = state.revision;
            if written.is_ok() {
                work.written = state.revision;
            }
            self.changed.notify_all();
        }
    }
}

impl KeepStates for Shared {
    fn keep(&self, state: &State, wait: Duration) -> bool {
        let until = Instant::now().checked_add(wait);
        let revision = state.revision;
        let mut work = self.work.lock();
        let is_newer = |known: &Option<State>| known.as_ref().is_none_or(|known| known.revision < revision);
        if is_newer(&work.wanted) && work.tried < revision {
            work.wanted = Some(state.clone());
            self.changed.notify_all();
        }
        while work.tried < revision {
            let Some(until) = until else { return false };
            if self.changed.wait_until(&mut work, until).timed_out() {
                break;
            }
        }
        work.written >= revision
    }
}
