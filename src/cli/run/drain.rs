//! The drain of a running proxy: the signals that arrive meanwhile, and how it ended.

use std::time::{Duration, Instant};

use proxy::{AccessLogger, DrainEnd, DrainTimes, Stopped};
use tracing::{info, warn};

use crate::process_log;
use crate::signals::{EndSignal, SignalRequest, Signals};

/// Time in which the same signal again is not a second one.
const REPEATED: Duration = Duration::from_millis(500);

/// Handles signals during a drain that `first`, or an upgrade, began, until one of them aborts it.
pub(super) async fn second_end(
    first: Option<EndSignal>,
    signals: &mut Signals,
    access_log: &AccessLogger,
) -> EndSignal {
    let begun = Instant::now();
    loop {
        match signals.next_in_drain().await {
            // Shells and supervisors send one signal to the process and to its group.
            SignalRequest::End(signal) if Some(signal) == first && begun.elapsed() < REPEATED => {}
            SignalRequest::End(signal) => return signal,
            SignalRequest::Reload => info!("SIGHUP is ignored during the drain"),
            SignalRequest::ReopenLogs => reopen_logs(access_log),
            SignalRequest::Upgrade => info!("SIGUSR2 is ignored during the drain"),
            SignalRequest::HandOver(other) => other.refuse("the process is draining"),
        }
    }
}

/// Opens the log files again, after a signal.
pub(super) fn reopen_logs(access_log: &AccessLogger) {
    if !access_log.reopen() {
        info!("SIGUSR1: no log is a file, so none is opened again");
    }
}

pub(super) fn log_ignored_upgrade() {
    warn!("SIGUSR2 is ignored: no socket for upgrades is configured, set `upgrade.socket`");
}

/// Logs the end of the process, as its last line.
pub(super) fn log_end(stopped: Stopped, times: DrainTimes, second: Option<EndSignal>) {
    let cut_off = match stopped.cut_off {
        0 => "no request was cut off".to_owned(),
        1 => "1 request was cut off".to_owned(),
        more => format!("{more} requests were cut off"),
    };
    process_log::write_counts();
    match stopped.end {
        DrainEnd::Finished => info!("ended: {cut_off}"),
        DrainEnd::TimedOut => warn!(
            "ended: {cut_off} because `drain.timeout` of {:?} had elapsed",
            times.timeout
        ),
        DrainEnd::Aborted => {
            let name = second.map_or("a signal", EndSignal::name);
            warn!("ended by a second signal, {name}: {cut_off}");
        }
    }
}
