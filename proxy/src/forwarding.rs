//! For whom a request is forwarded: the address of the client, found by what trusted proxies say, and the headers
//! that tell the next one. Everything that asks where a request comes from asks here.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayString;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use rules::{ForwardingHeader, Host, TrustedProxies};

use crate::edge::client_connection;

mod elements;

/// The most proxies that are looked past for the client.
const MAX_HOPS: usize = 32;
/// The longest text of an address.
const MAX_ADDRESS: usize = 45;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whose word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PeerTrust {
    /// A trusted proxy's.
    Trusted,
    /// Nobody's: what it says of the client is not passed on.
    #[default]
    Untrusted,
}

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Proto {
    #[default]
    Http,
    Https,
}

/// Where a request comes from.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    /// Who is at the other end of the connection.
    address: Option<IpAddr>,
    pub(crate) peer: PeerTrust,
    /// Who stands before the peer, the client first; none for one that is not told.
    hops: Vec<Option<IpAddr>>,
    /// How the peer speaks to us.
    proto: Proto,
    /// How the client spoke to the first trusted proxy, and which host it asked for, as that says.
    origin: ForwardedOrigin,
}

/// What a trusted proxy says of the client's request.
#[derive(Debug, Default, PartialEq, Eq)]
struct ForwardedOrigin {
    proto: Option<Proto>,
    host: Option<Box<str>>,
}

impl Proto {
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

/// How the peer speaks to us.
pub(crate) fn proto(session: &Session) -> Proto {
    if client_connection(session).is_some_and(|connection| connection.tls.is_some()) {
        Proto::Https
    } else {
        Proto::Http
    }
}

impl Forwarding {
    /// Reads where the request of `session` comes from.
    pub(crate) fn of(session: &Session, proxies: &TrustedProxies) -> Self {
        let peer = session.client_addr().and_then(|address| address.as_inet());
        let address = peer.map(SocketAddr::ip);
        Self::read(&session.req_header().headers, address, proto(session), proxies)
    }

    fn read(headers: &HeaderMap, address: Option<IpAddr>, proto: Proto, proxies: &TrustedProxies) -> Self {
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
        forwarding.hops.reverse();
        forwarding.origin = origin;
        forwarding
    }

    /// The client's address; none where a trusted proxy doesn't say, or where there is no address at all.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.hops.first().copied().unwrap_or(self.address)
    }

    /// The client whose share of the process the request takes; none where a trusted proxy names no client, because it
    /// may ask for many.
    pub(crate) fn charged_client(&self) -> Option<IpAddr> {
        if self.peer == PeerTrust::Trusted && self.hops.is_empty() {
            return None;
        }
        self.client()
    }

    /// [`Forwarding::client`] as a text.
    pub(crate) fn client_text(&self) -> Option<ArrayString<MAX_ADDRESS>> {
        let mut text = ArrayString::new();
        write!(text, "{}", self.client()?).ok()?;
        Some(text)
    }

    /// Says for whom the request is forwarded (RFC 7239, and the headers that were there before it). What was
    /// said before the client's address is left away: nobody who is trusted said it.
    pub(crate) fn write(&self, request: &mut RequestHeader) -> pingora::Result<()> {
        let own = request.headers.get(header::HOST).cloned();
        let own = own.as_ref().and_then(|host| host.to_str().ok());
        let host = self.origin.host.as_deref().or(own);
        let proto = self.origin.proto.unwrap_or(self.proto);
        let hops = self.hops.iter().copied();
        let peer = (self.address.is_some() || !self.hops.is_empty()).then_some(self.address);
        let mut addresses = String::new();
        let mut line = String::with_capacity(64);
        for hop in hops.chain(peer) {
            let first = addresses.is_empty();
            let separator = if first { "" } else { ", " };
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

/// Ends an element of `Forwarded` with what was asked for, and how.
fn describe(line: &mut String, host: Option<&str>, proto: Proto) {
    let separator = if line.is_empty() { "" } else { ";" };
    let _ = match host {
        Some(host) => write!(line, "{separator}host=\"{host}\";proto={}", proto.as_str()),
        None => write!(line, "{separator}proto={}", proto.as_str()),
    };
}

/// Who stands before a trusted peer, the nearest first, up to the first who is not trusted; and what is said of
/// that one's request.
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
    // A proxy that keeps lists of these has one for each address; one that doesn't has a single one.
    let place = hops.len().saturating_sub(1);
    let aligned = |name: &HeaderName| {
        let mut elements = elements::from_the_right(headers, name).take(place + 1);
        let first = elements.next()?;
        elements.last().unwrap_or(first)
    };
    let origin = ForwardedOrigin {
        proto: aligned(&X_FORWARDED_PROTO).and_then(Proto::parse),
        host: aligned(&X_FORWARDED_HOST).and_then(host),
    };
    (hops, origin)
}

/// The same from `Forwarded`.
fn forwarded(
    headers: &HeaderMap,
    is_trusted: impl Fn(Option<IpAddr>) -> bool,
) -> (Vec<Option<IpAddr>>, ForwardedOrigin) {
    let (mut hops, mut origin) = (Vec::new(), ForwardedOrigin::default());
    for element in elements::from_the_right(headers, &header::FORWARDED).take(MAX_HOPS) {
        let parameter = |name| elements::parameter(element?, name);
        let hop = parameter("for").and_then(elements::address);
        origin = ForwardedOrigin {
            proto: parameter("proto").and_then(Proto::parse),
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
