//! The watched directories. Files themselves are never watched, because such a watch ends when the file is replaced.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::inputs::Inputs;

/// The watched directories.
pub(super) struct Directories {
    /// None if the operating system has no notifications.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Directories {
    /// Creates a watch of no directory, which calls `hint` for every event except reads.
    pub(super) fn new(notify: bool, hint: impl Fn() + Send + 'static) -> Self {
        let on_event = move |event: notify::Result<Event>| match event {
            // Reading the files is an event, too.
            Ok(Event {
                kind: EventKind::Access(_),
                ..
            }) => {}
            Ok(_) | Err(_) => hint(),
        };
        let watcher = notify.then(|| notify::recommended_watcher(on_event));
        let watcher = watcher.and_then(|watcher| {
            watcher
                .inspect_err(|error| tracing::warn!(%error, "no notifications: files are polled"))
                .ok()
        });
        Self {
            watcher,
            watched: BTreeSet::new(),
        }
    }

    /// Watches exactly the directories of `inputs`. Returns true if all of them are watched.
    pub(super) fn watch_inputs(&mut self, inputs: &[&Inputs]) -> bool {
        self.watch_found(|| inputs.iter().flat_map(|inputs| directories(inputs)).collect())
    }

    /// Watches the directories that `find` returns, and repeats that until they are the same: a directory that is
    /// created between finding and watching would otherwise be missed.
    fn watch_found(&mut self, find: impl Fn() -> BTreeSet<PathBuf>) -> bool {
        let mut wanted = find();
        for _ in 0..MAX_ATTEMPTS {
            let are_all_watched = self.watch(&wanted);
            let found = find();
            if found == wanted {
                return are_all_watched;
            }
            wanted = found;
        }
        false
    }

    fn watch(&mut self, wanted: &BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        for removed in self.watched.difference(wanted) {
            // An error means that the directory was removed from the disk, which ended its watch.
            let _ = watcher.unwatch(removed);
        }
        let mut are_all_watched = true;
        for directory in wanted {
            // Watch it even if it is in `watched`: a replaced directory has the same path, but its watch has ended.
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                // No warning for a directory that an update removed meanwhile: its replacement is found next.
                let is_unexpected = !self.watched.contains(directory) && directory.exists();
                if is_unexpected {
                    tracing::warn!(directory = %directory.display(), %error, "not watched: files are polled");
                }
                are_all_watched = false;
            }
        }
        self.watched.clone_from(wanted);
        are_all_watched
    }
}

/// The maximum number of attempts while directories keep changing. After that the files are polled until the next
/// attempt.
const MAX_ATTEMPTS: usize = 8;
/// The maximum number of links that are followed from one path, the same as on Linux.
const MAX_LINKS: usize = 40;

/// Returns the directories of the files, of their targets, and of every link in between. In Kubernetes a file is a link
/// through the link `..data` into a directory that every update replaces.
fn directories(inputs: &Inputs) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in inputs.files() {
        let real = follow_links(file, &mut found);
        found.extend([parent(file), parent(&real)].into_iter().flatten());
    }
    for directory in inputs.directories() {
        let real = follow_links(directory, &mut found);
        found.extend(
            [parent(directory), parent(&real), existing(&real)]
                .into_iter()
                .flatten(),
        );
    }
    found
}

/// Follows the links of `path`, and adds the directory of every link. The target need not exist: a link whose target
/// was removed names the place where it will be created again.
fn follow_links(path: &Path, directories: &mut BTreeSet<PathBuf>) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Some((link, target)) = first_link(&path) else {
            break;
        };
        let folder = link.parent().unwrap_or(Path::new(""));
        let rest = path.strip_prefix(&link).unwrap_or(Path::new(""));
        directories.extend(existing(folder));
        let mut next = folder.join(target);
        if !rest.as_os_str().is_empty() {
            next.push(rest);
        }
        path = next;
    }
    path
}

/// Returns the first link among the ancestors of a path and itself, from the root on, and its target.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut upwards: Vec<&Path> = path.ancestors().collect();
    upwards.reverse();
    upwards
        .into_iter()
        .find_map(|part| Some((part.to_owned(), part.read_link().ok()?)))
}

/// Returns the nearest ancestor that exists.
fn parent(path: &Path) -> Option<PathBuf> {
    existing(path.parent()?)
}

fn existing(path: &Path) -> Option<PathBuf> {
    let mut candidate = path;
    loop {
        if candidate.as_os_str().is_empty() {
            return Some(PathBuf::from("."));
        }
        if candidate.is_dir() {
            return Some(candidate.to_owned());
        }
        candidate = candidate.parent()?;
    }
}

#[cfg(test)]
mod tests;
