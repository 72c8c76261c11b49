//! The log lines of the shedder.

use std::time::{Duration, Instant};

use tracing::warn;

use super::resource::Resource;

/// Minimum time between two lines about a resource.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Counts of what was ended since the last line.
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

    /// Logs a line for each resource with counts, unless one was just logged: there may be hundreds of rounds in a
    /// second.
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
                    "resource short: ended connections and requests of the clients that hold most"
                );
                *ended = 0;
                self.logged_at = Some(Instant::now());
            }
        }
    }
}
