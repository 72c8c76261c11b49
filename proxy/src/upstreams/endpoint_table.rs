//! The endpoints of an upstream and the order of their turns. A new table is built when addresses change.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use rules::{Endpoint, Upstream};
use xxhash_rust::xxh3::xxh3_64;

use super::endpoint::{EndpointState, LiveEndpoint, Rank};
use super::peer::Template;
use super::resolved_host::ResolvedHost;

/// Maximum of addresses of one host.
const MAX_ADDRESSES: usize = 64;

/// Endpoints and the order of their turns.
#[derive(Debug)]
pub(super) struct EndpointTable {
    endpoints: Box<[Arc<LiveEndpoint>]>,
    /// Indices of `endpoints`; an index with weight 3 occurs three times, spread out.
    turns: Box<[u16]>,
}

impl EndpointTable {
    /// Builds the table of a definition whose hosts have these addresses. Endpoints of `before` that are reached in
    /// the same way keep their state.
    pub(super) fn build(
        definition: &Upstream,
        template: &Template,
        resolved: &[ResolvedHost],
        before: Option<&Self>,
    ) -> Self {
        let now = Instant::now();
        let mut endpoints: Vec<Arc<LiveEndpoint>> = Vec::new();
        for (endpoint, resolved) in definition.endpoints.iter().zip(resolved) {
            for (address, rank) in ranked(&resolved.addresses) {
                let address = SocketAddr::new(address, endpoint.port);
                if !endpoints.iter().any(|known| known.address == address) {
                    endpoints.push(live(template, endpoint, (address, rank), before, now));
                }
            }
        }
        let turns = turns(&endpoints);
        Self {
            endpoints: endpoints.into(),
            turns,
        }
    }

    pub(super) fn endpoints(&self) -> &[Arc<LiveEndpoint>] {
        &self.endpoints
    }

    /// Returns true if health checks found an endpoint that is not unhealthy.
    pub(super) fn is_healthy(&self) -> bool {
        self.endpoints
            .iter()
            .any(|endpoint| !endpoint.state.is_unhealthy())
    }

    /// Forgets the results of health checks.
    pub(super) fn forget_health(&self) {
        for endpoint in &self.endpoints {
            endpoint.state.forget_health();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Returns the endpoints from a turn on, each as often as it has turns, then those in reserve.
    pub(super) fn starting_at(&self, turn: usize) -> impl Iterator<Item = &Arc<LiveEndpoint>> {
        let start = turn.checked_rem(self.turns.len()).unwrap_or(0);
        let (before, after) = self.turns.split_at_checked(start).unwrap_or_default();
        let turns = after.iter().chain(before);
        let first = turns.filter_map(|place| self.endpoints.get(usize::from(*place)));
        let reserve = self
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.rank == Rank::Reserve);
        first.chain(reserve)
    }
}

/// Returns the addresses of a host with their ranks: IPv4 addresses take turns if there are any.
fn ranked(addresses: &[IpAddr]) -> impl Iterator<Item = (IpAddr, Rank)> {
    let some_v4 = addresses.iter().any(IpAddr::is_ipv4);
    addresses.iter().take(MAX_ADDRESSES).map(move |address| {
        let rank = if some_v4 && address.is_ipv6() {
            Rank::Reserve
        } else {
            Rank::First
        };
        (*address, rank)
    })
}

fn live(
    template: &Template,
    endpoint: &Endpoint,
    (address, rank): (SocketAddr, Rank),
    before: Option<&EndpointTable>,
    now: Instant,
) -> Arc<LiveEndpoint> {
    let peer = template.at(address, endpoint);
    let known = before.and_then(|before| {
        let mut known = before.endpoints.iter();
        known.find(|known| known.address == address && known.peer.group_key == peer.group_key)
    });
    let state = known.map_or_else(
        || Arc::new(EndpointState::new(now)),
        |known| Arc::clone(&known.state),
    );
    let Endpoint { host, port, weight } = endpoint;
    let authority = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    Arc::new(LiveEndpoint {
        address,
        authority: authority.into(),
        weight: *weight,
        rank,
        seed: xxh3_64(address.to_string().as_bytes()),
        peer,
        state,
    })
}

/// Returns the order of turns, with those of a heavy endpoint spread out (smooth weighted round robin, as in nginx):
/// each step picks the endpoint with the largest credit.
fn turns(endpoints: &[Arc<LiveEndpoint>]) -> Box<[u16]> {
    let mut owed: Vec<(u16, i64, i64)> = Vec::new();
    let common = endpoints
        .iter()
        .fold(0, |common, endpoint| divisor(endpoint.weight, common))
        .max(1);
    for (place, endpoint) in endpoints.iter().enumerate() {
        if let (Ok(place), Rank::First) = (u16::try_from(place), endpoint.rank) {
            owed.push((place, i64::from(endpoint.weight / common), 0));
        }
    }
    let total: i64 = owed.iter().map(|(_, weight, _)| weight).sum();
    let mut turns = Vec::new();
    for _ in 0..total {
        for (_, weight, owed) in &mut owed {
            *owed += *weight;
        }
        // On a tie the first endpoint is picked; `max_by_key` returns the last maximum.
        let next = owed.iter_mut().rev().max_by_key(|(_, _, owed)| *owed);
        if let Some((place, _, owed)) = next {
            *owed -= total;
            turns.push(*place);
        }
    }
    turns.into()
}

/// Returns the greatest common divisor.
fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}
