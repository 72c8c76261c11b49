//! The shedder: ends connections and requests of the clients that hold most when the process runs short of a
//! resource.
//!
//! Of one client, those that cost the client least end first: idle connections, then requests in the order of their
//! last progress. Ending takes a moment, so an amount counts as free once its holder is signalled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::clients::{ClientId, Holdings};
use super::holder::Holder;
use super::resource::Resource;
use super::shed_log::ShedLog;
use super::{FAIR_BYTES, FAIR_COUNT, FAIR_DESCRIPTORS, SHORT_PART, Shares, ShedState};
use crate::guard::contain;
use crate::metrics::Metrics;

/// Pause after a round. What was ended is usually gone by then.
const PAUSE: Duration = Duration::from_millis(10);
/// Time without progress, in milliseconds, after which a request may end for its client's memory. A request that made
/// progress later is being read.
const STALLED_MS: u64 = 1_000;
/// Number of slots that are freed at a time for new requests.
const BATCH: u64 = 16;
/// Maximum of clients that are examined in one round.
const MAX_CLIENTS: usize = 64;

/// Sheds each time the process runs short, until `stopped`.
pub(crate) async fn shed_when_short(
    shares: Arc<Shares>,
    metrics: Arc<Metrics>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut shed_log = ShedLog::default();
    loop {
        tokio::select! {
            () = shares.short.notified() => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        for resource in Resource::ALL {
            // A panic here must not end this task: without it the process runs out of the resource.
            let shed = contain(|| {
                let _shedding = shares.shedding.lock();
                shares.shed(resource);
            });
            if shed.is_err() {
                metrics.requests.panics.inc();
            }
            let ended = shares.take_ended(resource);
            for _ in 0..ended {
                metrics.connections.shed.count(resource.name());
            }
            shed_log.add(resource, ended);
        }
        shed_log.log();
        tokio::time::sleep(PAUSE).await;
    }
}

impl ShedState {
    /// Takes the amount of one request from what the last round freed. Returns false if less is left.
    fn take_ticket(&self, resource: Resource) -> bool {
        let less = |tickets: u64| tickets.checked_sub(resource.ticket());
        self.tickets
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, less)
            .is_ok()
    }
}

impl Shares {
    /// Sheds at once, if that may have an effect. Returns true if the caller may take a slot that is being freed.
    pub(super) fn make_room(&self, resource: Resource) -> bool {
        let Some(state) = self.shed_state(resource) else {
            return false;
        };
        if state.take_ticket(resource) {
            return true;
        }
        let now = self.now_ms();
        // Searching all clients takes a while. During overload every refused request would otherwise do it.
        if now < state.idle_until_ms.load(Ordering::Relaxed) {
            return false;
        }
        let _shedding = self.shedding.lock();
        // Another thread may have shed while this one waited for the lock.
        if state.take_ticket(resource) || self.shed_more(resource) {
            return true;
        }
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or_default();
        state
            .idle_until_ms
            .store(now.saturating_add(pause), Ordering::Relaxed);
        false
    }

    /// Sheds the memory of a client at once, if it exceeds its limit by more than an eighth, because the shedder is
    /// behind. Does not wait for a round that runs.
    pub(super) fn shed_client_memory(&self, holdings: &Holdings) {
        let limit = self.capacity.buffered.client;
        if holdings.buffered.load(Ordering::Relaxed) <= limit + limit / SHORT_PART as u64 {
            return;
        }
        // Called for each part of a body: waiting for the lock would delay other requests of the worker thread.
        if let Some(_shedding) = self.shedding.try_lock() {
            self.shed(Resource::ClientBuffered);
        }
    }

    fn shed_state(&self, resource: Resource) -> Option<&ShedState> {
        self.shed_states.get(resource as usize)
    }

    /// Ends holders of the clients that hold most, until enough of `resource` is free or no client holds more than
    /// its floor. After that it ends idle connections of any client, the longest idle first, because many clients
    /// with a few connections each can exhaust the process too.
    pub(super) fn shed(&self, resource: Resource) {
        let Some(mut excess) = self.excess(resource) else {
            return;
        };
        let floor = self.floor(resource);
        let mut seen: Vec<ClientId> = Vec::new();
        let mut freed = Freed::default();
        // The greediest client is searched again after each one: the amounts change while this runs.
        while excess > 0 && seen.len() < MAX_CLIENTS {
            let held = |holdings: &Holdings| resource.of_client(holdings);
            let Some((client, amount)) = self.clients.greediest(&seen, floor, held) else {
                break;
            };
            seen.push(client);
            let most = match resource {
                Resource::ClientBuffered => amount - floor,
                _ => excess.min(amount - floor),
            };
            let holders = self.register.filter(|holder| {
                holder.client == Some(client)
                    && (resource != Resource::ClientBuffered || self.may_end_for_memory(holder, amount))
            });
            let now = end_holders(resource, holders, most);
            freed.add(now);
            if resource != Resource::ClientBuffered {
                excess = excess.saturating_sub(now.all);
            }
        }
        // No client is above its floor any more, and the process is still short.
        if excess > 0 && matches!(resource, Resource::Descriptors | Resource::Buffered) {
            let idle = self.register.filter(Holder::is_idle_connection);
            freed.add(end_holders(resource, idle, excess));
        }
        self.record_ended(resource, freed);
    }

    /// Returns true if a holder may end because its client holds `held` bytes: an idle connection, a stalled request
    /// over the limit, and any request if the limit is exceeded by more than an eighth.
    fn may_end_for_memory(&self, holder: &Holder, held: u64) -> bool {
        let limit = self.capacity.buffered.client;
        let since_ms = holder.since_ms.load(Ordering::Relaxed);
        let is_stalled = self.now_ms().saturating_sub(since_ms) >= STALLED_MS;
        holder.is_idle_connection() || held > limit && is_stalled || held > limit + limit / SHORT_PART as u64
    }

