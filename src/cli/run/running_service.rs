//! A running service: the proxy with its control plane and break-glass socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use config::FlagsSource;
use control::BreakGlass;
use proxy::{Accepting, AccessLogFormat, AccessLogOutput, ReadySocket, Running};
use tracing::{info, warn};

use super::super::output;
use super::control_parts::{ControlParts, control_listeners};
use crate::active_config::ActiveConfig;
use crate::admin_routes::AdminRoutes;
use crate::break_glass::BreakGlassThread;
use crate::control_plane::ControlPlane;
use crate::startup::{self, Startup, StartupFlags};
use crate::upgrade::{Successor, Takeover};
use crate::{port_holder, process_log, terminal};

/// Default of `drain.delay`, unless a person runs this process on a terminal: the time in which load balancers notice
/// that it is not ready.
const DRAIN_DELAY: Duration = Duration::from_secs(5);

/// Start of the last line of a process that could not start.
pub(in crate::cli) const NOT_STARTED: &str = "not started";

/// The origin of the sockets of a start, and its access log.
#[derive(Default)]
pub(in crate::cli) struct Origin {
    /// Those of a service manager.
    pub(super) sockets: Vec<ReadySocket>,
    /// The takeover from a running process.
    pub(super) takeover: Option<Takeover>,
    /// True if the sockets are handed over to another process some time.
    pub(super) is_handed_over: bool,
    /// The access log in place of that of the document; none for that.
    pub(in crate::cli) access_log: Option<(AccessLogOutput, AccessLogFormat)>,
}

/// A running proxy with its control plane and break-glass socket.
pub(in crate::cli) struct Service {
    pub(in crate::cli) running: Running,
    /// The parts that use the store; none while another process has it.
    pub(super) control: Option<ControlParts>,
    pub(super) admin_routes: AdminRoutes,
    pub(super) active_config: Arc<ActiveConfig>,
    /// Location of the store.
    pub(super) store: Option<FlagsSource>,
    /// True if the last good document is served.
    pub(super) is_store_damaged: bool,
    pub(super) break_glass: Option<BreakGlassThread>,
    /// The next process; none if upgrades are not possible.
    pub(super) successor: Option<Successor>,
}

