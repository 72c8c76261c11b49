//! The parts of a process that use the store, and the watch over its files. An upgrade ends them while requests are
//! served, and starts them again if it fails.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use config::{FlagsSource, Watcher};
use control::Control;
use fleet::EtcdStore;
use proxy::Running;

use super::reloader::Reloader;
use crate::active_config::ActiveConfig;
use crate::admin_routes::AdminRoutes;
use crate::control_listeners::ControlListeners;
use crate::control_plane::ControlPlane;
use crate::fleet_follow::FleetFollow;
use crate::notification_thread::NotificationThread;
use crate::startup::{self, ManagedStore, StartupFlags};
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
    _fleet_follow: Option<FleetFollow>,
    pub(super) control_plane: ControlPlane,
    _notifications: Option<NotificationThread>,
    /// The store of a fleet.
    etcd: Option<Arc<EtcdStore>>,
}

impl ControlParts {
    /// Connects a control plane with the running proxy, and starts its threads.
    ///
    /// # Errors
    /// The operators are invalid, the files can't be watched, or a thread can't be started.
    pub(super) fn start(
        control_plane: ControlPlane,
        store: Option<&ManagedStore>,
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
        let notifications = store.and_then(|store| {
            let control = Arc::clone(&control_plane.control);
            let receivers = (sinks.as_slice(), public_url.as_deref());
            NotificationThread::start(control, receivers, &store.directory, running.publisher())
        });
        let etcd = store.and_then(|store| store.etcd.clone());
        let fleet_follow = match &etcd {
            Some(etcd) => {
                let control = Arc::clone(&control_plane.control);
                let (follow, health) = FleetFollow::start(control, etcd, Arc::clone(running.readiness()))?;
                control_plane.attach_fleet(health);
                Some(follow)
            }
            None => None,
        };
        // Last: the check reads the whole store.
        let store_watch =
            store.and_then(|store| StoreWatch::start(&control_plane.control, store, running.publisher()));
        let (files, stored) = (watcher.verified(), store_watch.as_ref().map(StoreWatch::verified));
        let last_good = control_plane.last_good_at;
        running.publisher().show_verified(move || {
            let stored = last_good.or_else(|| stored.as_ref().map(VerifiedStore::at));
            stored.map_or(files.at(), |stored| stored.min(files.at()))
        });
        Ok(Self {
            watcher,
            _store_watch: store_watch,
            _fleet_follow: fleet_follow,
            control_plane,
            _notifications: notifications,
            etcd,
        })
    }

    /// Ends the parts, and waits until the store is closed.
    ///
    /// # Errors
    /// A request of the admin API still uses it.
    pub(super) fn release(mut self, routes: &AdminRoutes) -> Result<()> {
        routes.close();
        self.control_plane.end_streams();
        let control: Weak<Control> = Arc::downgrade(&self.control_plane.control);
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        let etcd = self.etcd.take();
        drop(self);
        // The control plane has a reference to the store, too: the last one closes it, here.
        let is_used =
            || control.strong_count() > 0 || etcd.as_ref().is_some_and(|etcd| Arc::strong_count(etcd) > 1);
        while is_used() {
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
        store: Option<&FlagsSource>,
        routes: &AdminRoutes,
        running: &Running,
        active_config: &Arc<ActiveConfig>,
    ) -> Result<Self> {
        let (flags, store) = match store {
            None => (StartupFlags::Files, None),
            Some(source) => {
                let (opened, store) = startup::reopen(source, active_config.eligibility())?;
                let replaced = active_config.replace_flags(opened.compiled(), opened.revision());
                replaced.map_err(|error| anyhow!("{error}"))?;
                let kept = store.clone();
                (StartupFlags::Store { opened, store }, Some(kept))
            }
        };
        let changes = active_config.with_loaded(|loaded| loaded.settings.changes.clone());
        let control_plane = ControlPlane::new(flags, &changes, active_config);
        let routers = control_plane.routers(&control_listeners(active_config));
        let parts = Self::start(control_plane, store.as_ref(), running, active_config)?;
        routes.replace(routers);
        Ok(parts)
    }
}

/// Returns the listeners that serve the control plane, as the document has them.
pub(super) fn control_listeners(active_config: &ActiveConfig) -> ControlListeners {
    active_config.with_loaded(|loaded| ControlListeners::of(&loaded.settings))
}
