//! Priorities of threads, so that requests of the data plane and changes come before work that can wait.

/// The nice value of threads whose work can always wait.
pub(crate) const LOWEST: i32 = 19;
/// The nice value of threads that people wait for, in front of a page. A thread of the common priority gets 28 times the
/// processor time of such a thread while both are busy (Linux, `sched_prio_to_weight`).
pub(crate) const READS: i32 = 15;

/// Lowers the priority of this thread to a nice value, if the system has priorities of threads.
pub(crate) fn lower_to(nice: i32) {
    // On other systems it would be the priority of the process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, nice) {
        tracing::debug!(%error, nice, "a thread stays at the common priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
}
