//! The form of `limits`: how much the whole process takes, over all listeners.

use super::{Object, Shape, object, optional};

/// The most requests, tunnels or bytes that can be asked for.
const MAX_COUNT: i64 = 10_000_000;

pub(super) static LIMITS: Object = object(
    "the limits of the process",
    "How much the process takes over all listeners, and how much of that one client address gets.",
    &[
        optional(
            "max_in_flight",
            Shape::Integer(1, MAX_COUNT),
            "The most requests that upstreams are asked at once; left out: half of the file descriptors after the reserve.",
        ),
        optional(
            "max_in_flight_per_client",
            Shape::Integer(1, MAX_COUNT),
            "The same for one client address (IPv6: one /64); left out: a quarter of `max_in_flight`, 100 to 1000.",
        ),
        optional(
            "max_tunnels",
            Shape::Integer(0, MAX_COUNT),
            "The most WebSocket tunnels; left out: a quarter of the file descriptors after the reserve.",
        ),
        optional(
            "max_tunnels_per_client",
            Shape::Integer(0, MAX_COUNT),
            "The same for one client address; left out: a quarter of `max_tunnels`, 100 to 1000.",
        ),
        optional(
            "max_buffered",
            Shape::Size,
            "The most memory for requests, with their buffers; left out: half of the memory of the machine or container.",
        ),
        optional(
            "max_buffered_per_client",
            Shape::Size,
            "The same for one client address; left out: half of `max_buffered`, 16MiB to 1GiB.",
        ),
    ],
);
