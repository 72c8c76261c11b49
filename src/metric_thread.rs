//! The thread that queries Prometheus for the checks of rollout plans. It has a runtime of its own, so that an answer that
//! takes long delays neither the controller nor other queries.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use control::{Prometheus, Rollouts};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, warn};

use crate::clock;

/// The time between two samples of a query. A sample that comes less than 10 s of the clock after the last is ignored.
const INTERVAL: Duration = Duration::from_millis(10_050);

/// The thread. Dropping it ends it; a query that was sent is abandoned.
pub(crate) struct MetricThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MetricThread {
    /// Starts the thread.
    pub(crate) fn start(rollouts: Arc<Rollouts>, source: &config::PrometheusSource) -> Option<Self> {
        let started = Prometheus::new(source)
            .map_err(anyhow::Error::msg)
            .and_then(|prometheus| start(rollouts, prometheus));
        if let Err(error) = &started {
            error!("can't query Prometheus; checks that need it are inconclusive: {error:#}");
        }
        started.ok()
    }
}

fn start(rollouts: Arc<Rollouts>, prometheus: Prometheus) -> Result<MetricThread> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start a runtime")?;
    let (stop, stopped) = oneshot::channel();
    let run = move || run(&runtime, &rollouts, &prometheus, stopped);
    let thread = thread::Builder::new().name("metrics".into()).spawn(run)?;
    Ok(MetricThread {
        stop: Some(stop),
        thread: Some(thread),
    })
}

fn run(runtime: &Runtime, rollouts: &Arc<Rollouts>, prometheus: &Prometheus, stopped: oneshot::Receiver<()>) {
    let sampling = async {
        let mut due = interval(INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            sample(rollouts, prometheus).await;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            () = sampling => {}
            _ = stopped => {}
        }
    });
}

/// Sends all queries at once; each has its own time limit.
async fn sample(rollouts: &Arc<Rollouts>, prometheus: &Prometheus) {
    let mut asked = tokio::task::JoinSet::new();
    let at = clock::now();
    for query in rollouts.queries() {
        let (rollouts, prometheus) = (Arc::clone(rollouts), prometheus.clone());
        asked.spawn(async move {
            let value = prometheus.query(&query.query).await;
            if let Err(error) = &value {
                let (flag, check) = (&query.flag, &query.check);
                warn!(flag, check, %error, "rollout: a metric can't be read");
            }
            // The time at which all queries were sent, so that samples are as far apart as the queries.
            rollouts.sample(&query, at, value.map_err(|error| error.to_string()));
        });
    }
    while asked.join_next().await.is_some() {}
}

impl Drop for MetricThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
