//! Rejects requests of other sites' pages while the API requires no credentials: a browser on this machine can send
//! such requests (CSRF), and a foreign name can resolve to this machine (DNS rebinding).

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};

/// The reason why a request is not same-origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// The host is not a loopback address or `localhost`; anyone could make it resolve to this machine.
    Host,
    /// A page of another site sent the request.
    Origin,
}

/// Checks that a request names this machine by a loopback address or `localhost`, and that a page that sent it has
/// the same origin.
///
/// # Errors
/// The part of the request that is foreign.
pub fn same_origin(uri: &Uri, headers: &HeaderMap) -> Result<(), Foreign> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => authority(host).ok_or(Foreign::Host)?,
        _ => return Err(Foreign::Host),
    };
    if !is_local(&host) || uri.authority().is_some_and(|target| !is_local(target)) {
        return Err(Foreign::Host);
    }
    let elsewhere = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    if headers.get_all("sec-fetch-site").iter().any(elsewhere) {
        return Err(Foreign::Origin);
    }
    for origin in headers.get_all(header::ORIGIN) {
        let text = origin.to_str().map_err(|_| Foreign::Origin)?;
        if text.strip_prefix("http://") != Some(host.as_str()) {
            return Err(Foreign::Origin);
        }
    }
    Ok(())
}

fn authority(host: &HeaderValue) -> Option<Authority> {
    Authority::try_from(host.as_bytes()).ok()
}

/// Returns true for an IP address, which DNS can't redirect, and for `localhost`, which always resolves to this machine
/// (RFC 6761 section 6.3).
fn is_local(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost") || bare.unwrap_or(host).parse::<IpAddr>().is_ok()
}
