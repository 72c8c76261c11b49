//! The upgrade of a running service: hands it over to a process that starts, or takes it over from one that runs.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use config::Files;
use tracing::{error, info, warn};

use super::super::output;
use super::control_parts::ControlParts;
use super::running_service::{NOT_STARTED, Service};
use crate::environment::variable;
use crate::signals::{EndSignal, SignalRequest, Signals};
use crate::upgrade::{Former, HandOver, Step, Takeover, socket_path};
use crate::{service_manager, startup};

/// Time for the other process to read the sockets and to ask for the store.
const RELEASE_WAIT: Duration = Duration::from_secs(10);
/// Time for the other process to load its flags and its keys.
const READY_WAIT: Duration = Duration::from_secs(90);
/// Time for the other process to begin to accept connections.
const SERVING_WAIT: Duration = Duration::from_secs(10);
/// Time for this process to be ready, less than the other one waits.
const OWN_READY_WAIT: Duration = Duration::from_secs(60);
/// Interval at which signals are read while the other process starts.
const POLL: Duration = Duration::from_millis(50);
/// Pause between two attempts to open the store again.
const RETRY: Duration = Duration::from_millis(100);
/// Number of attempts between two lines in the log.
const LOGGED_ATTEMPTS: u32 = 100;

/// The end of a hand-over.
pub(super) enum HandOverEnd {
    /// The other process serves.
    Done,
    /// This process continues.
    Failed,
    /// This process drains, by a signal.
    Ended(EndSignal),
}

/// The reason why a hand-over fails.
enum Failure {
    Ended(EndSignal),
    Refused(anyhow::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Service {
    /// Hands the service over to a process that connected. If that fails, this process has its store again.
    pub(super) fn hand_over(&mut self, other: &HandOver, signals: &mut Signals) -> HandOverEnd {
        let process = other.process();
        info!(process, "upgrade: another process asks for the sockets");
        match self.steps(other, signals) {
            Ok(()) => {
                // No message of this process may follow: the service manager ignores it.
                service_manager::replaced_by(process);
                let _ = other.grant(Step::Serving);
                info!(process, "upgrade: the other process serves");
                HandOverEnd::Done
            }
            Err(Failure::Ended(signal)) => {
                other.refuse("the process is ending");
                HandOverEnd::Ended(signal)
            }
            Err(Failure::Refused(reason)) => {
                other.refuse(&format!("{reason:#}"));
                error!("upgrade: process {process} did not take over, this process continues: {reason:#}");
                match self.take_back(signals) {
                    None => HandOverEnd::Failed,
                    Some(signal) => HandOverEnd::Ended(signal),
                }
            }
        }
    }

    fn steps(&mut self, other: &HandOver, signals: &mut Signals) -> Result<(), Failure> {
        if self.is_store_damaged {
            let reason = anyhow::anyhow!("its store is damaged: repair it, and restart");
            return Err(Failure::Refused(reason));
        }
        self.running.with_copies(|sockets| other.give_sockets(sockets))?;
        await_step(other, Step::Release, RELEASE_WAIT, signals)?;
        if let Some(parts) = self.control.take() {
            parts.release(&self.admin_routes).map_err(Failure::Refused)?;
            info!("upgrade: the store is released; requests are served on");
        }
        other.grant(Step::Release)?;
        await_step(other, Step::Ready, READY_WAIT, signals)?;
        other.grant(Step::Ready)?;
        await_step(other, Step::Serving, SERVING_WAIT, signals)
    }

    /// Starts the control plane again, as soon as the other process has closed the store. Returns a signal that ends this
    /// process meanwhile.
    fn take_back(&mut self, signals: &mut Signals) -> Option<EndSignal> {
        let mut attempts: u32 = 0;
        while self.control.is_none() {
            let store = self.store.as_ref();
            match ControlParts::take_back(store, &self.admin_routes, &self.running, &self.active_config) {
                Ok(parts) => {
                    self.control = Some(parts);
                    info!("upgrade: this process has its store again");
                }
                Err(reason) => {
                    if attempts.is_multiple_of(LOGGED_ATTEMPTS) {
                        warn!("upgrade: the store can't be opened again yet: {reason:#}");
                    }
                    attempts = attempts.wrapping_add(1);
                    if let Some(signal) = end_signal(signals) {
                        return Some(signal);
                    }
                    thread::sleep(RETRY);
                }
            }
        }
        None
    }
}

/// Returns a signal that ends this process, if one has arrived. Other requests are not possible during a hand-over.
fn end_signal(signals: &mut Signals) -> Option<EndSignal> {
    loop {
        match signals.waiting()? {
            SignalRequest::End(signal) => return Some(signal),
            SignalRequest::Reload => warn!("SIGHUP is ignored during an upgrade"),
            SignalRequest::ReopenLogs => warn!("SIGUSR1 is ignored during an upgrade"),
            SignalRequest::Upgrade => warn!("SIGUSR2 is ignored during an upgrade"),
            SignalRequest::HandOver(other) => other.refuse("another upgrade is under way"),
        }
    }
}

/// Waits for the request of a step. A signal that ends this process comes first.
fn await_step(other: &HandOver, step: Step, time: Duration, signals: &mut Signals) -> Result<(), Failure> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(signal) = end_signal(signals) {
            return Err(Failure::Ended(signal));
        }
        if other.has_requested(step, POLL)? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let reason = anyhow::anyhow!("it did not continue within {time:?}");
            return Err(Failure::Refused(reason));
        }
    }
}

