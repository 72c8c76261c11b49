//! Ends what the greediest clients hold when the process runs short, so that there is room for the others.
//!
//! Of a client's connections and requests those end first that cost the client least: connections without a request,
//! then requests in the order in which they last got on. What is ended takes a moment to be gone, so what was told to
//! end counts as gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::clients::{ClientId, Holdings};
use super::holder::Holder;
use super::resource::Resource;
use super::shed_log::ShedLog;
use super::{FAIR_BYTES, FAIR_COUNT, FAIR_DESCRIPTORS, SHORT_PART, Shares};
use crate::guard::contain;
use crate::metrics::Metrics;

/// How long the shedder rests after a round. What is ended is gone by then.
const PAUSE: Duration = Duration::from_millis(10);
/// A request that has got on since so many milliseconds is not ended for its client's memory: it is read.
const STALLED_MS: u64 = 1_000;
/// How many places are made at a time for those who ask.
const BATCH: u64 = 16;
/// The most clients that are looked at in one round.
const MAX_CLIENTS: usize = 64;

/// Sheds whenever the process runs short, until it ends.
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
            // A defect here must not end what keeps the process alive.
            let shed = contain(|| {
                let _shedding = shares.shedding.lock();
                shares.shed(resource);
            });
            if shed.is_err() {
                metrics.count_panic();
            }
            let ended = shares.take_ended(resource);
            for _ in 0..ended {
                metrics.shed.count(resource.name());
            }
            shed_log.add(resource, ended);
        }
        shed_log.log();
        tokio::time::sleep(PAUSE).await;
    }
}

impl Shares {
    /// Sheds at once where that has an effect. Returns whether something comes free for one who asks.
    pub(super) fn make_room(&self, resource: Resource) -> bool {
        if self.take_ticket(resource) {
            return true;
        }
        let now = self.now_ms();
        if now < self.idle_until_ms.load(Ordering::Relaxed) {
            return false;
        }
        let _shedding = self.shedding.lock();
        // Someone else may have shed while the lock was waited for.
        if self.take_ticket(resource) {
            return true;
        }
        if self.shed_more(resource) {
            return true;
        }
        let idle = u64::try_from(PAUSE.as_millis()).unwrap_or_default();
        self.idle_until_ms
            .store(now.saturating_add(idle), Ordering::Relaxed);
        false
    }

    /// Sheds at once what a client is over its limit of memory, where the shedder does not keep up. Does not wait for a
    /// round that is under way.
    pub(super) fn shed_client_memory(&self, holdings: &Holdings) {
        let limit = self.capacity.buffered.client;
        if holdings.buffered.load(Ordering::Relaxed) <= limit + limit / SHORT_PART as u64 {
            return;
        }
        if let Some(_shedding) = self.shedding.try_lock() {
            self.shed(Resource::ClientBuffered);
        }
    }

    fn take_ticket(&self, resource: Resource) -> bool {
        let less = |tickets: u64| tickets.checked_sub(resource.ticket());
        let tickets = self.tickets.get(resource as usize);
        tickets.is_some_and(|tickets| {
            tickets
                .fetch_update(Ordering::AcqRel, Ordering::Relaxed, less)
                .is_ok()
        })
    }

    /// Ends holders of the greediest clients until no more of `resource` is used than there should be, or no client has
    /// more than its part. Connections without a request end also beyond that, from the one that has waited longest on:
    /// many clients with a handful each are to leave room, too.
    pub(super) fn shed(&self, resource: Resource) {
        let Some(mut excess) = self.excess(resource) else {
            return;
        };
        let floor = self.floor(resource);
        let mut seen: Vec<ClientId> = Vec::new();
        let mut freed = Freed::default();
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
        if excess > 0 && matches!(resource, Resource::Descriptors | Resource::Buffered) {
            let idle = self.register.filter(Holder::is_idle_connection);
            freed.add(end_holders(resource, idle, excess));
        }
        self.record_ended(resource, freed);
    }

    /// Returns true if a holder may end because its client holds `held` bytes: a connection without a request where little
    /// is left, a request that is stalled beyond the limit, and any where that is not enough.
    fn may_end_for_memory(&self, holder: &Holder, held: u64) -> bool {
        let limit = self.capacity.buffered.client;
        let since_ms = holder.since_ms.load(Ordering::Relaxed);
        let is_stalled = self.now_ms().saturating_sub(since_ms) >= STALLED_MS;
        holder.is_idle_connection() || held > limit && is_stalled || held > limit + limit / SHORT_PART as u64
    }

    /// Ends some holders more, whatever was told to end before: others have taken the place of that. Returns true if
    /// enough comes free for the caller, whose ticket is taken already: the others take what is left without the lock.
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
        let left = freed.now.checked_sub(resource.ticket());
        freed.now = left.unwrap_or(freed.now);
        self.record_ended(resource, freed);
        left.is_some()
    }

    /// Notes what was ended: it is counted, and so many may take its place.
    fn record_ended(&self, resource: Resource, freed: Freed) {
        let place = resource as usize;
        if let (Some(ended), Some(tickets)) = (self.ended.get(place), self.tickets.get(place)) {
            ended.fetch_add(freed.ended, Ordering::Relaxed);
            tickets.store(freed.now, Ordering::Release);
        }
    }

    /// How many holders were ended since this was asked last.
    pub(super) fn take_ended(&self, resource: Resource) -> usize {
        let sum = self.ended.get(resource as usize);
        sum.map_or(0, |sum| sum.swap(0, Ordering::Relaxed))
    }

    /// How much of `resource` is to come free; none where it does not run short.
    fn excess(&self, resource: Resource) -> Option<u64> {
        let (used, capacity) = (&self.used, &self.capacity);
        let (used, limit) = match resource {
            // Every client that is over its limit is looked at.
            Resource::ClientBuffered => return Some(1),
            Resource::Buffered => (used.buffered.load(Ordering::Relaxed), capacity.buffered.all),
            Resource::InFlight => count(used.in_flight.load(Ordering::Relaxed), capacity.in_flight.all),
            Resource::Tunnels => count(used.tunnels.load(Ordering::Relaxed), capacity.tunnels.all),
            Resource::Descriptors => count(used.descriptors(), capacity.descriptors),
        };
        let part = limit / SHORT_PART as u64;
        // Half as much again comes free, so that this is not repeated at once.
        (used > limit - part).then(|| used - (limit - part) + part / 2)
    }

    /// What a client holds at most that nothing is taken from.
    fn floor(&self, resource: Resource) -> u64 {
        match resource {
            // So that a client finds room for a request while it has connections without one.
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

/// Ends holders until `most` of `resource` comes free, in the order in which they lose least. What was told to end before
/// comes free, too.
fn end_holders(resource: Resource, holders: Vec<Arc<Holder>>, most: u64) -> Freed {
    // What is read here changes all the time, so that it is read once.
    let keyed = holders
        .into_iter()
        .filter(|holder| holder.end_signal.has_receiver())
        .map(|holder| {
            let key = (
                !holder.end_signal.is_sent(),
                // What is left of a request ends only with its connection, on which others may be under way.
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

/// What comes free.
#[derive(Debug, Clone, Copy, Default)]
struct Freed {
    /// With what was told to end before.
    all: u64,
    /// Of what was told to end now.
    now: u64,
    /// How many were told to end now.
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
