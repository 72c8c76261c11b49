//! The addresses that the host of an endpoint resolves to.

use std::net::IpAddr;

/// What an endpoint's host leads to.
#[derive(Debug, Clone, Default)]
pub(super) struct ResolvedHost {
    /// The last good addresses.
    pub(super) addresses: Vec<IpAddr>,
    /// Whether the last look-up failed.
    pub(super) is_failing: bool,
}
