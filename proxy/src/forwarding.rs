//! The origin of a request behind trusted proxies: the client's address, scheme and host, read from their forwarding
//! headers, and the headers that pass them to the upstream. All code that needs the client's address asks here.

use std::fmt::Write as _;
use std::net::IpAddr;

use arrayvec::ArrayString;
use rules::{ForwardingHeader, Host, TrustedProxies};
use wire::{FieldValue, Fields};

mod elements;

/// Maximum of proxies between the peer and the client.
const MAX_HOPS: usize = 32;
/// Maximum length of an address as text.
const MAX_ADDRESS: usize = 45;
const X_FORWARDED_FOR: &str = "X-Forwarded-For";
const X_FORWARDED_HOST: &str = "X-Forwarded-Host";
const X_FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED: &str = "Forwarded";

/// An address as text.
pub(crate) type AddressText = ArrayString<MAX_ADDRESS>;

/// The trust in the peer of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PeerTrust {
    /// The peer is a trusted proxy.
    Trusted,
    /// The peer is not trusted: its forwarding headers are discarded.
    #[default]
    Untrusted,
}

/// The use of the forwarding headers of a connection's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardingHeaders {
    /// They are read if the client is a trusted proxy.
    ByAddress,
    /// They are discarded: a PROXY header states that the proxy does not know the client, or that it connects for
    /// itself.
    Discarded,
}

/// The scheme of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ForwardedScheme {
    #[default]
    Http,
    Https,
}

/// The origin of a request.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    /// The address of the connection's peer.
    address: Option<IpAddr>,
    pub(crate) peer: PeerTrust,
    /// The addresses before the peer, the client first; none for an address that is not stated.
    hops: Vec<Option<IpAddr>>,
    /// The scheme between the peer and this proxy.
    proto: ForwardedScheme,
    /// Scheme and host of the client's request, as the first trusted proxy states them.
    origin: ForwardedOrigin,
}

/// Scheme and host as a trusted proxy states them.
#[derive(Debug, Default, PartialEq, Eq)]
struct ForwardedOrigin {
    proto: Option<ForwardedScheme>,
    host: Option<Box<str>>,
}

impl ForwardedScheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let known = [Self::Http, Self::Https];
        known
            .into_iter()
            .find(|proto| proto.as_str().eq_ignore_ascii_case(text))
    }
}

impl Forwarding {
    /// Creates the origin of a request whose fields are not known.
    pub(crate) fn of_peer(address: Option<IpAddr>, proto: ForwardedScheme) -> Self {
        Self {
            address: address.map(|address| address.to_canonical()),
            proto,
            ..Self::default()
        }
    }

    /// Reads the origin of a request with these fields, over a connection from `address`.
    pub(crate) fn read(
        fields: &Fields,
        address: Option<IpAddr>,
        proto: ForwardedScheme,
        proxies: &TrustedProxies,
    ) -> Self {
        let address = address.map(|address| address.to_canonical());
        let is_trusted = |address: Option<IpAddr>| address.is_some_and(|ip| proxies.networks.contain(ip));
        let mut forwarding = Self {
            address,
            proto,
            ..Self::default()
        };
        if !is_trusted(address) {
            return forwarding;
        }
        forwarding.peer = PeerTrust::Trusted;
        let (hops, origin) = match proxies.header {
            ForwardingHeader::XForwarded => x_forwarded(fields, is_trusted),
            ForwardingHeader::Forwarded => forwarded(fields, is_trusted),
        };
        forwarding.hops = hops;
        // Read from the right, kept in the order of the headers.
        forwarding.hops.reverse();
        forwarding.origin = origin;
        forwarding
    }

    /// Returns the client's address; none if a trusted proxy does not state it, or the connection has none.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.hops.first().copied().unwrap_or(self.address)
    }

    /// Returns the client that is charged for the request's resources; none if a trusted proxy names no client,
    /// because it may carry many.
    pub(crate) fn charged_client(&self) -> Option<IpAddr> {
        if self.peer == PeerTrust::Trusted && self.hops.is_empty() {
            return None;
        }
        self.client()
    }

    /// Returns the scheme of the client's request.
    pub(crate) fn scheme(&self) -> ForwardedScheme {
        self.origin.proto.unwrap_or(self.proto)
    }

    /// Returns [`Forwarding::client`] as text.
    pub(crate) fn client_text(&self) -> Option<AddressText> {
        let mut text = ArrayString::new();
        write!(text, "{}", self.client()?).ok()?;
        Some(text)
    }

    /// Appends the forwarding headers (RFC 7239, and the older `X-Forwarded-*`); those that were read must be removed.
    /// Elements before the client's address are dropped: no trusted proxy wrote them.
    pub(crate) fn write(&self, fields: &mut Fields) {
        let own = match fields.contains("host") {
            true => ForwardedHost::Own,
            false => ForwardedHost::None,
        };
        // What the client addressed is what the first trusted proxy stated; this hop's own `Host` may be an internal name.
        let host = self.origin.host.as_deref().map_or(own, ForwardedHost::Stated);
        let proto = self.scheme();
        // Over a Unix socket the peer has no address. It is listed as unknown after other hops, so that their order stays
        // right, and left out where it would be alone.
        let peer = (self.address.is_some() || !self.hops.is_empty()).then_some(self.address);
        let hops = self.hops.iter().copied().chain(peer);
        if peer.is_some() {
            fields.push_with(X_FORWARDED_FOR, |value| {
                for (place, hop) in hops.clone().enumerate() {
                    value.push(if place == 0 { b"" } else { b", " });
                    push_address(value, hop, AddressForm::Bare);
                }
            });
        }
        if !matches!(host, ForwardedHost::None) {
            fields.push_with(X_FORWARDED_HOST, |value| host.push_to(value));
        }
        fields.push(X_FORWARDED_PROTO, proto.as_str().as_bytes());
        fields.push_with(FORWARDED, |value| {
            for (place, hop) in hops.enumerate() {
                value.push(if place == 0 { b"for=" } else { b", for=" });
                push_address(value, hop, AddressForm::Node);
                if place == 0 {
                    value.push(b";");
                    describe(value, host, proto);
                }
            }
            // RFC 7239 gives each hop an element. Host and scheme of the origin belong to the first; those that this proxy
            // saw belong to the last. With one hop both are the same element.
            if peer.is_none() {
                describe(value, host, proto);
            } else if !self.hops.is_empty() {
                value.push(b";");
                describe(value, own, self.proto);
            }
        });
    }
}

