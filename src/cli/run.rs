//! `sluice run`: runs the proxy and reloads its files, until a signal ends it.

mod control_parts;
mod drain;
mod reloader;
mod running_service;
mod upgrading;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use config::{Files, LogLevel, ProcessLogFormat};
use logging::LogFormat;
use proxy::DrainTimes;
use tracing::{error, info, warn};

use self::control_parts::ControlParts;
use self::drain::{log_end, log_ignored_upgrade, reopen_logs, second_end};
use self::reloader::NOT_RELOADED;
pub(super) use self::running_service::{NOT_STARTED, Origin, Service};
use self::upgrading::HandOverEnd;
use super::config_path::config_path;
use super::exit::Exit;
use super::output;
use crate::activation;
use crate::environment::{self, variable};
use crate::process_log::{self, LevelDirectives};
use crate::service_manager;
use crate::signals::{EndSignal, SignalRequest, Signals};
use crate::startup::{self, Startup};
use crate::upgrade::{self, Successor, UpgradeSocket, socket_path};

/// Runs the proxy.
///
/// It reloads its files: a valid change takes effect within half a second, an invalid one changes nothing and is
/// reported.
///
/// SIGTERM, SIGQUIT and Ctrl-C end it: it becomes unready, finishes the in-flight requests, and exits with 0. SIGHUP
/// reloads the files now, SIGUSR1 opens the access log again, SIGUSR2 starts the binary again with --upgrade.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file [env: SLUICE_CONFIG=] [default: sluice.yaml].
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of the listener, or NAME=ADDRESS for one of several; may be repeated [env: SLUICE_ADDRESS=] [default:
    /// that of the configuration].
    #[arg(long = "address", value_name = "[NAME=]IP:PORT")]
    addresses: Vec<String>,
    /// The address of the admin listener [env: SLUICE_ADMIN_ADDRESS=] [default: that of the configuration].
    #[arg(long, value_name = "IP:PORT")]
    admin_address: Option<String>,
    /// The address of the health listener [env: SLUICE_HEALTH_ADDRESS=] [default: that of the configuration].
    #[arg(long, value_name = "IP:PORT")]
    health_address: Option<String>,
    /// Takes the sockets and the store of the running process, which then drains and ends. If this process does not
    /// become ready, that process continues.
    #[arg(long)]
    upgrade: bool,
    /// Starts this command again in a process without a parent, and ends. A running process uses it at SIGUSR2.
    #[arg(long, hide = true, requires = "upgrade")]
    detach: bool,
    /// The least important level that is logged, or MODULE=LEVEL separated by commas [default: that of RUST_LOG, else of
    /// the configuration, else info].
    #[arg(long, value_name = "LEVEL", env = "SLUICE_LOG_LEVEL")]
    log_level: Option<String>,
    /// The format of the log [default: that of the configuration, else text].
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SLUICE_LOG_FORMAT",
        hide_env_values = true
    )]
    log_format: Option<LogFormatWord>,
}

/// The word of a format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormatWord {
    /// Lines for people.
    Text,
    /// One JSON object in each line, for machines.
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    if arguments.detach {
        upgrade::detach().context(NOT_STARTED)?;
        return Ok(Exit::Success);
    }
    // First: no thread may read the environment while variables are removed from it.
    let sockets = activation::sockets().context(NOT_STARTED)?;
    let successor = Successor::of_this_process();
    let path = config_path(arguments.config.as_ref());
    environment::set_options(address_options(arguments));
    start_log(arguments, &path)?;
    let signals = Signals::install()?;
    let takeover = match arguments.upgrade {
        false => None,
        true => match upgrading::begin(&path).context(NOT_STARTED)? {
            None => return Ok(Exit::Failure),
            takeover => takeover,
        },
    };
    let Some(startup) = load_startup(&path)? else {
        return Ok(Exit::Failure);
    };
    let snapshot = &startup.loaded.snapshot;
    info!(
        config = %path.display(),
        routes = snapshot.routes.all().len(),
        flags = snapshot.flags.len(),
        tenants = snapshot.tenants.len(),
        "sluice {}", env!("CARGO_PKG_VERSION")
    );
    signals.hold();
    let upgrade_socket = startup.loaded.settings.upgrade.as_ref();
    let upgrade_socket = socket_path(upgrade_socket.map(|upgrade| &*upgrade.socket));
    let mut origin = Origin {
        sockets,
        takeover,
        is_handed_over: upgrade_socket.is_some(),
        access_log: None,
    };
    let mut service = Service::start(startup, path, &mut origin).context(NOT_STARTED)?;
    if let Some(takeover) = origin.takeover.take() {
        upgrading::finish(takeover, &service).context(NOT_STARTED)?;
    }
    log_listeners(&service);
    service.successor = successor.ok().filter(|_| upgrade_socket.is_some());
    // After the takeover: until then another process listens there.
    if let Some(path) = &upgrade_socket {
        match UpgradeSocket::start(path, signals.sender()) {
            Ok(_) => info!(socket = %path.display(), "upgrades are possible"),
            Err(reason) => warn!("upgrades are not possible: {}: {reason}", path.display()),
        }
    }
    if let Some(pulse) = service.running.pulse() {
        service_manager::watch(pulse);
    }
    service_manager::ready();
    service.run_until_stopped(signals)
}

