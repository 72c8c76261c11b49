//! The addresses that the host of an endpoint resolves to.

use std::net::IpAddr;

/// The addresses of an endpoint's host.
#[derive(Debug, Clone, Default)]
pub(super) struct ResolvedHost {
    /// The last good addresses.
    pub(super) addresses: Vec<IpAddr>,
    /// True if the last look-up failed.
    pub(super) is_failing: bool,
}
