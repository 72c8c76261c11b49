//! Messages to the service manager that started this process (sd_notify(3)), if there is one, and its watchdog.
//!
//! A message is one datagram of `NAME=VALUE` lines to the socket in `NOTIFY_SOCKET`. A message that can't be sent is
//! dropped: no state of the process depends on it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use proxy::Pulse;
use tracing::{info, warn};

const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";
/// The interval of the watchdog, in microseconds (sd_watchdog_enabled(3)).
const WATCHDOG_VARIABLE: &str = "WATCHDOG_USEC";
/// The process that the watchdog watches.
const WATCHED_VARIABLE: &str = "WATCHDOG_PID";
/// The variables that hold for this process only, so that a child must not have them.
pub(crate) const OWN_VARIABLES: [&str; 4] = [WATCHED_VARIABLE, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// True from the request of a reload to its end.
static IS_RELOADING: AtomicBool = AtomicBool::new(false);
/// True once another process is the main process of the service.
static IS_REPLACED: AtomicBool = AtomicBool::new(false);

/// Reports that the process serves.
pub(crate) fn ready() {
    send("READY=1\nSTATUS=serving");
}

/// Reports that a reload was requested. [`reloaded`] reports its end.
pub(crate) fn reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = now
        .tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(now.tv_nsec / 1000);
    IS_RELOADING.store(true, Ordering::Release);
    send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reloading"));
}

/// Reports the end of a reload, if [`reloading`] reported its start.
pub(crate) fn reloaded() {
    if IS_RELOADING.swap(false, Ordering::AcqRel) {
        ready();
    }
}

/// Reports the drain, with its longest time.
pub(crate) fn stopping(longest: Duration) {
    let seconds = longest.as_secs_f64();
    send(&format!("STOPPING=1\nSTATUS=draining for at most {seconds} s"));
}

/// Reports that another process serves in place of this one. Later messages of this process are dropped.
pub(crate) fn replaced_by(process: u32) {
    send(&format!("MAINPID={process}"));
    IS_REPLACED.store(true, Ordering::Release);
}

/// Reports at half of the interval of the watchdog that the data plane answers, as long as it does.
pub(crate) fn watch(pulse: Pulse) {
    let Some(interval) = watchdog_interval() else {
        return;
    };
    let report = move || {
        loop {
            if pulse.beats_within(interval) {
                send("WATCHDOG=1");
            } else if pulse.has_ended() {
                return;
            } else {
                warn!("the data plane did not answer within {interval:?}: the watchdog is not notified");
            }
            thread::sleep(interval);
        }
    };
    match thread::Builder::new().name("watchdog".into()).spawn(report) {
        Ok(_) => info!("the watchdog is notified every {interval:?}"),
        Err(error) => warn!("can't start the thread that notifies the watchdog: {error}"),
    }
}

/// Returns half of the interval of the watchdog; none if there is none for this process.
fn watchdog_interval() -> Option<Duration> {
    std::env::var_os(SOCKET_VARIABLE)?;
    let micros: u64 = std::env::var(WATCHDOG_VARIABLE).ok()?.parse().ok()?;
    let watched = std::env::var(WATCHED_VARIABLE).ok();
    let is_watched = watched.is_none_or(|process| process == std::process::id().to_string());
    (is_watched && micros > 1).then(|| Duration::from_micros(micros / 2))
}

fn send(message: &str) {
    let Some(path) = std::env::var_os(SOCKET_VARIABLE).filter(|path| !path.is_empty()) else {
        return;
    };
    if IS_REPLACED.load(Ordering::Acquire) {
        return;
    }
    if let Err(error) = send_to(&path, message) {
        warn!("can't notify the service manager at {}: {error}", path.display());
    }
}

fn send_to(path: &OsString, message: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // The manager reads its socket all the time; a full queue must not stop this process.
    socket.set_nonblocking(true)?;
    // An abstract name is written with `@` for its first byte, which is 0.
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsStr::from_bytes(path.as_bytes()))?,
    };
    socket.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}
