//! The directories in which something may happen to the files: never the files themselves, whose watch would
//! end with the first rename.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::inputs::Inputs;

/// The directories that are watched.
pub(super) struct Directories {
    /// None where the system gives no notifications.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Directories {
    /// Watches nothing yet; calls `hint` after every event that is not a mere reading.
    pub(super) fn new(notify: bool, hint: impl Fn() + Send + 'static) -> Self {
        let on_event = move |event: notify::Result<Event>| match event {
            // Our own reading is an event, too.
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

    /// Watches the directories of `inputs` and no others. Says whether a change in any of them will be heard.
    pub(super) fn follow(&mut self, inputs: &[&Inputs]) -> bool {
        self.follow_to(|| inputs.iter().flat_map(|inputs| directories(inputs)).collect())
    }

    /// Watches the directories that `find` finds, and finds them again once they are watched: one that came between
    /// finding and watching would be heard of by nobody.
    fn follow_to(&mut self, find: impl Fn() -> BTreeSet<PathBuf>) -> bool {
        let mut wanted = find();
        for _ in 0..MAX_FINDINGS {
            let hears = self.watch(&wanted);
            let found = find();
            if found == wanted {
                return hears;
            }
            wanted = found;
        }
        false
    }

    fn watch(&mut self, wanted: &BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        for gone in self.watched.difference(wanted) {
            // It may be gone from the disk as well, and then is not watched any more.
            let _ = watcher.unwatch(gone);
        }
        let mut hears = true;
        for directory in wanted {
            // Again and again: a directory that was replaced has the same path and is not watched.
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                // One that an update has removed meanwhile is no news: what took its place is looked at next.
                let is_news = !self.watched.contains(directory) && directory.exists();
                if is_news {
                    tracing::warn!(directory = %directory.display(), %error, "not watched: files are polled");
                }
                hears = false;
            }
        }
        self.watched.clone_from(wanted);
        hears
    }
}

/// How often directories are found anew while they come and go. After that they are polled for a while.
const MAX_FINDINGS: usize = 8;
/// The most links that are followed from one path: as many as Linux follows.
const MAX_LINKS: usize = 40;

/// Where the files are, and where they are in truth: in Kubernetes a file is a link through the link `..data`
/// into a directory that every update replaces.
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

/// Where `path` leads, adding the directory of every link on the way. The end need not exist: a link whose target
/// is gone says where the target will be again.
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

/// The first link among a path and what is above it, and its target.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut upwards: Vec<&Path> = path.ancestors().collect();
    upwards.reverse();
    upwards
        .into_iter()
        .find_map(|part| Some((part.to_owned(), part.read_link().ok()?)))
}

/// The nearest directory above that exists.
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
