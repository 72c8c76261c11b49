//! The PROXY header, versions 1 and 2, in which a load balancer names the client that it connects for. The
//! grammar is that of the `ppp` crate; limits and incomplete input are handled here.

use std::net::{IpAddr, SocketAddr};

use ppp::{PartialResult as _, v1, v2};

/// The most bytes of a PROXY header: those of version 1 have at most 107, and of version 2 what comes after the
/// addresses is of no use here.
pub const MAX_PROXY_HEADER: usize = 1024;
/// The first bytes of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The first bytes of version 1.
const PREFIX: &[u8] = b"PROXY ";
/// The most bytes of a header of version 1.
const MAX_LINE: usize = 107;

/// A PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Its length in bytes.
    pub length: usize,
    /// The sender of the connection's bytes.
    pub source: ProxySource,
}

/// The sender of the bytes that follow a PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxySource {
    /// A client of the proxy.
    Client(SocketAddr),
    /// A client of the proxy, without an IP address or with one that the proxy does not know.
    UnknownClient,
    /// The proxy itself, for example a health check.
    Proxy,
}

/// Bytes that don't begin with a PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection does not begin with a PROXY header")]
pub struct InvalidProxyHeader;

/// Reads the PROXY header at the beginning of `bytes`. Returns `None` if it is not complete.
///
/// # Errors
/// The bytes can't become a PROXY header. The error is returned as early as possible.
pub fn read_proxy_header(bytes: &[u8]) -> Result<Option<ProxyHeader>, InvalidProxyHeader> {
    if begins(bytes, SIGNATURE) {
        read_binary(bytes)
    } else if begins(bytes, PREFIX) {
        read_line(bytes)
    } else {
        Err(InvalidProxyHeader)
    }
}

/// Returns true if `bytes` can become a text that begins with `prefix`.
fn begins(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.iter().zip(prefix).all(|(one, other)| one == other)
}

fn read_binary(bytes: &[u8]) -> Result<Option<ProxyHeader>, InvalidProxyHeader> {
    let declared = match bytes.get(14..16) {
        Some(&[high, low]) => 16 + usize::from(u16::from_be_bytes([high, low])),
        _ => return Ok(None),
    };
    // The declared length is checked before more bytes are awaited.
    if declared > MAX_PROXY_HEADER {
        return Err(InvalidProxyHeader);
    }
    let header = v2::Header::try_from(bytes);
    if header.is_incomplete() {
        return Ok(None);
    }
    let header = header.map_err(|_| InvalidProxyHeader)?;
    let source = match (header.command, &header.addresses) {
        (v2::Command::Local, _) => ProxySource::Proxy,
        (v2::Command::Proxy, v2::Addresses::IPv4(pair)) => client(pair.source_address, pair.source_port),
        (v2::Command::Proxy, v2::Addresses::IPv6(pair)) => client(pair.source_address, pair.source_port),
        (v2::Command::Proxy, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => {
            ProxySource::UnknownClient
        }
    };
    Ok(Some(ProxyHeader {
        length: header.len(),
        source,
    }))
}

fn read_line(bytes: &[u8]) -> Result<Option<ProxyHeader>, InvalidProxyHeader> {
    let limited = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = limited.windows(2).position(|pair| pair == b"\r\n") else {
        let full = limited.len() == MAX_LINE;
        return if full { Err(InvalidProxyHeader) } else { Ok(None) };
    };
    let length = end + 2;
    let line = limited.get(..length).unwrap_or_default();
    let header = v1::Header::try_from(line).map_err(|_| InvalidProxyHeader)?;
    let source = match header.addresses {
        v1::Addresses::Unknown => ProxySource::UnknownClient,
        v1::Addresses::Tcp4(pair) => client(pair.source_address, pair.source_port),
        v1::Addresses::Tcp6(pair) => client(pair.source_address, pair.source_port),
    };
    Ok(Some(ProxyHeader { length, source }))
}

fn client(address: impl Into<IpAddr>, port: u16) -> ProxySource {
    ProxySource::Client(SocketAddr::new(address.into(), port))
}

#[cfg(test)]
mod tests;
