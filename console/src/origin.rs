//! The origin of the pages, as browsers know it: for the attributes of cookies, and against requests of other sites.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};

/// The header with the relation of the page that sent a request to its target (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The origins of a listener.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// True if the listener has TLS.
    pub is_encrypted: bool,
    /// The URL of the console for people, if the document has one.
    pub public_url: Option<String>,
}

impl Origins {
    /// Returns true if the browser that sent a request uses https: the listener has TLS, or the request is for the public
    /// URL, which is https.
    pub(crate) fn is_secure(&self, headers: &HeaderMap) -> bool {
        let of_public = || {
            let (scheme, authority) = self.public()?;
            let is_public = host(headers)?.eq_ignore_ascii_case(authority.as_str());
            Some(scheme == "https" && is_public)
        };
        self.is_encrypted || of_public().unwrap_or(false)
    }

    /// Returns true if no page of another site sent the request. A reading request is accepted from any site: its answer is
    /// for the browser alone, and a cookie of a session does not come with it.
    pub(crate) fn accept(&self, method: &Method, headers: &HeaderMap) -> bool {
        if matches!(*method, Method::GET | Method::HEAD) {
            return true;
        }
        let is_own = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
        let mut origins = headers.get_all(header::ORIGIN).iter();
        headers.get_all(SEC_FETCH_SITE).iter().all(is_own)
            && origins.all(|origin| self.is_own(origin, headers))
    }

    fn is_own(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(parts) else {
            return false;
        };
        // Behind a proxy that ends TLS the scheme differs, and the host may.
        let is_of_host = host(headers).is_some_and(|host| host.eq_ignore_ascii_case(origin.1.as_str()));
        is_of_host || self.public().is_some_and(|public| public == origin)
    }

    /// Returns scheme and authority of the public URL.
    fn public(&self) -> Option<(String, Authority)> {
        parts(self.public_url.as_deref()?)
    }
}

/// Returns true if a page of another site led to the request: cookies with `SameSite=Strict` did not come with it.
pub(crate) fn is_from_other_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.any(|site| matches!(site.as_bytes(), b"cross-site" | b"same-site"))
}

/// Returns true for a link of another site that a browser opens as a page of its own.
pub(crate) fn is_link(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &[u8]| headers.get(name).is_some_and(|found| found.as_bytes() == value);
    *method == Method::GET
        && !headers.contains_key(header::ORIGIN)
        && is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
}

/// Returns the host of a request; none if it has more than one.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

fn parts(url: &str) -> Option<(String, Authority)> {
    let url: Uri = url.parse().ok()?;
    Some((url.scheme_str()?.to_owned(), url.authority()?.clone()))
}
