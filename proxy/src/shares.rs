//! Fair shares of the process's resources for each client address: file descriptors, requests in flight to upstreams,
//! tunnels and memory.
//!
//! Each resource has a limit for all clients together and one for each client address. Within these limits a client
//! that holds more than a small fair amount gets more only while it holds less than is left for all. Something is
//! therefore left however many clients are greedy (A. Choudhury and E. Hahne, "Dynamic queue length thresholds",
//! IEEE/ACM Transactions on Networking 6 (2), 1998). When less than an eighth of a resource is left, `shedder` takes
//! back what was granted before.
//!
//! Counting takes no lock. Registering a request takes one of 64 shard locks.

mod clients;
mod collector;
mod connection;
mod end_signal;
mod holder;
mod request;
mod resource;
mod shed_log;
mod shedder;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use self::clients::{ClientId, Clients, Holdings};
pub(crate) use self::collector::SharesCollector;
pub(crate) use self::connection::ConnectionShare;
pub(crate) use self::end_signal::EndSignal;
use self::holder::{HolderKind, Register};
pub(crate) use self::request::{Direction, RequestShare, ShareRequest};
use self::resource::Resource;
pub(crate) use self::shedder::shed_when_short;
pub(crate) use self::stream::StreamShare;
use crate::capacity::Capacity;

/// Size up to which data that waits to be written is covered by what every request is charged, in bytes.
pub(crate) const MAX_UNCOUNTED: usize = 16 * 1024;
/// A resource is short when less than this fraction of it (1/8) is left.
const SHORT_PART: usize = 8;
/// Requests, or tunnels, that a client may hold whatever other clients hold, up to the limit for all.
const FAIR_COUNT: usize = 8;
/// Descriptors that a client may hold likewise: each of those requests may take one on either side.
const FAIR_DESCRIPTORS: usize = 2 * FAIR_COUNT;
/// Memory that a client may hold likewise, in bytes.
const FAIR_BYTES: u64 = 2 * 1024 * 1024;
/// Number and length of the accept loop's waits for a descriptor.
const DESCRIPTOR_RETRIES: u32 = 20;
const DESCRIPTOR_RETRY_PAUSE: Duration = Duration::from_millis(5);
/// A client that exceeds its memory limit by this fraction (1/2) loses the response that it is sent.
const HARD_LIMIT_PART: u64 = 2;

/// The resources of the process, and who holds them.
#[derive(Debug)]
pub(crate) struct Shares {
    capacity: Capacity,
    used: UsedAmounts,
    clients: Clients,
    register: Register,
    started: Instant,
    /// Wakes the shedder.
    short: Notify,
    /// Held while something is shed.
    shedding: Mutex<()>,
    shed_states: [ShedState; Resource::ALL.len()],
}

/// The state of shedding for one resource.
#[derive(Debug, Default)]
struct ShedState {
    /// Connections and requests that were ended and not yet counted.
    ended: AtomicUsize,
    /// The amount that the last round freed: new requests may take it before it is free.
    tickets: AtomicU64,
    /// Time until which requests do not shed again, in milliseconds since the start: the last try found nothing to
    /// end.
    idle_until_ms: AtomicU64,
}

/// The amounts that all clients together hold.
#[derive(Debug, Default)]
struct UsedAmounts {
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    tunnels: AtomicUsize,
    /// Memory, in bytes.
    buffered: AtomicU64,
}

/// The reason why a request gets no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShareDenied {
    /// The limit of all clients is reached.
    All,
    /// The limit of this client is reached.
    Client,
}

impl UsedAmounts {
    /// Returns the descriptors of connections to upstreams.
    fn upstream_descriptors(&self) -> usize {
        let [in_flight, tunnels] =
            [&self.in_flight, &self.tunnels].map(|count| count.load(Ordering::Relaxed));
        in_flight.saturating_add(tunnels)
    }

    fn descriptors(&self) -> usize {
        self.upstream_descriptors()
            .saturating_add(self.connections.load(Ordering::Relaxed))
    }
}

