//! Watches the files of a load. Every event in their directories is a hint to compare contents; only a changed content
//! causes a reload. A thread reads and compiles the files and calls back; it ends when its [`Watcher`] is dropped.

mod directories;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::directories::Directories;
use crate::inputs::Inputs;
use crate::load::load;
use crate::loaded_config::LoadedConfig;
use crate::report::Report;

/// The result of reading changed files.
#[derive(Debug)]
pub enum Reload {
    /// The files are valid: this load replaces the former one.
    Applied(Box<LoadedConfig>),
    /// The files are invalid: the former load stays active. The same invalid content is reported once.
    Refused(Report),
    /// After a refused change the files have the contents of the applied load again.
    Restored,
    /// A requested reload has found the contents of the applied load.
    Unchanged,
}

/// The reply of a callback to a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadResponse {
    /// The new load is served.
    Served,
    /// The new load is not served; the former one stays active.
    NotServed,
}

/// The times of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchOptions {
    /// The time without an event before the files are read.
    pub debounce: Duration,
    /// The maximum delay of reading by further events.
    pub debounce_at_most: Duration,
    /// The maximum time to wait for files whose contents keep changing, such as a file that is written slowly.
    pub changing_at_most: Duration,
    /// The interval of reading the files without an event.
    pub reread: Duration,
    /// The interval of reading the files if no notifications are available.
    pub poll: Duration,
    /// True to use notifications of the operating system.
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

/// A watch of files. It ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<WatchState>,
    hints: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// A handle that makes a watch read its files again, after a change of something else that the load depends on.
#[derive(Debug, Clone)]
pub struct RereadHandle {
    shared: Arc<WatchState>,
    hints: SyncSender<()>,
}

/// A handle that returns when the files were verified.
#[derive(Debug, Clone)]
pub struct VerifiedFiles {
    shared: Arc<WatchState>,
}

#[derive(Debug, Default)]
struct WatchState {
    stopped: AtomicBool,
    is_polling: AtomicBool,
    /// Set to read the files although their contents are unchanged.
    reread: AtomicBool,
    /// Set to read the files and to report the result, whatever it is.
    reload: AtomicBool,
    /// The time at which the files had the contents of the served load, in milliseconds since 1970.
    verified_ms: AtomicU64,
}

impl WatchState {
    /// Notes that the files have the contents of the served load now.
    fn set_verified(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.verified_ms.store(now_ms, Ordering::Relaxed);
    }
}

/// Watches the files of `loaded`, which was read from `path`, and calls `on_reload` for every change.
///
/// # Errors
/// The thread cannot be started.
pub fn watch(
    path: PathBuf,
    loaded: &LoadedConfig,
    variable: impl Fn(&str) -> Option<String> + Send + 'static,
    on_reload: impl FnMut(Reload) -> ReloadResponse + Send + 'static,
) -> std::io::Result<Watcher> {
    watch_with(WatchOptions::default(), path, loaded, variable, on_reload)
}

/// Does the same as [`watch`], with other times.
///
/// # Errors
/// The thread cannot be started.
pub fn watch_with(
    options: WatchOptions,
    path: PathBuf,
    loaded: &LoadedConfig,
    variable: impl Fn(&str) -> Option<String> + Send + 'static,
    on_reload: impl FnMut(Reload) -> ReloadResponse + Send + 'static,
) -> std::io::Result<Watcher> {
    watch_by(options, loaded, move || load(&path, &variable), on_reload)
}

