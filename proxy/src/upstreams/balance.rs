//! Choice of an endpoint: round robin, least request of two, or sticky by tenant, all weighted. Takes no lock and
//! allocates nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rules::Balance;

use super::endpoint::LiveEndpoint;
use super::endpoint_table::EndpointTable;
use crate::split_mix::mix;

/// The input of a choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndpointChoice<'a> {
    pub(super) balance: Balance,
    pub(super) turn: usize,
    /// The hash for sticky balancing.
    pub(super) hash_key: Option<u64>,
    /// Endpoints to which this request could not connect.
    pub(super) tried: &'a [SocketAddr],
    pub(super) now: Instant,
}

impl EndpointChoice<'_> {
    /// Returns an untried endpoint: a fit one if there is any, else an unfit one, because a wrong verdict about all
    /// of them is likelier than that all are down. Returns none if all were tried.
    pub(super) fn choose_from<'t>(&self, table: &'t EndpointTable) -> Option<&'t Arc<LiveEndpoint>> {
        let untried = |endpoint: &LiveEndpoint| !self.tried.contains(&endpoint.address);
        let fit = |endpoint: &LiveEndpoint| untried(endpoint) && endpoint.state.is_fit(self.now);
        self.pick(table, &fit).or_else(|| self.pick(table, &untried))
    }

    fn pick<'t>(
        &self,
        table: &'t EndpointTable,
        eligible: &dyn Fn(&LiveEndpoint) -> bool,
    ) -> Option<&'t Arc<LiveEndpoint>> {
        match (self.balance, self.hash_key) {
            (Balance::LeastRequest, _) => less_busy(table, self.turn, eligible),
            (Balance::Sticky, Some(hash_key)) => highest_score(table, hash_key, eligible),
            (Balance::RoundRobin, _) | (Balance::Sticky, None) => {
                table.starting_at(self.turn).find(|endpoint| eligible(endpoint))
            }
        }
    }
}

/// Draws two endpoints by weight and returns the one with fewer requests for its weight ("The Power of Two Choices in
/// Randomized Load Balancing", Mitzenmacher 2001).
fn less_busy<'t>(
    table: &'t EndpointTable,
    turn: usize,
    eligible: &dyn Fn(&LiveEndpoint) -> bool,
) -> Option<&'t Arc<LiveEndpoint>> {
    let drawn = mix(turn as u64);
    let draw = |number: u64| usize::try_from(number & 0x7fff_ffff).unwrap_or(0);
    let first = table
        .starting_at(draw(drawn))
        .find(|endpoint| eligible(endpoint))?;
    let second = table
        .starting_at(draw(drawn >> 32))
        .find(|endpoint| eligible(endpoint) && endpoint.address != first.address);
    let load = |of: &LiveEndpoint, other: &LiveEndpoint| {
        (of.state.in_flight() as u64).saturating_mul(u64::from(other.weight))
    };
    match second {
        Some(second) if second.rank == first.rank && load(second, first) < load(first, second) => {
            Some(second)
        }
        _ => Some(first),
    }
}

/// Returns the endpoint with the highest score for the hash, so that removing an endpoint moves only its own tenants
/// (weighted rendezvous hashing, Schindelhauer and Schomaker 2005).
fn highest_score<'t>(
    table: &'t EndpointTable,
    hash_key: u64,
    eligible: &dyn Fn(&LiveEndpoint) -> bool,
) -> Option<&'t Arc<LiveEndpoint>> {
    let eligible = table.endpoints().iter().filter(|endpoint| eligible(endpoint));
    let scored = eligible.map(|endpoint| (endpoint.rank, score(endpoint, hash_key), endpoint));
    let best = scored.reduce(|best, next| {
        let better = match (best.0, next.0) {
            (super::endpoint::Rank::Reserve, super::endpoint::Rank::First) => true,
            (super::endpoint::Rank::First, super::endpoint::Rank::Reserve) => false,
            _ => next.1 > best.1,
        };
        if better { next } else { best }
    });
    best.map(|(_, _, endpoint)| endpoint)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
fn score(endpoint: &LiveEndpoint, hash_key: u64) -> f64 {
    let bits = mix(hash_key ^ endpoint.seed) >> 11;
    // Between 0 and 1, both excluded, so that the logarithm is finite and not 0.
    let part = (bits as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(endpoint.weight) / part.ln()
}