/// Checks the configuration at `path`, and takes the sockets and the store of the running process. Returns none if the
/// configuration has errors, which are printed; the running process is not concerned then.
///
/// # Errors
/// No process can be upgraded, or it refuses.
pub(super) fn begin(path: &Path) -> Result<Option<Takeover>> {
    if let Err(report) = startup::check_beside_another(path) {
        output::print_report(&report);
        error!("{NOT_STARTED}: the configuration has errors");
        return Ok(None);
    }
    let settings = config::upgrade_settings(Files::Disk, path, &variable);
    let configured = settings.as_ref().map(|settings| &*settings.socket);
    let Some(socket) = socket_path(configured) else {
        bail!(
            "no socket for upgrades is configured: set `upgrade.socket`, or RUNTIME_DIRECTORY as systemd does"
        );
    };
    let takeover = Takeover::begin(&socket)?;
    takeover.release_store()?;
    Ok(Some(takeover))
}

/// Waits until the service is ready, has it accept connections, and lets the other process drain. If that process has
/// ended, this one accepts connections at once, as a start without an upgrade does.
///
/// # Errors
/// It does not become ready, or the other process refuses. That process continues then.
pub(super) fn finish(takeover: Takeover, service: &Service) -> Result<()> {
    let former = match await_readiness(&takeover, service)? {
        Former::Serves => takeover.ready()?,
        Former::Ended => Former::Ended,
    };
    service.running.accept();
    let former = match former {
        Former::Serves => takeover.serving().context("the other process does not drain")?,
        Former::Ended => Former::Ended,
    };
    if former == Former::Ended {
        warn!("upgrade: the former process has ended before its drain, this process serves in its place");
    }
    Ok(())
}

/// Waits until the service is ready, or the other process has ended.
fn await_readiness(takeover: &Takeover, service: &Service) -> Result<Former> {
    let deadline = Instant::now() + OWN_READY_WAIT;
    loop {
        let report = service.running.readiness().report(SystemTime::now());
        if report.ready {
            return Ok(Former::Serves);
        }
        let reasons: Vec<String> = report
            .reasons()
            .map(|check| format!("{}: {}", check.name, check.detail))
            .collect();
        ensure!(Instant::now() < deadline, "not ready: {}", reasons.join("; "));
        if takeover.watch(POLL)? == Former::Ended {
            return Ok(Former::Ended);
        }
    }
}