/// Watches the files of `loaded`, calls `load` when they have changed, and `on_reload` with the result. Other
/// dependencies of `load` are not watched.
///
/// # Errors
/// The thread cannot be started.
pub fn watch_by(
    options: WatchOptions,
    loaded: &LoadedConfig,
    load: impl FnMut() -> Result<LoadedConfig, Report> + Send + 'static,
    on_reload: impl FnMut(Reload) -> ReloadResponse + Send + 'static,
) -> std::io::Result<Watcher> {
    // A capacity of one is sufficient: a second hint has no additional meaning.
    let (hints, events) = sync_channel(1);
    let shared = Arc::new(WatchState::default());
    // They were just loaded.
    shared.set_verified();
    let mut watch_loop = WatchLoop {
        options,
        load,
        on_reload,
        events,
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
        watch_loop.run(directories);
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
    /// Makes the watch compare the files now, as after an event.
    pub fn check_now(&self) {
        let _ = self.hints.try_send(());
    }

    /// Makes the watch read the files now, and report the result even if their contents are served already, or were
    /// refused already. Returns false if the watch has ended, which only a panic of its thread does.
    #[must_use]
    pub fn reload(&self) -> bool {
        self.shared.reload.store(true, Ordering::Release);
        let _ = self.hints.try_send(());
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Returns a handle for the owners of other dependencies of the load.
    #[must_use]
    pub fn reread_handle(&self) -> RereadHandle {
        RereadHandle {
            shared: Arc::clone(&self.shared),
            hints: self.hints.clone(),
        }
    }

    /// Returns a handle for the time at which the files were verified.
    #[must_use]
    pub fn verified(&self) -> VerifiedFiles {
        VerifiedFiles {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Returns true if no notifications are available, so that the files are polled.
    #[must_use]
    pub fn is_polling(&self) -> bool {
        self.shared.is_polling.load(Ordering::Relaxed)
    }

    /// Ends the watch and waits for its thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        let _ = self.hints.try_send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the file watch has panicked");
        }
    }
}

impl RereadHandle {
    /// Makes the watch read the files soon, changed or not. Contents that are served already, or were refused
    /// already, are not reported.
    pub fn reread(&self) {
        self.shared.reread.store(true, Ordering::Release);
        let _ = self.hints.try_send(());
    }
}

impl VerifiedFiles {
    /// Returns the last time at which the files were read and had the contents of the served load. It stays while the
    /// last change of the files is refused or not served.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        let since = Duration::from_millis(self.shared.verified_ms.load(Ordering::Relaxed));
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end();
    }
}

struct WatchLoop<L, R> {
    options: WatchOptions,
    load: L,
    on_reload: R,
    events: Receiver<()>,
    shared: Arc<WatchState>,
    /// The files of the load that is served.
    applied: Inputs,
    /// The files that were read last.
    seen: Inputs,
    /// True if the last load was refused or not served.
    is_refused: bool,
}

impl<L: FnMut() -> Result<LoadedConfig, Report>, R: FnMut(Reload) -> ReloadResponse> WatchLoop<L, R> {
    fn run(&mut self, mut directories: Directories) {
        let mut settled = false;
        while !self.is_stopped() {
            // Watch the directories before comparing the files: a change in between would otherwise be missed.
            let are_all_watched = directories.watch_inputs(&[&self.applied, &self.seen]);
            self.shared.is_polling.store(!are_all_watched, Ordering::Relaxed);
            let has_read = self.read_if_changed(settled);
            if !self.is_refused && !self.is_stopped() {
                self.shared.set_verified();
            }
            // `read_if_changed` receives events, too, and may have consumed the one of the stop.
            if self.is_stopped() {
                return;
            }
            if has_read {
                // `read_if_changed` may also have consumed the event of a directory that was removed while it was
                // read and exists again by now. Watch the directories anew, and wait only if nothing has changed
                // since.
                settled = false;
                continue;
            }
            let timeout = if are_all_watched {
                self.options.reread
            } else {
                self.options.poll
            };
            settled = match self.events.recv_timeout(timeout) {
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

    /// Waits until there is no event for `debounce`. If other events never stop, waits until the contents of the
    /// files do not change for that time.
    fn settle(&self) {
        let begun = Instant::now();
        while !self.is_stopped() && begun.elapsed() < self.options.debounce_at_most {
            if self.events.recv_timeout(self.options.debounce).is_err() {
                return;
            }
        }
        // Events go on, perhaps of other files in the same directories: compare the contents of the files instead.
        let mut before = self.seen.reread();
        while !self.is_stopped() && begun.elapsed() < self.options.changing_at_most {
            std::thread::sleep(self.options.debounce);
            let now = self.seen.reread();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Reads the files if their contents have changed, or [`RereadHandle`] or [`Watcher::reload`] asks for it, and
    /// reports the result. Returns true if it has read them.
    fn read_if_changed(&mut self, settled: bool) -> bool {
        if self.is_stopped() {
            return false;
        }
        let is_reread = self.shared.reread.swap(false, Ordering::AcqRel);
        let is_reload = self.shared.reload.swap(false, Ordering::AcqRel);
        if !is_reread && !is_reload && !self.seen.have_changed() {
            return false;
        }
        // After a timeout, nobody has waited for the end of a write yet.
        if !settled {
            self.settle();
        }
        let mut read = (self.load)();
        // An invalid file may be incomplete because it is still being written: read it a second time.
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
                // A request to read again may find the contents that are served already.
                let is_new = self.seen != self.applied;
                if is_new {
                    let response = (self.on_reload)(Reload::Applied(Box::new(loaded)));
                    self.is_refused = response == ReloadResponse::NotServed;
                    if response == ReloadResponse::Served {
                        self.applied = self.seen.clone();
                    }
                } else if self.is_refused {
                    (self.on_reload)(Reload::Restored);
                    self.is_refused = false;
                } else if is_reload {
                    (self.on_reload)(Reload::Unchanged);
                }
            }
            Err(report) => {
                let inputs = report.inputs().clone();
                let is_new = inputs != self.seen;
                self.seen = inputs;
                if is_new || is_reload {
                    self.is_refused = true;
                    (self.on_reload)(Reload::Refused(report));
                }
            }
        }
        true
    }
}
