//! The form of trusted proxies.

use rules::{CLIENT_HEADERS, ForwardingHeader, client_header};

use super::allow::Allow;
use super::text::Network;
use crate::form::{Field, List, Placed, fields, parsed, union, words};
use crate::suggest::closest;
use crate::validate::InvalidValue;

/// The maximum number of headers: each once.
const MAX_HEADERS: usize = CLIENT_HEADERS.len();

/// Networks.
type NetworkList = List<Placed<Network>, 1, 1_000>;

parsed! {
    ClientHeader("a header with the client's address such as `X-Real-IP`", "invalid-header"): &'static str = |text| {
        client_header(text).ok_or_else(|| {
            let lower = text.to_ascii_lowercase();
            let help = match closest(text, CLIENT_HEADERS) {
                _ if lower == "forwarded" || lower.starts_with("x-forwarded-") => {
                    "`header` selects `X-Forwarded-*` or `Forwarded`: remove this name".to_owned()
                }
                Some(known) => format!("did you mean `{known}`?"),
                None => "list only headers that are removed otherwise, such as `X-Real-IP`".to_owned(),
            };
            InvalidValue::new(format!("`{text}` is not a known header with the client's address"), help)
        })
    };
}

union! {
    TrustedProxies("a list of IP networks or `{ networks: [..], header: forwarded }`"): TrustedProxiesFields<'s> {
        list Placed<NetworkList> => |networks| TrustedProxiesFields {
            networks: Field::alone(networks),
            ..Default::default()
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
        /// Further headers with the client's address that the proxies overwrite, such as X-Real-IP. All others are
        /// removed. Default: none.
        headers: field List<ClientHeader, 1, MAX_HEADERS>,
        /// Warnings about trusted proxies that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

words! { ForwardingHeader { "x-forwarded" => XForwarded, "forwarded" => Forwarded } }
