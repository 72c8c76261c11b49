//! Rejects requests of other sites' pages while the API requires no credentials: a browser on this machine can send
//! such requests (CSRF), and a foreign name can resolve to this machine (DNS rebinding).

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use rules::AdminHosts;

/// The reason why a request is not same-origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// The host is not an IP address, `localhost` or a name of the listener; anyone could make it resolve to this
    /// machine.
    Host,
    /// A page of another site sent the request.
    Origin,
}

/// Checks that a request names this machine by an IP address, `localhost` or one of `names`, and that a page that sent it
/// has the same origin.
///
/// # Errors
/// The part of the request that is foreign.
pub fn same_origin(uri: &Uri, headers: &HeaderMap, names: &AdminHosts) -> Result<(), Foreign> {
    let mut hosts = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Foreign::Host);
    };
    let target = uri.authority().map(|target| target.as_str().as_bytes());
    if !names.accept(target.into_iter().chain([host])) {
        return Err(Foreign::Host);
    }
    let elsewhere = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    if headers.get_all("sec-fetch-site").iter().any(elsewhere) {
        return Err(Foreign::Origin);
    }
    for origin in headers.get_all(header::ORIGIN) {
        let text = origin.to_str().map_err(|_| Foreign::Origin)?;
        if text.strip_prefix("http://").map(str::as_bytes) != Some(host) {
            return Err(Foreign::Origin);
        }
    }
    Ok(())
}
