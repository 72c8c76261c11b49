//! The resources that can run short, and the amounts that clients and holders have of each.

use std::sync::atomic::Ordering;

use super::clients::Holdings;
use super::holder::{Holder, HolderKind};

/// Minimum memory of a request while its upstream is asked, in bytes: buffers of the connection to the upstream, the
/// state of two exchanges, and the part of the body that is kept for a retry. Measured; docs/security.md has the
/// figures.
pub(crate) const REQUEST_BYTES: u64 = 128 * 1024;

/// A resource that can run short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    ClientBuffered,
    Buffered,
    InFlight,
    Tunnels,
    Descriptors,
}

impl Resource {
    pub(super) const ALL: [Self; 5] = [
        Self::ClientBuffered,
        Self::Buffered,
        Self::InFlight,
        Self::Tunnels,
        Self::Descriptors,
    ];

    /// Returns the resource that requests of a kind are counted as.
    pub(super) fn of_kind(kind: HolderKind) -> Self {
        match kind {
            HolderKind::Tunnel => Self::Tunnels,
            HolderKind::Request | HolderKind::Connection => Self::InFlight,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClientBuffered => "client_buffered",
            Self::Buffered => "buffered",
            Self::InFlight => "in_flight",
            Self::Tunnels => "tunnels",
            Self::Descriptors => "descriptors",
        }
    }

    pub(super) fn of_client(self, holdings: &Holdings) -> u64 {
        match self {
            Self::ClientBuffered | Self::Buffered => holdings.buffered.load(Ordering::Relaxed),
            Self::InFlight => holdings.in_flight.load(Ordering::Relaxed).into(),
            Self::Tunnels => holdings.tunnels.load(Ordering::Relaxed).into(),
            Self::Descriptors => holdings.descriptors() as u64,
        }
    }

    /// Returns the amount that one request takes.
    pub(super) fn ticket(self) -> u64 {
        match self {
            Self::ClientBuffered | Self::Buffered => REQUEST_BYTES,
            Self::InFlight | Self::Tunnels | Self::Descriptors => 1,
        }
    }

    /// Returns the amount that is freed when a holder ends.
    pub(super) fn of_holder(self, holder: &Holder) -> u64 {
        let holds_slot = holder.holds_slot.load(Ordering::Relaxed);
        match self {
            // Ending a connection with a request frees what its request holds, which is counted there.
            Self::ClientBuffered | Self::Buffered
                if holder.kind == HolderKind::Connection && !holder.is_idle_connection() =>
            {
                0
            }
            Self::ClientBuffered | Self::Buffered => holder.buffered.load(Ordering::Relaxed),
            Self::InFlight => (holder.kind == HolderKind::Request && holds_slot).into(),
            Self::Tunnels => (holder.kind == HolderKind::Tunnel && holds_slot).into(),
            Self::Descriptors => (holder.is_idle_connection() || holds_slot).into(),
        }
    }
}
