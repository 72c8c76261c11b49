//! Follows the files of a load: any event in their directories is a hint to look again, and what counts is the
//! content. A thread of its own reads, compiles and tells; it ends with its [`Watcher`].

mod directories;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::directories::Directories;
use crate::inputs::Inputs;
use crate::load::load;
use crate::loaded::Loaded;
use crate::report::Report;

/// What became of a change of the files.
#[derive(Debug)]
pub enum Reload {
    /// It is good: this is to be served from now on.
    Applied(Box<Loaded>),
    /// It is bad: what was applied last is to be served on. The same bad content is told once.
    Refused(Report),
    /// After a bad change the files are again what was applied last.
    Restored,
}

/// What whoever is told of a change does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// What was applied is served from now on.
    Served,
    /// It is not, and what was served before is served on.
    NotServed,
}

/// How files are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchOptions {
    /// How long nothing must happen before the files are read.
    pub debounce: Duration,
    /// How long a stream of events may put that off.
    pub debounce_at_most: Duration,
    /// How long the files are waited for while they themselves change on and on, as one that is written slowly.
    pub changing_at_most: Duration,
    /// How often the files are read though nothing was heard.
    pub reread: Duration,
    /// How often they are read where nothing can be heard.
    pub poll: Duration,
    /// Whether the system's notifications are used at all.
    pub notify: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            debounce: Duration::from_millis(100),
            debounce_at_most: Duration::from_millis(300),
            changing_at_most: Duration::from_secs(2),
            reread: Duration::from_secs(10),
            poll: Duration::from_secs(1),
            notify: true,
        }
    }
}

/// The watch over the files; it ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    hints: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// Asks a watch to read its files again, for when what else they are loaded with has changed.
#[derive(Debug, Clone)]
pub struct Again {
    shared: Arc<Shared>,
    hints: SyncSender<()>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    polls: AtomicBool,
    /// Whether the files are to be read though they are what they were.
    again: AtomicBool,
}

/// Follows the files that `loaded` was read from, by way of `path`, and tells `on_reload` of every change.
///
/// # Errors
/// No thread can be started.
pub fn watch(
    path: PathBuf,
    loaded: &Loaded,
    variable: impl Fn(&str) -> Option<String> + Send + 'static,
    on_reload: impl FnMut(Reload) -> Reception + Send + 'static,
) -> std::io::Result<Watcher> {
    watch_with(WatchOptions::default(), path, loaded, variable, on_reload)
}

/// The same as [`watch`], with other times.
///
/// # Errors
/// No thread can be started.
pub fn watch_with(
    options: WatchOptions,
    path: PathBuf,
    loaded: &Loaded,
    variable: impl Fn(&str) -> Option<String> + Send + 'static,
    on_reload: impl FnMut(Reload) -> Reception + Send + 'static,
) -> std::io::Result<Watcher> {
    watch_by(options, loaded, move || load(&path, &variable), on_reload)
}

/// Follows the files that `loaded` was read from, has them read by `load` when they have changed, and tells
/// `on_reload` of every change. What else `load` depends on is not followed.
///
/// # Errors
/// No thread can be started.
pub fn watch_by(
    options: WatchOptions,
    loaded: &Loaded,
    load: impl FnMut() -> Result<Loaded, Report> + Send + 'static,
    on_reload: impl FnMut(Reload) -> Reception + Send + 'static,
) -> std::io::Result<Watcher> {
    // One place is enough: hints are all alike.
    let (hints, heard) = sync_channel(1);
    let shared = Arc::new(Shared::default());
    let mut follower = Follower {
        options,
        load,
        on_reload,
        heard,
        shared: Arc::clone(&shared),
        applied: loaded.inputs.clone(),
        seen: loaded.inputs.clone(),
        is_refused: false,
    };
    let hint = hints.clone();
    let run = move || {
        let directories = Directories::new(options.notify, move || {
            let _ = hint.try_send(());
        });
        follower.run(directories);
    };
    let thread = std::thread::Builder::new()
        .name("sluice-watch".to_owned())
        .spawn(run)?;
    Ok(Watcher {
        shared,
        hints,
        thread: Some(thread),
    })
}

