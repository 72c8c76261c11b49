//! What requests and connections take of the process, and of that what each client address takes: descriptors, requests
//! that upstreams are asked, tunnels, memory.
//!
//! Each is limited for all clients together and for one client address. Within these limits a client that holds more
//! than a handful gets more only while it holds less than is left for everybody, so that however many clients are
//! greedy, something is left (A. Choudhury and E. Hahne, "Dynamic queue length thresholds", IEEE/ACM Transactions on
//! Networking 6 (2), 1998). What was handed out while there was plenty is taken back when less than an eighth is left: see
//! `shedder`.
//!
//! Counting takes no lock; registering a request takes one, of one of 64 shards.

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
pub(crate) use self::request::{Direction, Need, RequestShare};
use self::resource::Resource;
pub(crate) use self::shedder::shed_when_short;
pub(crate) use self::stream::StreamShare;
use crate::capacity::Capacity;

/// The largest last part of a body or an answer that is not counted, in bytes.
pub(crate) const MAX_UNCOUNTED: usize = 16 * 1024;
/// The process runs short of something when less than this part of it is left.
const SHORT_PART: usize = 8;
/// What a client may hold whatever the others hold, as long as there is any: so much is counted,
const FAIR_COUNT: usize = 8;
/// twice as many descriptors, as each of these requests may take one on either side,
const FAIR_DESCRIPTORS: usize = 2 * FAIR_COUNT;
/// and so much memory, in bytes.
const FAIR_BYTES: u64 = 2 * 1024 * 1024;
/// How often, and how long each time, the accept loop waits for a descriptor.
const DESCRIPTOR_RETRIES: u32 = 20;
const DESCRIPTOR_RETRY_PAUSE: Duration = Duration::from_millis(5);
/// A client that is over its limit of memory by this part of it gets no further.
const HARD_LIMIT_PART: u64 = 2;

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Shares {
    capacity: Capacity,
    used: Usage,
    clients: Clients,
    register: Register,
    started: Instant,
    /// Wakes the shedder.
    short: Notify,
    /// How many connections and requests were ended and not yet counted, by resource.
    ended: [AtomicUsize; Resource::ALL.len()],
    /// What comes free of what was ended in the last round, by resource: so many may take its place.
    tickets: [AtomicU64; Resource::ALL.len()],
    /// Held while something is shed.
    shedding: Mutex<()>,
    /// Until when there is nothing to shed, in milliseconds since the start: looking again would cost more than it gives.
    idle_until_ms: AtomicU64,
}

/// What all clients together hold.
#[derive(Debug, Default)]
struct Usage {
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    tunnels: AtomicUsize,
    /// In bytes.
    buffered: AtomicU64,
}

/// What a request was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Short {
    /// All clients together have as much as there is.
    All,
    /// This client has its part.
    Client,
}

impl Usage {
    /// The descriptors for connections to upstreams.
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
            used: Usage::default(),
            clients: Clients::new(),
            register: Register::new(),
            started: Instant::now(),
            short: Notify::new(),
            ended: Default::default(),
            tickets: Default::default(),
            shedding: Mutex::new(()),
            idle_until_ms: AtomicU64::new(0),
        })
    }

    /// What there is to share.
    pub(crate) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Waits up to 100 ms until a descriptor is left for a connection that was accepted just now.
    ///
    /// In a burst connections are accepted faster than those before them are counted, and faster than those that were told
    /// to end are closed. Whoever calls this before it accepts the next one leaves the rest in the kernel's backlog, where
    /// they take no descriptor.
    pub(crate) async fn wait_for_descriptor(&self) {
        if self.used.descriptors() <= self.capacity.descriptors / 2 {
            return;
        }
        // Tasks of connections that were accepted before run now, and count them.
        tokio::task::yield_now().await;
        let limit = self.capacity.descriptors + self.capacity.connection_slack();
        for _ in 0..DESCRIPTOR_RETRIES {
            if self.used.descriptors() < limit {
                return;
            }
            self.short.notify_one();
            tokio::time::sleep(DESCRIPTOR_RETRY_PAUSE).await;
        }
    }

    /// Checks the limits for a request of a client that is counted already.
    fn check(&self, kind: HolderKind, client: Option<ClientId>) -> Result<(), Short> {
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
        let refused = match client {
            Some(_) if limit.all > 0 => Short::Client,
            _ => Short::All,
        };
        if client.is_some() && held > limit.client
            || is_greedy(held, used, limit.all, FAIR_COUNT)
            // The connections of trusted proxies are nobody's, so that they don't count against their requests.
            || client.is_some() && self.is_greedy_of_descriptors(holdings)
            || !self.has_memory(client)
        {
            return Err(refused);
        }
        let descriptors = self.used.descriptors();
        let resource = if !self.has_memory_for_all() {
            Resource::Buffered
        } else if used > limit.all {
            Resource::counted(kind)
        } else if descriptors > capacity.descriptors {
            Resource::Descriptors
        } else {
            return Ok(());
        };
        // A client with a handful gets the place of what is being shed, before that is gone.
        let has_slack = used <= limit.all + limit.all / SHORT_PART
            && descriptors <= capacity.descriptors + capacity.slack();
        if held <= FAIR_COUNT && has_slack && self.make_room(resource) {
            return Ok(());
        }
        Err(Short::All)
    }

    /// Whether a client has memory for what is counted already. The clients that are not named have no limit but what
    /// is left.
    fn has_memory(&self, client: Option<ClientId>) -> bool {
        let limit = self.capacity.buffered;
        let used = self.used.buffered.load(Ordering::Relaxed);
        let held = self.clients.of(client).buffered.load(Ordering::Relaxed);
        let is_greedy = held > FAIR_BYTES && held > limit.all.saturating_sub(used);
        (client.is_none() || held <= limit.client) && !is_greedy
    }

    /// Whether there is memory for what is counted already.
    fn has_memory_for_all(&self) -> bool {
        self.used.buffered.load(Ordering::Relaxed) <= self.capacity.buffered.all
    }

    /// Counts memory, and wakes the shedder where it runs short.
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

    /// Whether a client holds more descriptors than are left.
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

    /// Wakes the shedder if something that is counted runs short.
    fn wake_shedder_if_short(&self) {
        let (used, capacity) = (&self.used, &self.capacity);
        if self.is_short_of_descriptors()
            || is_short(used.in_flight.load(Ordering::Relaxed), capacity.in_flight.all)
            || is_short(used.tunnels.load(Ordering::Relaxed), capacity.tunnels.all)
        {
            self.short.notify_one();
        }
    }

    /// Milliseconds since the start.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Capacity {
    /// How many descriptors requests that take the place of what is being shed may go beyond the limit: a part of it, and
    /// never more than a part of the reserve.
    fn slack(&self) -> usize {
        (self.descriptors / SHORT_PART).min(self.reserve / 4)
    }

    /// The same for connections. The other half is left to requests on connections that were let in: else connections
    /// without a request would keep those with one from being served.
    fn connection_slack(&self) -> usize {
        self.slack() / 2
    }
}

/// Returns true if a client that holds `held` of something holds more than a handful, `fair`, and more than is left of it.
fn is_greedy(held: usize, used: usize, limit: usize, fair: usize) -> bool {
    held > fair && held > limit.saturating_sub(used)
}

/// Whether less than an eighth of `limit` is left.
fn is_short(used: usize, limit: usize) -> bool {
    used > limit - limit / SHORT_PART
}

fn is_short_of_bytes(used: u64, limit: u64) -> bool {
    used > limit - limit / SHORT_PART as u64
}

#[cfg(test)]
mod tests;