/// Logs the addresses of the listeners.
fn log_listeners(service: &Service) {
    for listener in service.running.listeners() {
        info!(listener = &*listener.name, address = %listener.address, "listening");
    }
    match service.running.admin() {
        Some(address) => info!(%address, "admin listening: /livez, /readyz, /metrics, /api/v1"),
        None => info!("no admin listener"),
    }
    if let Some(address) = service.running.health() {
        info!(%address, "health listening: /livez, /readyz, /metrics");
    }
    if let Some(address) = service.running.tenants() {
        info!(%address, "tenants listening: /admin/feature-flags, /api/v1/orgs");
    }
    let asks = |parts: &ControlParts| parts.control_plane.operators.asks();
    if service.running.admin().is_some() && !service.control.as_ref().is_some_and(asks) {
        info!("`admin.operators` has no operators: every user of this machine is platform-admin");
    }
}

/// Returns the addresses of options, by the variables that they come before.
fn address_options(arguments: &Arguments) -> Vec<(&'static str, String)> {
    let addresses = arguments.addresses.join(",");
    let listeners = (!addresses.is_empty()).then_some((config::ADDRESS_VARIABLE, addresses));
    let admin = arguments.admin_address.clone();
    let admin = admin.map(|address| (config::ADMIN_ADDRESS_VARIABLE, address));
    let health = arguments.health_address.clone();
    let health = health.map(|address| (config::HEALTH_ADDRESS_VARIABLE, address));
    listeners.into_iter().chain(admin).chain(health).collect()
}

/// Starts the log. For level and format, the option comes before the variable, and both before the document at `path`.
fn start_log(arguments: &Arguments, path: &Path) -> Result<()> {
    let settings = config::log_settings(Files::Disk, path, &variable);
    let format = arguments.log_format.or_else(|| {
        settings.format.map(|format| match format {
            ProcessLogFormat::Text => LogFormatWord::Text,
            ProcessLogFormat::Json => LogFormatWord::Json,
        })
    });
    let format = match format {
        Some(LogFormatWord::Json) => LogFormat::Json,
        Some(LogFormatWord::Text) | None => process_log::text_format(),
    };
    let directives = match &arguments.log_level {
        Some(level) => LevelDirectives {
            source: "--log-level or SLUICE_LOG_LEVEL",
            text: level.clone(),
        },
        None => process_log::rust_log().unwrap_or(LevelDirectives {
            source: "log.level",
            text: settings.level.map_or("", LogLevel::as_str).to_owned(),
        }),
    };
    process_log::start(format, &directives)?;
    Ok(())
}

/// Loads the configuration. Prints the report of invalid documents, and returns `None`.
///
/// # Errors
/// The store can't be used, and there is no last good document.
pub(super) fn load_startup(path: &Path) -> Result<Option<Startup>> {
    match startup::load(path).context(NOT_STARTED)? {
        Ok(startup) => Ok(Some(startup)),
        Err(report) => {
            output::print_report(&report);
            error!("{NOT_STARTED}: the configuration has errors");
            Ok(None)
        }
    }
}

impl Service {
    /// Serves until a signal ends the process or another process has taken over, then drains. The last line of the log
    /// says how the drain ended.
    ///
    /// The watcher and the break-glass socket end before the control plane, so that no reload and no kill arrives while
    /// the control plane writes the last good document.
    ///
    /// # Errors
    /// No signal can arrive any more.
    pub(super) fn run_until_stopped(mut self, mut signals: Signals) -> Result<Exit> {
        let access_log = self.running.access_log();
        let signal = loop {
            match signals.next().context("the thread of signals has ended")? {
                SignalRequest::End(signal) => break Some(signal),
                SignalRequest::Reload => self.reload(),
                SignalRequest::ReopenLogs => reopen_logs(&access_log),
                SignalRequest::Upgrade => self.start_successor(),
                SignalRequest::HandOver(other) => match self.hand_over(&other, &mut signals) {
                    HandOverEnd::Done => break None,
                    HandOverEnd::Failed => {}
                    HandOverEnd::Ended(signal) => break Some(signal),
                },
            }
        };
        let times = self.stop_times(signal);
        let seconds = |time: Duration| format!("{}s", time.as_secs_f64());
        info!(
            delay = %seconds(times.delay),
            timeout = %seconds(times.timeout),
            "{}: draining, no longer ready",
            signal.map_or("upgrade", EndSignal::name)
        );
        service_manager::stopping(times.longest());
        if signal.is_none() {
            self.running.stop_admin();
        }
        if let Some(control) = &self.control {
            control.control_plane.end_streams();
        }
        let mut second = None;
        let stopped = self.running.stop_within(times, async {
            second = Some(second_end(signal, &mut signals, &access_log).await);
        });
        // The watch over the files, the store and the control plane end after break-glass.
        drop(self.break_glass);
        drop(self.control);
        log_end(stopped, times, second);
        Ok(Exit::Success)
    }

    /// Returns the times of the drain. After an upgrade no load balancer has to notice it.
    fn stop_times(&self, signal: Option<EndSignal>) -> DrainTimes {
        let mut times = self.running.drain_times();
        if !signal.is_some_and(EndSignal::is_delayed) {
            times.delay = Duration::ZERO;
        }
        // A person at a terminal does not wait for clients.
        if signal.is_some_and(|signal| !signal.is_delayed()) {
            times.idle = Duration::ZERO;
        }
        times
    }

    fn reload(&self) {
        match &self.control {
            Some(control) if control.watcher.reload() => {
                service_manager::reloading();
                info!("SIGHUP: the files are read again");
            }
            _ => error!("{NOT_RELOADED} the file watch has ended, restart to reload"),
        }
    }

    /// Starts the binary again, which then connects to the upgrade socket.
    fn start_successor(&self) {
        let Some(successor) = &self.successor else {
            return log_ignored_upgrade();
        };
        match successor.start() {
            Ok(()) => info!("SIGUSR2: the binary is started for an upgrade"),
            Err(reason) => error!("SIGUSR2: the binary can't be started: {reason}"),
        }
    }
}