impl Watcher {
    /// Has the files looked at now, as after an event.
    pub fn look(&self) {
        let _ = self.hints.try_send(());
    }

    /// For those who know what else the files are loaded with.
    #[must_use]
    pub fn again(&self) -> Again {
        Again {
            shared: Arc::clone(&self.shared),
            hints: self.hints.clone(),
        }
    }

    /// Whether nothing can be heard of the files, so that they are read again and again instead.
    #[must_use]
    pub fn polls(&self) -> bool {
        self.shared.polls.load(Ordering::Relaxed)
    }

    /// Ends the watch and waits until it has.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        let _ = self.hints.try_send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the watch over the files has panicked");
        }
    }
}

impl Again {
    /// Has the files read soon, changed or not. Of what is served already, or was refused for the same, nothing is told.
    pub fn read(&self) {
        self.shared.again.store(true, Ordering::Release);
        let _ = self.hints.try_send(());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end();
    }
}

struct Follower<L, R> {
    options: WatchOptions,
    load: L,
    on_reload: R,
    heard: Receiver<()>,
    shared: Arc<Shared>,
    /// What is served.
    applied: Inputs,
    /// What was looked at last.
    seen: Inputs,
    /// Whether that was refused.
    is_refused: bool,
}

impl<L: FnMut() -> Result<Loaded, Report>, R: FnMut(Reload) -> Reception> Follower<L, R> {
    fn run(&mut self, mut directories: Directories) {
        let mut settled = false;
        while !self.is_stopped() {
            // What is watched follows the files first, so that no change falls between looking and listening.
            let hears = directories.follow(&[&self.applied, &self.seen]);
            self.shared.polls.store(!hears, Ordering::Relaxed);
            let has_read = self.look(settled);
            // Looking waits for events, too, and may have taken the one that came with the stop.
            if self.is_stopped() {
                return;
            }
            if has_read {
                // So may it have taken that of a directory which went while it was read, and is back by now: listen
                // anew, and wait only once nothing has changed since.
                settled = false;
                continue;
            }
            let patience = if hears {
                self.options.reread
            } else {
                self.options.poll
            };
            settled = match self.heard.recv_timeout(patience) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if settled {
                self.settle();
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Waits until nothing has been heard for a while; and where that does not come, until the files stay as
    /// they are for a while, whatever else may happen beside them.
    fn settle(&self) {
        let begun = Instant::now();
        while !self.is_stopped() && begun.elapsed() < self.options.debounce_at_most {
            if self.heard.recv_timeout(self.options.debounce).is_err() {
                return;
            }
        }
        let mut before = self.seen.again();
        while !self.is_stopped() && begun.elapsed() < self.options.changing_at_most {
            std::thread::sleep(self.options.debounce);
            let now = self.seen.again();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Reads the files if their contents have changed or somebody asks for it, and tells what became of it. Whether it
    /// has read them.
    fn look(&mut self, settled: bool) -> bool {
        if self.is_stopped() {
            return false;
        }
        let is_asked_for = self.shared.again.swap(false, Ordering::AcqRel);
        if !is_asked_for && !self.seen.have_changed() {
            return false;
        }
        if !settled {
            self.settle();
        }
        let mut read = (self.load)();
        // A bad file may be one that is still being written: it gets a second look.
        if read.is_err() {
            self.settle();
            read = match read {
                Err(report) if report.inputs().have_changed() => (self.load)(),
                read => read,
            };
        }
        if self.is_stopped() {
            return true;
        }
        match read {
            Ok(loaded) => {
                self.seen = loaded.inputs.clone();
                let is_new = self.seen != self.applied;
                if is_new {
                    let reception = (self.on_reload)(Reload::Applied(Box::new(loaded)));
                    self.is_refused = reception == Reception::NotServed;
                    if reception == Reception::Served {
                        self.applied = self.seen.clone();
                    }
                } else if self.is_refused {
                    (self.on_reload)(Reload::Restored);
                    self.is_refused = false;
                }
            }
            Err(report) => {
                let inputs = report.inputs().clone();
                let is_new = inputs != self.seen;
                self.seen = inputs;
                if is_new {
                    self.is_refused = true;
                    (self.on_reload)(Reload::Refused(report));
                }
            }
        }
        true
    }
}
