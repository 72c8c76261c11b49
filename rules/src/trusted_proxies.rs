//! Trusted proxies, whose forwarding headers are used.

use crate::Networks;

/// The trusted proxies and their forwarding headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    /// The addresses of trusted proxies; none by default.
    pub networks: Networks,
    /// The headers that they set.
    pub header: ForwardingHeader,
    /// The names of [`CLIENT_HEADERS`](crate::CLIENT_HEADERS) that they overwrite. Those of a trusted proxy are
    /// forwarded unchanged.
    pub overwritten: Box<[&'static str]>,
}

/// The headers of trusted proxies. Only one kind is read: a proxy that sets one kind may forward the other as
/// its client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}
