//! The status of the served upstreams, for people.

use std::net::SocketAddr;
use std::time::Instant;

use super::endpoint::EndpointHealth;
use super::live::LiveUpstream;

/// The status of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: Box<str>,
    /// The number of requests in flight.
    pub in_flight: usize,
    /// Its endpoints; empty until a name is resolved.
    pub endpoints: Vec<EndpointStatus>,
}

/// The status of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Its address.
    pub address: SocketAddr,
    /// Its health.
    pub health: EndpointHealth,
    /// The number of requests in flight.
    pub in_flight: usize,
}

impl UpstreamStatus {
    pub(super) fn of(live: &LiveUpstream, now: Instant) -> Self {
        let table = live.table();
        let endpoints = table.endpoints().iter().map(|endpoint| EndpointStatus {
            address: endpoint.address,
            health: endpoint.state.health(now),
            in_flight: endpoint.state.in_flight(),
        });
        Self {
            name: live.name().into(),
            in_flight: live.in_flight(),
            endpoints: endpoints.collect(),
        }
    }
}
