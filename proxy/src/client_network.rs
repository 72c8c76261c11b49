//! The address that the connections of a client are counted by.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the address that a client is counted by: an IPv4 address, or the /64 network of an IPv6 address, because
/// one host usually controls a whole /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}
