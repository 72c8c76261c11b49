//! Sets of IP networks, merged into ranges so that ten thousand of them are searched in a dozen steps.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A set of IP networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    /// First and last address of each range, sorted, none touching another.
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

/// A text that is no IP address or network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an IP address or network")]
pub struct InvalidNetwork {
    /// The text as given.
    pub text: Box<str>,
}

/// Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address. Bits beyond the prefix are ignored.
pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

impl Networks {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for network in networks {
            match network {
                IpNet::V4(network) => v4.push(*network),
                IpNet::V6(network) => v6.push(*network),
            }
        }
        let v4 = Ipv4Net::aggregate(&v4)
            .iter()
            .map(|n| (n.network().to_bits(), n.broadcast().to_bits()))
            .collect();
        let v6 = Ipv6Net::aggregate(&v6)
            .iter()
            .map(|n| (n.network().to_bits(), n.broadcast().to_bits()))
            .collect();
        Self {
            v4: sort(v4),
            v6: sort(v6),
        }
    }

    /// Parses networks, each like `10.0.0.0/8`, `2001:db8::/32` or a single address.
    ///
    /// # Errors
    /// The first text that is no network.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidNetwork> {
        let networks = texts
            .into_iter()
            .map(|text| parse_network(text).ok_or_else(|| InvalidNetwork { text: text.into() }));
        Ok(Self::new(&networks.collect::<Result<Vec<_>, _>>()?))
    }

    /// Returns true if every IPv4 address or every IPv6 address is in one of them.
    #[must_use]
    pub fn contain_every_address(&self) -> bool {
        *self.v4 == [(0, u32::MAX)] || *self.v6 == [(0, u128::MAX)]
    }

    /// Returns true if one of them contains `address`. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`)
    /// counts as IPv4.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => is_in_ranges(&self.v4, address.to_bits()),
            IpAddr::V6(address) => is_in_ranges(&self.v6, address.to_bits()),
        }
    }
}

fn sort<T: Ord>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    ranges.into()
}

fn is_in_ranges<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|index| ranges.get(index))
        .is_some_and(|(_, last)| address <= *last)
}