impl Shares {
    pub(crate) fn new(capacity: Capacity) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            used: UsedAmounts::default(),
            clients: Clients::new(),
            register: Register::new(),
            started: Instant::now(),
            short: Notify::new(),
            shedding: Mutex::new(()),
            shed_states: Default::default(),
        })
    }

    /// Returns the limits.
    pub(crate) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Waits up to 100 ms until a descriptor is left for the connection that was just accepted.
    ///
    /// In a burst, connections are accepted faster than earlier ones are counted, and faster than ended ones are
    /// closed. A caller that waits here before the next accept leaves the rest in the kernel's backlog, where they
    /// take no descriptor.
    pub(crate) async fn wait_for_descriptor(&self) {
        // The common case, without a detour through the scheduler.
        if self.used.descriptors() <= self.capacity.descriptors / 2 {
            return;
        }
        // Tasks of connections that were accepted before run now and count them.
        tokio::task::yield_now().await;
        let limit = self.capacity.descriptors + self.capacity.connection_slack();
        // Polling, not a queue: a descriptor comes free when a task ends, and nothing signals that.
        for _ in 0..DESCRIPTOR_RETRIES {
            if self.used.descriptors() < limit {
                return;
            }
            self.short.notify_one();
            tokio::time::sleep(DESCRIPTOR_RETRY_PAUSE).await;
        }
    }

    /// Checks the limits for a request that is counted already.
    fn check(&self, kind: HolderKind, client: Option<ClientId>) -> Result<(), ShareDenied> {
        let capacity = &self.capacity;
        self.wake_shedder_if_short();
        let (used, limit) = match kind {
            HolderKind::Tunnel => (&self.used.tunnels, capacity.tunnels),
            HolderKind::Request | HolderKind::Connection => (&self.used.in_flight, capacity.in_flight),
        };
        let used = used.load(Ordering::Relaxed);
        let holdings = self.clients.of(client);
        let held = match kind {
            HolderKind::Tunnel => &holdings.tunnels,
            HolderKind::Request | HolderKind::Connection => &holdings.in_flight,
        };
        let held = usize::try_from(held.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        // A client of a resource without any capacity is not at fault.
        let refused = match client {
            Some(_) if limit.all > 0 => ShareDenied::Client,
            _ => ShareDenied::All,
        };
        if client.is_some() && held > limit.client
            || is_greedy(held, used, limit.all, FAIR_COUNT)
            // Connections of trusted proxies belong to no client, so they do not count against the requests that they
            // carry.
            || client.is_some() && self.is_greedy_of_descriptors(holdings)
            || !self.has_memory(client)
        {
            return Err(refused);
        }
        let descriptors = self.used.descriptors();
        // The process is over a limit. Find the resource, so that the request can take a slot that the shedder is
        // about to free.
        let resource = if !self.has_memory_for_all() {
            Resource::Buffered
        } else if used > limit.all {
            Resource::of_kind(kind)
        } else if descriptors > capacity.descriptors {
            Resource::Descriptors
        } else {
            return Ok(());
        };
        // A client with a fair amount may take what is being shed before it is free; others wait until it is.
        let has_slack = used <= limit.all + limit.all / SHORT_PART
            && descriptors <= capacity.descriptors + capacity.slack();
        if held <= FAIR_COUNT && has_slack && self.make_room(resource) {
            return Ok(());
        }
        Err(ShareDenied::All)
    }

    /// Returns true if a client is within its memory limits, with what is counted already. Unnamed clients are only
    /// limited by what is left.
    fn has_memory(&self, client: Option<ClientId>) -> bool {
        let limit = self.capacity.buffered;
        let used = self.used.buffered.load(Ordering::Relaxed);
        let held = self.clients.of(client).buffered.load(Ordering::Relaxed);
        let is_greedy = held > FAIR_BYTES && held > limit.all.saturating_sub(used);
        (client.is_none() || held <= limit.client) && !is_greedy
    }

    /// Returns true if all clients together are within the memory limit, with what is counted already.
    fn has_memory_for_all(&self) -> bool {
        self.used.buffered.load(Ordering::Relaxed) <= self.capacity.buffered.all
    }

    /// Counts memory, and wakes the shedder if the client or the process runs short.
    fn charge(&self, holdings: &Holdings, is_named: bool, bytes: u64) {
        let all = self.used.buffered.fetch_add(bytes, Ordering::Relaxed);
        let client = holdings.buffered.fetch_add(bytes, Ordering::Relaxed);
        let limit = self.capacity.buffered;
        let is_over = is_named && is_short_of_bytes(client + bytes, limit.client);
        if is_over || is_short_of_bytes(all + bytes, limit.all) {
            self.short.notify_one();
        }
    }

    fn release(&self, holdings: &Holdings, bytes: u64) {
        self.used.buffered.fetch_sub(bytes, Ordering::Relaxed);
        holdings.buffered.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns true if a client holds more descriptors than are left.
    fn is_greedy_of_descriptors(&self, holdings: &Holdings) -> bool {
        is_greedy(
            holdings.descriptors(),
            self.used.descriptors(),
            self.capacity.descriptors,
            FAIR_DESCRIPTORS,
        )
    }

    fn is_short_of_descriptors(&self) -> bool {
        is_short(self.used.descriptors(), self.capacity.descriptors)
    }

    /// Wakes the shedder if descriptors, requests or tunnels run short.
    fn wake_shedder_if_short(&self) {
        let (used, capacity) = (&self.used, &self.capacity);
        if self.is_short_of_descriptors()
            || is_short(used.in_flight.load(Ordering::Relaxed), capacity.in_flight.all)
            || is_short(used.tunnels.load(Ordering::Relaxed), capacity.tunnels.all)
        {
            self.short.notify_one();
        }
    }

    /// Returns milliseconds since the start.
    fn now_ms(&self) -> u64 {
        self.ms_at(Instant::now())
    }

    /// Returns milliseconds from the start to `at`.
    fn ms_at(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Capacity {
    /// Returns the number of descriptors by which requests may exceed the limit when they take the place of something
    /// that is being shed: a fraction of the limit, and at most a quarter of the reserve.
    fn slack(&self) -> usize {
        (self.descriptors / SHORT_PART).min(self.reserve / 4)
    }

    /// Returns the same for connections: half of it. The other half is left to requests, because idle connections
    /// would otherwise keep requests on admitted connections from being served.
    fn connection_slack(&self) -> usize {
        self.slack() / 2
    }
}

/// Returns true if `held` exceeds both the fair amount and what is left.
fn is_greedy(held: usize, used: usize, limit: usize, fair: usize) -> bool {
    held > fair && held > limit.saturating_sub(used)
}

/// Returns true if less than an eighth of `limit` is left.
fn is_short(used: usize, limit: usize) -> bool {
    used > limit - limit / SHORT_PART
}

fn is_short_of_bytes(used: u64, limit: u64) -> bool {
    used > limit - limit / SHORT_PART as u64
}

#[cfg(test)]
mod tests;
