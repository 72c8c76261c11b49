//! The parts of a process that use the store, and the watch over its files. An upgrade ends them while requests are
//! served, and starts them again if it fails.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use config::Watcher;
use control::Control;
use proxy::Running;

use super::reloader::Reloader;
use crate::active_config::ActiveConfig;
use crate::admin_routes::AdminRoutes;
use crate::control_listeners::ControlListeners;
use crate::control_plane::ControlPlane;
use crate::notification_thread::NotificationThread;
use crate::startup::{self, StartupFlags};
use crate::store_watch::{StoreWatch, VerifiedStore};

/// Time for requests of the admin API that use the store.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(40);
/// Pause between two looks at them.
const PAUSE: Duration = Duration::from_millis(10);

/// The parts, dropped in this order: no reload arrives while the control plane writes the last good document, and the
/// notices of the control plane's end are still collected.
pub(super) struct ControlParts {
    pub(super) watcher: Watcher,
    _store_watch: Option<StoreWatch>,
    pub(super) control_plane: ControlPlane,
    _notifications: Option<NotificationThread>,
}

impl ControlParts {
    /// Connects a control plane with the running proxy, and starts its threads. `store` is the directory of the store.
    ///
    /// # Errors
    /// The operators are invalid, or the files can't be watched.
    pub(super) fn start(
        control_plane: ControlPlane,
        store: Option<&PathBuf>,
        running: &Running,
        active_config: &Arc<ActiveConfig>,
    ) -> Result<Self> {
        active_config.with_loaded(|loaded| control_plane.attach_proxy(running, loaded))?;
        let reloader = Reloader {
            active_config: Arc::clone(active_config),
            publisher: running.publisher(),
            control: Arc::clone(&control_plane.control),
            config_audit: Arc::clone(&control_plane.config_audit),
            operators: Arc::clone(&control_plane.operators),
            streams: control_plane.streams(),
            keys: Arc::clone(running.keys()),
            readiness: Arc::clone(running.readiness()),
        };
        let watcher = reloader.watch().context("can't watch the files")?;
        let (sinks, public_url) = active_config.with_loaded(|loaded| {
            let settings = &loaded.settings;
            (settings.notify.clone(), settings.changes.public_url.clone())
        });
        let notifications = store.and_then(|directory| {
            let control = Arc::clone(&control_plane.control);
            let receivers = (sinks.as_slice(), public_url.as_deref());
            NotificationThread::start(control, receivers, directory, running.publisher())
        });
        // Last: the check reads the whole store.
        let store_watch = store
            .and_then(|directory| StoreWatch::start(&control_plane.control, directory, running.publisher()));
        let (files, stored) = (watcher.verified(), store_watch.as_ref().map(StoreWatch::verified));
        let last_good = control_plane.last_good_at;
        running.publisher().show_verified(move || {
            let stored = last_good.or_else(|| stored.as_ref().map(VerifiedStore::at));
            stored.map_or(files.at(), |stored| stored.min(files.at()))
        });
        Ok(Self {
            watcher,
            _store_watch: store_watch,
            control_plane,
            _notifications: notifications,
        })
    }

    /// Ends the parts, and waits until the store is closed.
    ///
    /// # Errors
    /// A request of the admin API still uses it.
    pub(super) fn release(self, routes: &AdminRoutes) -> Result<()> {
        routes.close();
        self.control_plane.end_streams();
        let control: Weak<Control> = Arc::downgrade(&self.control_plane.control);
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        drop(self);
        while control.strong_count() > 0 {
            ensure!(
                Instant::now() < deadline,
                "a request of the admin API still uses the store"
            );
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Starts the parts again, with the store as another process has left it.
    ///
    /// # Errors
    /// The store is still in use, or can't be used.
    pub(super) fn take_back(
        store: Option<&PathBuf>,
        routes: &AdminRoutes,
        running: &Running,
        active_config: &Arc<ActiveConfig>,
    ) -> Result<Self> {
        let flags = match store {
            None => StartupFlags::Files,
            Some(directory) => {
                let opened = startup::reopen(directory, active_config.eligibility())?;
                let replaced = active_config.replace_flags(opened.compiled(), opened.revision());
                replaced.map_err(|error| anyhow!("{error}"))?;
                StartupFlags::Store {
                    opened,
                    directory: directory.clone(),
                }
            }
        };
        let changes = active_config.with_loaded(|loaded| loaded.settings.changes.clone());
        let control_plane = ControlPlane::new(flags, &changes, active_config);
        let routers = control_plane.routers(&control_listeners(active_config));
        let parts = Self::start(control_plane, store, running, active_config)?;
        routes.replace(routers);
        Ok(parts)
    }
}

/// Returns the listeners that serve the control plane, as the document has them.
pub(super) fn control_listeners(active_config: &ActiveConfig) -> ControlListeners {
    active_config.with_loaded(|loaded| ControlListeners::of(&loaded.settings))
}
