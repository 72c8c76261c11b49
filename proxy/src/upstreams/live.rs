//! A live upstream: its endpoint table, turns, circuit and background tasks.

use std::net::IpAddr;
#[cfg(test)]
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use rules::{NoneHealthy, Upstream};
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::circuit::{Circuit, Permit};
use super::endpoint_table::EndpointTable;
use super::meter::UpstreamMeter;
use super::peer::Template;
use super::resolved_host::ResolvedHost;

/// An upstream that requests can be sent to. The request path reads the table and counts; it takes no lock.
#[derive(Debug)]
pub(crate) struct LiveUpstream {
    definition: Upstream,
    meter: Arc<UpstreamMeter>,
    circuit: Circuit,
    turns: AtomicUsize,
    template: Template,
    table: ArcSwap<EndpointTable>,
    /// By endpoint of the definition.
    resolved: Mutex<Box<[ResolvedHost]>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// The reason why an upstream takes no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// The limit of requests in flight is reached.
    Overloaded,
    /// No address is known: none of its names was ever resolved.
    Unresolved,
    /// No endpoint is healthy, and the definition says to refuse requests then.
    Unhealthy,
}

impl LiveUpstream {
    /// Creates the upstream of a definition. State that is still valid comes from its `namesake`, and resolved
    /// addresses from all `former` upstreams.
    pub(super) fn new(definition: &Upstream, namesake: Option<&Self>, former: &[Arc<Self>]) -> Arc<Self> {
        let resolved: Box<[ResolvedHost]> = definition
            .endpoints
            .iter()
            .map(|endpoint| match endpoint.host.parse() {
                Ok(address) => ResolvedHost {
                    addresses: vec![address],
                    is_failing: false,
                },
                Err(_) => known(&endpoint.host, former),
            })
            .collect();
        let before = namesake.map(|live| live.table.load_full());
        let template = Template::new(definition);
        let table = EndpointTable::build(definition, &template, &resolved, before.as_deref());
        if definition.health.is_none() {
            table.forget_health();
        }
        Arc::new(Self {
            meter: namesake.map_or_else(Arc::default, |live| Arc::clone(&live.meter)),
            circuit: Circuit::new(definition.max_in_flight, namesake.map(|live| &live.circuit)),
            turns: AtomicUsize::new(0),
            template,
            table: ArcSwap::from_pointee(table),
            resolved: Mutex::new(resolved),
            tasks: Mutex::default(),
            definition: definition.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    pub(crate) fn definition(&self) -> &Upstream {
        &self.definition
    }

    pub(crate) fn meter(&self) -> &UpstreamMeter {
        &self.meter
    }

    /// Returns the current endpoints.
    pub(super) fn table(&self) -> Guard<Arc<EndpointTable>> {
        self.table.load()
    }

    /// Returns the number of requests in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.circuit.in_flight()
    }

    /// Takes the next turn.
    pub(super) fn take_turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Admits one request, until the permit is dropped.
    ///
    /// # Errors
    /// The upstream takes no request.
    pub(crate) fn admit(&self) -> Result<Permit, Unavailable> {
        // Checked before the circuit, so that a request that can't be sent takes no permit.
        if self.table.load().is_empty() {
            return Err(Unavailable::Unresolved);
        }
        let refuses = |health: &rules::HealthCheck| health.none_healthy == NoneHealthy::Refuse;
        if self.definition.health.as_ref().is_some_and(refuses) && !self.table.load().is_healthy() {
            return Err(Unavailable::Unhealthy);
        }
        self.circuit.enter().ok_or_else(|| {
            self.meter.count_overload();
            Unavailable::Overloaded
        })
    }

    /// Records that an endpoint failed a request.
    pub(super) fn record_failure(&self, endpoint: &super::endpoint::LiveEndpoint, now: Instant) {
        let Some(ejection) = self.definition.ejection else {
            return;
        };
        if endpoint.state.record_failure(now, ejection) {
            self.meter.count_ejection();
            let (upstream, address) = (self.name(), endpoint.address);
            warn!("upstream `{upstream}`: {address} is ejected after too many consecutive failures");
        }
    }

    /// Returns true if a host is a name.
    pub(super) fn has_names(&self) -> bool {
        self.names().next().is_some()
    }

    /// Returns the hosts that are names, with the indices of their endpoints.
    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let hosts = self.definition.endpoints.iter().map(|endpoint| &*endpoint.host);
        hosts
            .enumerate()
            .filter(|(_, host)| host.parse::<IpAddr>().is_err())
    }

    /// Returns true if every name was resolved at least once.
    pub(super) fn is_resolved(&self) -> bool {
        let resolved = self.resolved.lock();
        resolved.iter().all(|resolved| !resolved.addresses.is_empty())
    }

    /// Stores the addresses found for an endpoint's host. After a failure the last good addresses stay.
    pub(super) fn set_addresses(&self, index: usize, found: std::io::Result<Vec<IpAddr>>) {
        self.meter.count_resolution(found.is_ok());
        // Held until the table is stored: two names that resolve at once must not overwrite each other's addresses.
        let mut resolved = self.resolved.lock();
        let (Some(entry), Some(endpoint)) = (resolved.get_mut(index), self.definition.endpoints.get(index))
        else {
            return;
        };
        let (upstream, host) = (self.name(), &endpoint.host);
        match found {
            Ok(addresses) => {
                if std::mem::take(&mut entry.is_failing) {
                    info!("upstream `{upstream}`: `{host}` is resolved again");
                }
                if entry.addresses == addresses {
                    return;
                }
                entry.addresses = addresses;
            }
            Err(reason) => {
                if !std::mem::replace(&mut entry.is_failing, true) {
                    let kept = entry.addresses.len();
                    warn!(
                        "upstream `{upstream}`: `{host}` can't be resolved, {kept} addresses stay in use: {reason}"
                    );
                }
                return;
            }
        }
        let table = EndpointTable::build(
            &self.definition,
            &self.template,
            &resolved,
            Some(&self.table.load()),
        );
        self.table.store(Arc::new(table));
    }

    /// Drops idle connections that expired or were closed.
    pub(super) fn sweep(&self, now: Instant) {
        let idle_timeout = Duration::from_millis(self.definition.timeouts.idle_timeout_ms);
        for endpoint in self.table().endpoints() {
            endpoint.state.idle.sweep(now);
            endpoint.state.http2.sweep(now, idle_timeout);
        }
    }

    /// Adds a background task that ends with this upstream.
    pub(super) fn add_task(&self, task: AbortHandle) {
        self.tasks.lock().push(task);
    }

    /// Ends the background tasks. Requests in flight continue.
    pub(super) fn retire(&self) {
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
    }

    /// Returns the current addresses, in the order of the table.
    #[cfg(test)]
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.table
            .load()
            .endpoints()
            .iter()
            .map(|endpoint| endpoint.address)
            .collect()
    }
}

impl Drop for LiveUpstream {
    fn drop(&mut self) {
        self.retire();
    }
}

/// Returns the addresses that a former upstream has for a host.
fn known(host: &str, former: &[Arc<LiveUpstream>]) -> ResolvedHost {
    let found = former.iter().find_map(|live| {
        let hosts = &live.definition.endpoints;
        let index = hosts.iter().position(|endpoint| &*endpoint.host == host)?;
        live.resolved.lock().get(index).cloned()
    });
    found.unwrap_or_default()
}
