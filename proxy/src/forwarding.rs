//! The origin of a request behind trusted proxies: the client's address, scheme and host, read from their forwarding
//! headers, and the headers that pass them to the upstream. All code that needs the client's address asks here.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayString;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use rules::{ForwardingHeader, Host, TrustedProxies};

use crate::edge::client_connection::client_connection;

mod elements;

/// Maximum of proxies between the peer and the client.
const MAX_HOPS: usize = 32;
/// Maximum length of an address as text.
const MAX_ADDRESS: usize = 45;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The trust in the peer of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PeerTrust {
    /// The peer is a trusted proxy.
    Trusted,
    /// The peer is not trusted: its forwarding headers are discarded.
    #[default]
    Untrusted,
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
    fn as_str(self) -> &'static str {
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

/// Returns the scheme between the peer and this proxy.
pub(crate) fn proto(session: &Session) -> ForwardedScheme {
    if client_connection(session).is_some_and(|connection| connection.tls.is_some()) {
        ForwardedScheme::Https
    } else {
        ForwardedScheme::Http
    }
}

impl Forwarding {
    /// Reads the origin of the request of `session`.
    pub(crate) fn of(session: &Session, proxies: &TrustedProxies) -> Self {
        let peer = session.client_addr().and_then(|address| address.as_inet());
        let address = peer.map(SocketAddr::ip);
        Self::read(&session.req_header().headers, address, proto(session), proxies)
    }

    /// Reads the origin of a request with these headers, over a connection from `address`.
    pub(crate) fn read(
        headers: &HeaderMap,
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
            ForwardingHeader::XForwarded => x_forwarded(headers, is_trusted),
            ForwardingHeader::Forwarded => forwarded(headers, is_trusted),
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

    /// Returns [`Forwarding::client`] as text.
    pub(crate) fn client_text(&self) -> Option<ArrayString<MAX_ADDRESS>> {
        let mut text = ArrayString::new();
        write!(text, "{}", self.client()?).ok()?;
        Some(text)
    }

    /// Sets the forwarding headers (RFC 7239, and the older `X-Forwarded-*`). Elements before the client's address
    /// are dropped: no trusted proxy wrote them.
    pub(crate) fn write(&self, request: &mut RequestHeader) -> pingora::Result<()> {
        // What the client addressed is what the first trusted proxy stated; this hop's own `Host` may be an internal name.
        let own = request.headers.get(header::HOST).cloned();
        let own = own.as_ref().and_then(|host| host.to_str().ok());
        let host = self.origin.host.as_deref().or(own);
        let proto = self.origin.proto.unwrap_or(self.proto);
        let hops = self.hops.iter().copied();
        // Over a Unix socket the peer has no address. It is listed as unknown after other hops, so that their order stays
        // right, and left out where it would be alone.
        let peer = (self.address.is_some() || !self.hops.is_empty()).then_some(self.address);
        let mut addresses = String::new();
        let mut line = String::with_capacity(64);
        for hop in hops.chain(peer) {
            let first = addresses.is_empty();
            let separator = if first { "" } else { ", " };
            // A write into a string cannot fail.
            let _ = match hop {
                Some(IpAddr::V4(ip)) => write!(line, "{separator}for={ip}"),
                Some(IpAddr::V6(ip)) => write!(line, "{separator}for=\"[{ip}]\""),
                None => write!(line, "{separator}for=unknown"),
            };
            let _ = match hop {
                Some(ip) => write!(addresses, "{separator}{ip}"),
                None => write!(addresses, "{separator}unknown"),
            };
            if first {
                describe(&mut line, host, proto);
            }
        }
        // RFC 7239 gives each hop an element. Host and scheme of the origin belong to the first; those that this proxy
        // saw belong to the last. With one hop both are the same element.
        match self.hops.is_empty() {
            true if addresses.is_empty() => describe(&mut line, host, proto),
            true => {}
            false => describe(&mut line, own, self.proto),
        }
        if !addresses.is_empty() {
            request.insert_header("X-Forwarded-For", addresses)?;
        }
        if let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        request.insert_header("X-Forwarded-Proto", proto.as_str())?;
        request.insert_header("Forwarded", line)
    }
}

/// Ends an element of `Forwarded` with host and scheme.
fn describe(line: &mut String, host: Option<&str>, proto: ForwardedScheme) {
    let separator = if line.is_empty() { "" } else { ";" };
    let _ = match host {
        Some(host) => write!(line, "{separator}host=\"{host}\";proto={}", proto.as_str()),
        None => write!(line, "{separator}proto={}", proto.as_str()),
    };
}

/// Returns the addresses before a trusted peer, the nearest first, up to the first untrusted one, and the origin that
/// is stated for that one.
fn x_forwarded(
    headers: &HeaderMap,
    is_trusted: impl Fn(Option<IpAddr>) -> bool,
) -> (Vec<Option<IpAddr>>, ForwardedOrigin) {
    let mut hops = Vec::new();
    for element in elements::from_the_right(headers, &X_FORWARDED_FOR).take(MAX_HOPS) {
        let hop = element.and_then(elements::address);
        hops.push(hop);
        if !is_trusted(hop) {
            break;
        }
    }
    // A proxy that appends to these headers has one element for each address. A proxy that overwrites them has a
    // single element.
    let place = hops.len().saturating_sub(1);
    let aligned = |name: &HeaderName| {
        let mut elements = elements::from_the_right(headers, name).take(place + 1);
        let first = elements.next()?;
        elements.last().unwrap_or(first)
    };
    let origin = ForwardedOrigin {
        proto: aligned(&X_FORWARDED_PROTO).and_then(ForwardedScheme::parse),
        host: aligned(&X_FORWARDED_HOST).and_then(host),
    };
    (hops, origin)
}

/// Reads the same from `Forwarded`.
fn forwarded(
    headers: &HeaderMap,
    is_trusted: impl Fn(Option<IpAddr>) -> bool,
) -> (Vec<Option<IpAddr>>, ForwardedOrigin) {
    let (mut hops, mut origin) = (Vec::new(), ForwardedOrigin::default());
    for element in elements::from_the_right(headers, &header::FORWARDED).take(MAX_HOPS) {
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