    /// Ends more holders, without counting those that were signalled before: other requests have taken their slots.
    /// Returns true if enough is freed for the caller, which has its slot then. Other requests take the rest without
    /// the lock.
    fn shed_more(&self, resource: Resource) -> bool {
        let (floor, most) = (self.floor(resource), BATCH * resource.ticket());
        let mut seen: Vec<ClientId> = Vec::new();
        let mut freed = Freed::default();
        while freed.now < most && seen.len() < MAX_CLIENTS {
            let held = |holdings: &Holdings| resource.of_client(holdings);
            let Some((client, amount)) = self.clients.greediest(&seen, floor, held) else {
                break;
            };
            seen.push(client);
            let holders = self
                .register
                .filter(|holder| holder.client == Some(client) && !holder.end_signal.is_sent());
            freed.add(end_holders(
                resource,
                holders,
                (most - freed.now).min(amount - floor),
            ));
        }
        if freed.now < most && matches!(resource, Resource::Descriptors | Resource::Buffered) {
            let idle = |holder: &Holder| holder.is_idle_connection() && !holder.end_signal.is_sent();
            freed.add(end_holders(
                resource,
                self.register.filter(idle),
                most - freed.now,
            ));
        }
        // The caller's slot is taken out before the rest is offered to others.
        let left = freed.now.checked_sub(resource.ticket());
        freed.now = left.unwrap_or(freed.now);
        self.record_ended(resource, freed);
        left.is_some()
    }

    /// Records what was ended, for the metrics and for requests that take its place.
    fn record_ended(&self, resource: Resource, freed: Freed) {
        if let Some(state) = self.shed_state(resource) {
            state.ended.fetch_add(freed.ended, Ordering::Relaxed);
            // Replaced, not added: unused tickets of the last round may be for slots that are taken by now.
            state.tickets.store(freed.now, Ordering::Release);
        }
    }

    /// Returns the number of holders that were ended since the last call.
    pub(super) fn take_ended(&self, resource: Resource) -> usize {
        let state = self.shed_state(resource);
        state.map_or(0, |state| state.ended.swap(0, Ordering::Relaxed))
    }

    /// Returns the amount of `resource` to free; none where it does not run short.
    fn excess(&self, resource: Resource) -> Option<u64> {
        let (used, capacity) = (&self.used, &self.capacity);
        let (used, limit) = match resource {
            // Each client has its own limit, so every client above the floor is examined.
            Resource::ClientBuffered => return Some(1),
            Resource::Buffered => (used.buffered.load(Ordering::Relaxed), capacity.buffered.all),
            Resource::InFlight => count(used.in_flight.load(Ordering::Relaxed), capacity.in_flight.all),
            Resource::Tunnels => count(used.tunnels.load(Ordering::Relaxed), capacity.tunnels.all),
            Resource::Descriptors => count(used.descriptors(), capacity.descriptors),
        };
        let part = limit / SHORT_PART as u64;
        // Frees half of the reserve more than needed, so that the next request does not start another round.
        (used > limit - part).then(|| used - (limit - part) + part / 2)
    }

    /// Returns the amount that a client keeps.
    fn floor(&self, resource: Resource) -> u64 {
        match resource {
            // Below the limit, so that a client with idle connections can still begin a request.
            Resource::ClientBuffered => {
                let limit = self.capacity.buffered.client;
                limit - limit / SHORT_PART as u64
            }
            Resource::Buffered => FAIR_BYTES,
            Resource::InFlight | Resource::Tunnels => FAIR_COUNT as u64,
            Resource::Descriptors => FAIR_DESCRIPTORS as u64,
        }
    }
}

/// Ends holders until `most` of `resource` is freed, the least costly first. Amounts of holders that were signalled
/// before count too.
fn end_holders(resource: Resource, holders: Vec<Arc<Holder>>, most: u64) -> Freed {
    // The keys are read once: they change all the time, and sorting needs a stable order.
    let keyed = holders
        .into_iter()
        .filter(|holder| holder.end_signal.has_receiver())
        .map(|holder| {
            let key = (
                !holder.end_signal.is_sent(),
                // Ending what remains of a finished request ends its connection, with all other requests on it.
                holder.end_signal.has_task_ended(),
                !holder.is_idle_connection(),
                holder.client.is_none(),
                holder.since_ms.load(Ordering::Relaxed),
            );
            (key, holder)
        });
    let mut keyed: Vec<_> = keyed.collect();
    keyed.sort_unstable_by_key(|(key, _)| *key);
    let mut freed = Freed::default();
    for (_, holder) in keyed {
        if freed.all >= most {
            break;
        }
        let amount = resource.of_holder(&holder);
        // Ending it would free nothing of this resource.
        if amount == 0 {
            continue;
        }
        freed.all += amount;
        if holder.end_signal.send() {
            freed.now += amount;
            freed.ended += 1;
        }
    }
    freed
}

/// Amounts that are freed.
#[derive(Debug, Clone, Copy, Default)]
struct Freed {
    /// Of all selected holders, also those that were signalled before.
    all: u64,
    /// Of the holders signalled now.
    now: u64,
    /// Number of holders signalled now.
    ended: usize,
}

impl Freed {
    fn add(&mut self, more: Self) {
        self.all += more.all;
        self.now += more.now;
        self.ended += more.ended;
    }
}

fn count(used: usize, limit: usize) -> (u64, u64) {
    (used as u64, limit as u64)
}