impl Service {
    /// Starts the proxy with the configuration that was loaded from `path`, and watches its files.
    ///
    /// The order of the steps matters. The seed of an empty store is committed once the listeners are bound. The control
    /// plane is created before the proxy, because the proxy serves its routes on the admin listener. The operators are
    /// set after it, because their tokens are verified by the keys that the proxy fetches. The watcher is last, because
    /// a reload needs all of them.
    ///
    /// # Errors
    /// An address is in use, or a file, a thread or a key can't be used.
    pub(in crate::cli) fn start(startup: Startup, path: PathBuf, origin: &mut Origin) -> Result<Self> {
        // First, because the limits of requests, tunnels and connections are derived from the limit of open files.
        if let Err(refused) = proxy::raise_descriptor_limit() {
            warn!("can't raise the limit of open files: {refused}");
        }
        if !startup.loaded.warnings.is_empty() {
            output::print_report(&startup.loaded.warnings);
        }
        // Before the seed: a start that fails for an address must leave the store empty.
        let sockets = bind(&startup.loaded.settings, origin)?;
        let (loaded, flags) = startup::commit_seed(startup, &path)?;
        let socket_config = loaded.settings.break_glass.clone();
        let open =
            |socket_config: &config::BreakGlassSettings| Arc::new(BreakGlass::open(&socket_config.journal));
        // Before the proxy, so that kills of the journal apply to its first request.
        let break_glass_kills = socket_config.as_ref().map(open);
        let managed = match &flags {
            StartupFlags::Files => None,
            StartupFlags::Store { opened, .. } => Some((opened.compiled().clone(), opened.revision().0)),
            // The document does not record the revision of the store that it is a copy of.
            StartupFlags::LastGood { compiled, .. } => Some((compiled.clone(), 0)),
        };
        let damage = match &flags {
            StartupFlags::LastGood { damage, .. } => {
                Some(format!("{}. To fix this: {}", damage.detail, damage.help))
            }
            _ => None,
        };
        let store = match &flags {
            StartupFlags::Store { store, .. } => Some(store.clone()),
            StartupFlags::Files | StartupFlags::LastGood { .. } => None,
        };
        let changes = loaded.settings.changes.clone();
        let active_config = ActiveConfig::new(path, loaded, managed, break_glass_kills.clone());
        let control_plane = ControlPlane::new(flags, &changes, &active_config);
        let admin_routes = AdminRoutes::new(control_plane.routers(&control_listeners(&active_config)));
        let options = proxy::StartOptions {
            sockets: Some(sockets),
            accepting: match origin.takeover {
                Some(_) => Accepting::Later,
                None => Accepting::AtStart,
            },
            admin_routes: Some(admin_routes.admin()),
            tenants_routes: Some(admin_routes.tenants()),
            access_log: origin.access_log.take(),
            default_drain_delay: if terminal::is_attached() {
                Duration::ZERO
            } else {
                DRAIN_DELAY
            },
            log_drops: process_log::current().map(|log| Arc::clone(log.drops())),
            ..proxy::StartOptions::default()
        };
        let running = active_config.start(options)?;
        log_limits(&running);
        let is_store_damaged = damage.is_some();
        running.publisher().set_store_damage(damage);
        let control = ControlParts::start(control_plane, store.as_ref(), &running, &active_config)?;
        // After the proxy: a kill is acknowledged once it is published, which needs a proxy.
        let break_glass = match socket_config.zip(break_glass_kills) {
            Some((socket_config, break_glass_kills)) => {
                let readiness = Arc::clone(running.readiness());
                Some(BreakGlassThread::start(
                    &socket_config.socket,
                    &break_glass_kills,
                    &active_config,
                    readiness,
                )?)
            }
            None => None,
        };
        Ok(Self {
            running,
            control: Some(control),
            admin_routes,
            active_config,
            store: store.map(|store| store.source),
            is_store_damaged,
            break_glass,
            successor: None,
        })
    }
}

/// Binds the sockets of the listeners, except those that there are already.
///
/// # Errors
/// An address can't be bound, or the service manager has a socket that no listener is configured for.
fn bind(settings: &config::Settings, origin: &mut Origin) -> Result<proxy::BoundSockets> {
    let mut ready = match &mut origin.takeover {
        Some(takeover) => takeover.sockets(settings),
        None => std::mem::take(&mut origin.sockets),
    };
    let bound =
        proxy::BoundSockets::bind_unless_ready(settings, &mut ready).map_err(port_holder::with_holder)?;
    // Sockets of listeners that were removed from the document are closed by an upgrade.
    if origin.takeover.is_none()
        && let Some(other) = ready.first()
    {
        let address = other
            .socket
            .local_addr()
            .context("a socket of the service manager")?;
        let name = other.name.as_deref().unwrap_or_default();
        bail!(
            "the socket `{name}` of the service manager, on {address}, fits no listener: set `FileDescriptorName=` to the \
             name of a listener, or to `admin` or `health`, or give a listener its address"
        );
    }
    Ok(if origin.is_handed_over {
        bound.to_hand_over()
    } else {
        bound
    })
}

/// Logs the limits of requests, tunnels, memory and open files.
fn log_limits(running: &Running) {
    let capacity = running.capacity();
    info!(
        max_in_flight = capacity.in_flight.all,
        max_tunnels = capacity.tunnels.all,
        max_buffered_mib = capacity.buffered.all / (1024 * 1024),
        descriptors = capacity.descriptors + capacity.reserve,
        reserve = capacity.reserve,
        "limits"
    );
    if capacity.is_small() {
        warn!(
            "the limit of open files is low: half of it is reserved for health checks, the admin API and files, which \
             may not be enough; raise it to 1024 or more (`ulimit -n`, `LimitNOFILE=`)"
        );
    }
}
