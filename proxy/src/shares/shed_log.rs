//! The log lines of the shedder.

use std::time::{Duration, Instant};

use tracing::warn;

use super::resource::Resource;

/// How long the log is silent after a line.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What was ended since the last line in the log.
#[derive(Debug, Default)]
pub(super) struct ShedLog {
    ended: [usize; Resource::ALL.len()],
    logged_at: Option<Instant>,
}

impl ShedLog {
    pub(super) fn add(&mut self, resource: Resource, ended: usize) {
        if let Some(sum) = self.ended.get_mut(resource as usize) {
            *sum += ended;
        }
    }

    /// Writes a line for each resource, unless there was one just now: rounds come by the hundred in a second.
    pub(super) fn log(&mut self) {
        if self
            .logged_at
            .is_some_and(|logged_at| logged_at.elapsed() < LOG_INTERVAL)
        {
            return;
        }
        for (resource, ended) in Resource::ALL.into_iter().zip(&mut self.ended) {
            if *ended > 0 {
                warn!(
                    resource = resource.name(),
                    ended = *ended,
                    "running short: connections and requests of the greediest clients were ended"
                );
                *ended = 0;
                self.logged_at = Some(Instant::now());
            }
        }
    }
}
