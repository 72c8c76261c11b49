//! The engine between a client and upstreams that are in memory and follow a script, so that a test can feed it with any
//! bytes. Only with the feature `scripted`, which the binary does not enable.

use std::sync::Arc;

use config::LoadedConfig;
use tokio::io::DuplexStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::access_log::{AccessLogFormat, AccessLogOutput, AccessLogger};
use crate::capacity::Capacity;
use crate::current::Current;
use crate::edge::Edge;
use crate::fetch_timing::FetchTiming;
use crate::key_store::KeyStore;
use crate::machine::Machine;
use crate::metrics::Metrics;
use crate::prepared_snapshot::PreparedSnapshot;
use crate::receipts::Receipts;
use crate::shared::Shared;
use crate::shares::Shares;
use crate::start::{StartError, edge};
use crate::upstreams::{Connector, ScriptedConnections, UpstreamStore};

/// The engine behind the first listener of a document.
pub struct ScriptedEngine {
    edge: Arc<Edge>,
    /// Kept open: an engine whose sender is gone stops.
    stop: watch::Sender<bool>,
    /// Holds the background tasks of the snapshot. They never run.
    _runtime: Runtime,
}

impl ScriptedEngine {
    /// Creates the engine; none for a document without a listener. All upstreams get their connections from
    /// `connections`.
    ///
    /// # Errors
    /// The document can't be served.
    pub fn new(loaded: &LoadedConfig, connections: ScriptedConnections) -> Result<Option<Self>, StartError> {
        let runtime = Builder::new_current_thread()
            .build()
            .map_err(StartError::Threads)?;
        let metrics = Arc::new(Metrics::new());
        let keys = KeyStore::new(runtime.handle().clone(), FetchTiming::default(), &metrics);
        let upstreams = UpstreamStore::new(runtime.handle().clone(), &metrics);
        let prepared = PreparedSnapshot::prepare(loaded, None, (&keys, &upstreams), &metrics)?;
        let log = AccessLogger::start(AccessLogOutput::Off, AccessLogFormat::Json, 1, &metrics);
        let shares = Shares::new(Capacity::new(Machine::of_process(), &loaded.settings.limits, 1));
        let shared = Arc::new(Shared::new(
            Current::new(Arc::new(prepared)),
            metrics,
            (log.map_err(StartError::AccessLog)?, Arc::new(Receipts::new(0, 0))),
            (shares, Connector::scripted(connections)),
            None,
        ));
        let listener = loaded.settings.listeners.first();
        Ok(listener.map(|listener| Self {
            edge: Arc::new(edge(listener.name.clone(), listener, &shared)),
            stop: watch::Sender::new(false),
            _runtime: runtime,
        }))
    }

    /// Serves the connection of a client until it ends.
    pub fn serve(&self, client: DuplexStream) -> impl Future<Output = ()> + use<> {
        let (edge, stopped) = (Arc::clone(&self.edge), self.stop.subscribe());
        async move { edge.serve_or_refuse(Box::new(client), &stopped).await }
    }

    /// Returns the number of panics that requests were contained from.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.edge.shared.metrics.requests.panics.get()
    }

    /// Returns the number of requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.edge.shared.in_flight.now()
    }
}
