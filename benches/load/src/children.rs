//! The child processes that are running. A signal that ends this program ends them first.

use std::collections::BTreeSet;
use std::process::exit;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Adds a child that was started.
pub(crate) fn add(pid: Pid) {
    RUNNING.lock().insert(pid.as_raw_nonzero().get());
}

/// Removes a child that has ended.
pub(crate) fn remove(pid: Pid) {
    RUNNING.lock().remove(&pid.as_raw_nonzero().get());
}

/// Starts a thread that waits for SIGINT and SIGTERM, then ends the children and this process.
pub(crate) fn end_with_this_process() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    drop(inside);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            // The lock is kept, so that no child is started from now on.
            let running = RUNNING.lock();
            for pid in running.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                // A child that has ended meanwhile needs no signal.
                let _ = kill_process(pid, Signal::TERM);
            }
            exit(1)
        })?;
    Ok(())
}
