//! The form of trusted proxies.

use rules::ForwardingHeader;

use super::text::Network;
use crate::form::{Field, List, Placed, fields, union, words};

/// Networks.
type Networks = List<Placed<Network>, 1, 1_000>;

union! {
    TrustedProxies("a list of IP networks or `{ networks: [..], header: forwarded }`"): TrustedProxiesFields<'s> {
        list Placed<Networks> => |networks| TrustedProxiesFields {
            networks: Field::alone(networks),
            header: Field::LeftOut,
        },
        mapping TrustedProxiesObject => |proxies| proxies,
    }
}

fields! {
    /// Who may say for whom a request is forwarded, and in which headers.
    TrustedProxiesObject("trusted proxies") => TrustedProxiesFields {
        /// Their addresses.
        networks: must Networks,
        /// The headers that they set; left out: x-forwarded.
        header: field ForwardingHeader,
    }
}

words! { ForwardingHeader { "x-forwarded" => XForwarded, "forwarded" => Forwarded } }
