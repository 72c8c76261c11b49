//! The form of `limits`: how much the whole process takes, over all listeners.

use crate::form::{Size, Whole, fields};

/// A number of requests or tunnels.
type Count<const MIN: i64> = Whole<usize, MIN, 10_000_000>;

fields! {
    /// How much the process takes over all listeners, and how much of that one client address gets.
    ProcessLimits("the limits of the process") => ProcessLimitsFields {
        /// The most requests that upstreams are asked at once; left out: half of the file descriptors after the reserve.
        max_in_flight: field Count<1>,
        /// The same for one client address (IPv6: one /64); left out: a quarter of `max_in_flight`, 100 to 1000.
        max_in_flight_per_client: field Count<1>,
        /// The most WebSocket tunnels; left out: a quarter of the file descriptors after the reserve.
        max_tunnels: field Count<0>,
        /// The same for one client address; left out: a quarter of `max_tunnels`, 100 to 1000.
        max_tunnels_per_client: field Count<0>,
        /// The most memory for requests, with their buffers; left out: half of the memory of the machine or container.
        max_buffered: field Size,
        /// The same for one client address; left out: half of `max_buffered`, 16MiB to 1GiB.
        max_buffered_per_client: field Size,
    }
}
