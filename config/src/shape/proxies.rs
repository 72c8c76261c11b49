//! The form of trusted proxies.

use rules::ForwardingHeader;

use super::text::Network;
use crate::form::{Field, List, Placed, fields, union, words};

/// Networks.
type NetworkList = List<Placed<Network>, 1, 1_000>;

union! {
    TrustedProxies("a list of IP networks or `{ networks: [..], header: forwarded }`"): TrustedProxiesFields<'s> {
        list Placed<NetworkList> => |networks| TrustedProxiesFields {
            networks: Field::alone(networks),
            header: Field::LeftOut,
        },
        mapping TrustedProxiesObject => |proxies| proxies,
    }
}

fields! {
    /// Proxies whose forwarding headers are trusted.
    TrustedProxiesObject("trusted proxies") => TrustedProxiesFields {
        /// IP addresses or networks of the proxies.
        networks: must NetworkList,
        /// Forwarding headers that the proxies set. Default: x-forwarded.
        header: field ForwardingHeader,
    }
}

words! { ForwardingHeader { "x-forwarded" => XForwarded, "forwarded" => Forwarded } }
