//! The threads of requests that change nothing: reads, searches and dry runs. Their priority is low, because a search in
//! 100,000 tenants keeps a core busy that requests of the data plane need. No lock that a change waits for is held by
//! such a request while it works. Changes have the threads of the listener, at the common priority.

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

use super::MAX_CONCURRENT_REQUESTS;
use crate::thread_priority;

/// The threads. Dropping them does not wait for requests that are being handled.
pub(crate) struct ReadThreads {
    /// None if the system can't provide it: requests are then handled by the threads of the listener.
    runtime: Option<Runtime>,
}

impl ReadThreads {
    pub(crate) fn new() -> Self {
        // No task runs in this runtime: only its threads for blocking functions are used.
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(MAX_CONCURRENT_REQUESTS)
            .thread_name("admin-reads")
            .on_thread_start(|| thread_priority::lower_to(thread_priority::READS))
            .build();
        if let Err(error) = &runtime {
            tracing::warn!(%error, "reads of the admin API have the common priority");
        }
        Self {
            runtime: runtime.ok(),
        }
    }

    /// Calls a function on one of the threads, within the runtime of the caller.
    pub(crate) fn run<R: Send + 'static>(
        &self,
        function: impl FnOnce() -> R + Send + 'static,
    ) -> JoinHandle<R> {
        match &self.runtime {
            Some(runtime) => {
                // Bodies that are produced while they are sent need the timers of the listener.
                let listener = Handle::current();
                runtime.spawn_blocking(move || {
                    let _entered = listener.enter();
                    function()
                })
            }
            None => spawn_blocking(function),
        }
    }
}

impl Drop for ReadThreads {
    fn drop(&mut self) {
        // An API is also dropped within a runtime, where waiting for threads is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn reads_have_a_lower_priority_than_changes() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let threads = ReadThreads::new();
        let (read, change, is_timed) = runtime.block_on(async {
            let read = threads.run(nice).await.unwrap();
            let change = spawn_blocking(nice).await.unwrap();
            // Bodies that are streamed need the timers of the caller's runtime.
            let timed =
                threads.run(|| Handle::current().block_on(tokio::time::sleep(std::time::Duration::ZERO)));
            (read, change, timed.await.is_ok())
        });
        assert_eq!(read, change.max(thread_priority::READS));
        assert!(change < read || change >= thread_priority::READS);
        assert!(is_timed);
        runtime.block_on(async { drop(threads) });
    }
}
