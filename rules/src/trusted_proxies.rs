//! Trusted proxies: who may say for whom a request is forwarded.

use crate::Networks;

/// Who may say for whom a request is forwarded, and in which headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    /// The addresses that are believed; none unless the document says.
    pub networks: Networks,
    /// The headers that they set.
    pub header: ForwardingHeader,
}

/// The headers that trusted proxies set. Only one kind is believed: a proxy that sets the one may pass the other
/// on as its client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}
