//! The capacity of the process: configured, or derived from the machine.

use config::ProcessLimits;

use crate::machine::Machine;

/// Descriptors reserved for the admin listener: its connections, and some that wait to be refused.
const ADMIN_DESCRIPTORS: usize = crate::admin::MAX_ADMIN_CONNECTIONS + 32;
/// Descriptors reserved for listeners, logs, files, the store, health checks, key servers and resolvers.
const OWN_DESCRIPTORS: usize = 96;
/// Maximum of pooled connections to upstreams for each worker thread.
const POOLED_CONNECTIONS: usize = 256;
/// Minimum and maximum of a client's default limit for requests and tunnels.
const CLIENT_COUNT: (usize, usize) = (100, 1_000);
/// Minimum and maximum of a client's default limit for memory, in bytes.
const CLIENT_BYTES: (u64, u64) = (16 * 1024 * 1024, 1024 * 1024 * 1024);

/// The resources for all requests and connections, and the part that one client address may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Descriptors for clients and upstreams.
    pub descriptors: usize,
    /// Descriptors reserved for all other uses.
    pub reserve: usize,
    /// Pooled connections to upstreams, which are part of the reserve.
    pub pooled: usize,
    /// Requests in flight to upstreams.
    pub in_flight: ResourceLimit<usize>,
    /// Tunnels.
    pub tunnels: ResourceLimit<usize>,
    /// Memory of requests and their buffers, in bytes.
    pub buffered: ResourceLimit<u64>,
}

/// The limits of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLimit<T> {
    /// The limit for all clients together.
    pub all: T,
    /// The limit for one client address.
    pub client: T,
}

impl Capacity {
    /// Returns the maximum of admin connections, and of connections to the health listener: a third of the reserve at most, so that a small reserve suffices.
    pub(crate) fn admin_connections(&self) -> usize {
        (self.reserve / 3).clamp(1, crate::admin::MAX_ADMIN_CONNECTIONS)
    }

    /// Returns true if the machine has too few descriptors for the full reserve.
    #[must_use]
    pub fn is_small(&self) -> bool {
        self.reserve < ADMIN_DESCRIPTORS + OWN_DESCRIPTORS
    }

    /// Returns the capacity of a process on `machine` with `threads` worker threads.
    pub(crate) fn new(machine: Machine, written: &ProcessLimits, threads: usize) -> Self {
        let allowed = usize::try_from(machine.descriptors).unwrap_or(usize::MAX);
        let pooled = POOLED_CONNECTIONS.saturating_mul(threads).min(allowed / 8).max(1);
        // With very few descriptors, half of them are reserved.
        let reserve = (ADMIN_DESCRIPTORS + OWN_DESCRIPTORS + pooled).min(allowed / 2);
        let descriptors = (allowed - reserve).max(2);
        let buffered = written.max_buffered.unwrap_or(machine.memory / 2);
        let (least, most) = CLIENT_BYTES;
        Self {
            descriptors,
            reserve,
            pooled,
            in_flight: count(
                written.max_in_flight.unwrap_or(descriptors / 2),
                written.max_in_flight_per_client,
            ),
            tunnels: count(
                written.max_tunnels.unwrap_or(descriptors / 4),
                written.max_tunnels_per_client,
            ),
            buffered: ResourceLimit {
                all: buffered,
                client: written
                    .max_buffered_per_client
                    .unwrap_or((buffered / 2).clamp(least, most))
                    .min(buffered),
            },
        }
    }
}

fn count(all: usize, client: Option<usize>) -> ResourceLimit<usize> {
    let (least, most) = CLIENT_COUNT;
    let client = client.unwrap_or((all / 4).clamp(least, most)).min(all);
    ResourceLimit { all, client }
}

#[cfg(test)]
mod tests {
    use config::ProcessLimits;

    use super::{Capacity, ResourceLimit};
    use crate::machine::Machine;

    const MIB: u64 = 1024 * 1024;

    fn capacity(descriptors: u64, memory: u64, written: ProcessLimits) -> Capacity {
        Capacity::new(Machine { descriptors, memory }, &written, 2)
    }

    #[test]
    fn max_in_flight_is_half_of_the_descriptors_after_the_reserve() {
        for descriptors in [64, 256, 1_024, 20_000, 1_048_576] {
            let capacity = capacity(descriptors, 1024 * MIB, ProcessLimits::default());
            let left = capacity.descriptors;
            assert_eq!(left + capacity.reserve, usize::try_from(descriptors).unwrap());
            assert_eq!(capacity.in_flight.all, left / 2);
            assert_eq!(capacity.tunnels.all, left / 4);
            assert!(capacity.reserve * 2 <= usize::try_from(descriptors).unwrap());
            assert!(capacity.pooled < capacity.reserve);
        }
        let usual = capacity(1_024, 1024 * MIB, ProcessLimits::default());
        assert_eq!((usual.reserve, usual.in_flight.all), (384, 320));
        assert_eq!((usual.admin_connections(), usual.is_small()), (128, false));
        let small = capacity(64, 1024 * MIB, ProcessLimits::default());
        assert_eq!((small.admin_connections(), small.is_small()), (10, true));
    }

    #[test]
    fn one_client_gets_at_most_the_total_limit() {
        let large = capacity(1_048_576, 32 * 1024 * MIB, ProcessLimits::default());
        assert_eq!(large.in_flight.client, 1_000);
        assert_eq!(
            large.buffered,
            ResourceLimit {
                all: 16 * 1024 * MIB,
                client: 1024 * MIB
            }
        );
        let small = capacity(64, 20 * MIB, ProcessLimits::default());
        assert_eq!(small.in_flight.client, small.in_flight.all);
        assert_eq!(
            small.buffered,
            ResourceLimit {
                all: 10 * MIB,
                client: 10 * MIB
            }
        );
    }

    #[test]
    fn configured_limits_override_computed_ones() {
        let written = ProcessLimits {
            max_in_flight: Some(5_000),
            max_in_flight_per_client: Some(7),
            max_tunnels: Some(0),
            max_buffered: Some(64 * MIB),
            ..ProcessLimits::default()
        };
        let capacity = capacity(20_000, 1024 * MIB, written);
        assert_eq!(
            capacity.in_flight,
            ResourceLimit {
                all: 5_000,
                client: 7
            }
        );
        assert_eq!(capacity.tunnels, ResourceLimit { all: 0, client: 0 });
        assert_eq!(
            capacity.buffered,
            ResourceLimit {
                all: 64 * MIB,
                client: 32 * MIB
            }
        );
    }
}