/// The host of an element of `Forwarded`.
#[derive(Debug, Clone, Copy)]
enum ForwardedHost<'h> {
    /// As a trusted proxy states it.
    Stated(&'h str),
    /// As in `Host`.
    Own,
    /// Not known.
    None,
}

impl ForwardedHost<'_> {
    fn push_to(self, value: &mut FieldValue<'_>) {
        match self {
            Self::Stated(host) => value.push(host.as_bytes()),
            Self::Own => value.push_value_of("host"),
            Self::None => {}
        }
    }
}

/// The form of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddressForm {
    /// As in `X-Forwarded-For`.
    Bare,
    /// As a node of `Forwarded` (RFC 7239 section 6).
    Node,
}

/// Ends an element of `Forwarded` with host and scheme.
fn describe(value: &mut FieldValue<'_>, host: ForwardedHost<'_>, proto: ForwardedScheme) {
    if !matches!(host, ForwardedHost::None) {
        value.push(b"host=\"");
        host.push_to(value);
        value.push(b"\";");
    }
    value.push(b"proto=");
    value.push(proto.as_str().as_bytes());
}

/// Appends an address; `unknown` for none.
fn push_address(value: &mut FieldValue<'_>, address: Option<IpAddr>, form: AddressForm) {
    match (address, form) {
        (None, _) => value.push(b"unknown"),
        // The common case, rendered here because `Display` of an address is slow.
        (Some(IpAddr::V4(ip)), _) => {
            for (place, octet) in ip.octets().into_iter().enumerate() {
                value.push(if place == 0 { b"" } else { b"." });
                let digits = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
                let leading = usize::from(octet < 100) + usize::from(octet < 10);
                value.push(digits.get(leading..).unwrap_or_default());
            }
        }
        (Some(IpAddr::V6(ip)), form) => {
            // Rendering a value never fails.
            let _ = match form {
                AddressForm::Bare => write!(value, "{ip}"),
                AddressForm::Node => write!(value, "\"[{ip}]\""),
            };
        }
    }
}

/// Returns the addresses before a trusted peer, the nearest first, up to the first untrusted one, and the origin that
/// is stated for that one.
fn x_forwarded(
    fields: &Fields,
    is_trusted: impl Fn(Option<IpAddr>) -> bool,
) -> (Vec<Option<IpAddr>>, ForwardedOrigin) {
    let mut hops = Vec::new();
    for element in elements::from_the_right(fields, X_FORWARDED_FOR).take(MAX_HOPS) {
        let hop = element.and_then(elements::address);
        hops.push(hop);
        if !is_trusted(hop) {
            break;
        }
    }
    // A proxy that appends to these headers has one element for each address. A proxy that overwrites them has a
    // single element.
    let place = hops.len().saturating_sub(1);
    let aligned = |name| {
        let mut elements = elements::from_the_right(fields, name).take(place + 1);
        let first = elements.next()?;
        elements.last().unwrap_or(first)
    };
    let origin = ForwardedOrigin {
        proto: aligned(X_FORWARDED_PROTO).and_then(ForwardedScheme::parse),
        host: aligned(X_FORWARDED_HOST).and_then(host),
    };
    (hops, origin)
}

/// Reads the same from `Forwarded`.
fn forwarded(
    fields: &Fields,
    is_trusted: impl Fn(Option<IpAddr>) -> bool,
) -> (Vec<Option<IpAddr>>, ForwardedOrigin) {
    let (mut hops, mut origin) = (Vec::new(), ForwardedOrigin::default());
    for element in elements::from_the_right(fields, FORWARDED).take(MAX_HOPS) {
        let parameter = |name| elements::parameter(element?, name);
        let hop = parameter("for").and_then(elements::address);
        origin = ForwardedOrigin {
            proto: parameter("proto").and_then(ForwardedScheme::parse),
            host: parameter("host").and_then(host),
        };
        hops.push(hop);
        if !is_trusted(hop) {
            break;
        }
    }
    (hops, origin)
}

fn host(text: &str) -> Option<Box<str>> {
    Host::parse(text).is_ok().then(|| text.into())
}

#[cfg(test)]
mod tests;
