//! The sockets of the listeners, bound at the start of a proxy.

use std::io;
use std::net::{SocketAddr, TcpListener};

use config::{Settings, TenantsListener};

use crate::admin::{ADMIN_LISTENER, HEALTH_LISTENER};

/// The bound sockets of all listeners. No connection is accepted before the start of the proxy.
#[derive(Debug)]
pub struct BoundSockets {
    listeners: Vec<BoundSocket>,
    admin: Option<BoundSocket>,
    health: Option<BoundSocket>,
    tenants: Option<BoundSocket>,
    /// True if copies are kept for another process.
    is_handed_over: bool,
}

/// The sockets of the listeners that are not for requests to upstreams.
#[derive(Debug)]
pub(crate) struct SideSockets {
    pub(crate) admin: Option<BoundSocket>,
    pub(crate) health: Option<BoundSocket>,
    pub(crate) tenants: Option<BoundSocket>,
}

/// A bound listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The listener's name.
    pub name: Box<str>,
    /// The address, with the port that the system chose for port 0.
    pub address: SocketAddr,
}

/// A bound socket.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    pub(crate) name: Box<str>,
    /// The address in the document.
    configured: SocketAddr,
    pub(crate) address: SocketAddr,
    pub(crate) socket: TcpListener,
}

/// A socket that listens already, from a service manager or from another process.
#[derive(Debug)]
pub struct ReadySocket {
    /// Its name; none if it has none.
    pub name: Option<Box<str>>,
    /// The socket.
    pub socket: TcpListener,
}

/// A copy of a listener's socket, for another process.
#[derive(Debug)]
pub struct HandedSocket {
    /// The listener's name; `admin` for the admin listener, `health` for the health listener.
    pub name: Box<str>,
    /// The address in the document; that of the socket differs for port 0.
    pub configured: SocketAddr,
    /// The socket.
    pub socket: TcpListener,
}

impl HandedSocket {
    fn of(bound: &BoundSocket) -> io::Result<Self> {
        Ok(Self {
            name: bound.name.clone(),
            configured: bound.configured,
            socket: bound.socket.try_clone()?,
        })
    }
}

/// A listener's address can't be bound.
#[derive(Debug, thiserror::Error)]
#[error(
    "listener `{listener}` can't bind {address}: {reason} (choose another one: `address` of the listener in the configuration, or --address; for the admin listener --admin-address, for the health listener --health-address)"
)]
pub struct BindError {
    /// The listener's name; `admin` for the admin listener, `health` for the health listener.
    pub listener: Box<str>,
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub reason: io::Error,
}

impl BoundSockets {
    /// Binds the addresses of the listeners, of the admin listener and of the health listener.
    ///
    /// # Errors
    /// An address can't be bound, for example because it is in use. None is bound then.
    pub fn bind(settings: &Settings) -> Result<Self, BindError> {
        Self::bind_unless_ready(settings, &mut Vec::new())
    }

    /// Binds like [`BoundSockets::bind`], except listeners with a ready socket: one with the listener's name, or else one
    /// without the name of any listener that listens on the listener's address. Those are removed from `ready`.
    ///
    /// # Errors
    /// An address can't be bound, or the address of a ready socket can't be read.
    pub fn bind_unless_ready(settings: &Settings, ready: &mut Vec<ReadySocket>) -> Result<Self, BindError> {
        let listeners = settings.listeners.iter();
        let wanted: Vec<(&str, SocketAddr)> = listeners
            .map(|listener| (&*listener.name, listener.address))
            .chain(
                settings
                    .admin
                    .as_ref()
                    .map(|admin| (ADMIN_LISTENER, admin.address)),
            )
            .chain(settings.health.map(|address| (HEALTH_LISTENER, address)))
            .chain(
                settings
                    .tenants
                    .as_ref()
                    .map(|tenants| (TenantsListener::NAME, tenants.address)),
            )
            .collect();
        // By name first, for all listeners: an address may fit a socket that is named for another listener.
        let named: Vec<Option<TcpListener>> =
            wanted.iter().map(|(name, _)| take_named(ready, name)).collect();
        let mut bound = Vec::with_capacity(wanted.len());
        for ((name, address), named) in wanted.into_iter().zip(named) {
            let socket = named.or_else(|| take_by_address(ready, address));
            bound.push(BoundSocket::bind(name, address, socket)?);
        }
        let tenants = settings.tenants.as_ref().and_then(|_| bound.pop());
        let health = settings.health.and_then(|_| bound.pop());
        let admin = settings.admin.as_ref().and_then(|_| bound.pop());
        Ok(Self {
            listeners: bound,
            admin,
            health,
            tenants,
            is_handed_over: false,
        })
    }

    /// Keeps copies of the sockets for another process, until the drain.
    #[must_use]
    pub fn to_hand_over(mut self) -> Self {
        self.is_handed_over = true;
        self
    }

    /// Returns the copies for another process; none unless they are to be handed over.
    pub(crate) fn copies(&self) -> Vec<HandedSocket> {
        let all = self
            .listeners
            .iter()
            .chain(&self.admin)
            .chain(&self.health)
            .chain(&self.tenants);
        let copies = all.filter(|_| self.is_handed_over).map(HandedSocket::of);
        // A socket that can't be copied is bound by the other process.
        copies.flatten().collect()
    }

    /// Returns the sockets of the listeners, in the order of the document, and those of the listeners beside them.
    pub(crate) fn into_parts(self) -> (Vec<BoundSocket>, SideSockets) {
        let side = SideSockets {
            admin: self.admin,
            health: self.health,
            tenants: self.tenants,
        };
        (self.listeners, side)
    }
}

impl BoundSocket {
    /// Binds the address, unless there is a socket already.
    fn bind(name: &str, address: SocketAddr, socket: Option<TcpListener>) -> Result<Self, BindError> {
        let bound = socket.map_or_else(|| TcpListener::bind(address), Ok);
        let bound = bound.and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(Self {
                name: name.into(),
                configured: address,
                address: socket.local_addr()?,
                socket,
            })
        });
        bound.map_err(|reason| BindError {
            listener: name.into(),
            address,
            reason,
        })
    }

    pub(crate) fn bound(&self) -> Bound {
        Bound {
            name: self.name.clone(),
            address: self.address,
        }
    }
}

fn take_named(ready: &mut Vec<ReadySocket>, name: &str) -> Option<TcpListener> {
    let index = ready
        .iter()
        .position(|ready| ready.name.as_deref() == Some(name))?;
    Some(ready.swap_remove(index).socket)
}

fn take_by_address(ready: &mut Vec<ReadySocket>, address: SocketAddr) -> Option<TcpListener> {
    let listens_there = |ready: &ReadySocket| ready.socket.local_addr().is_ok_and(|bound| bound == address);
    let index = ready.iter().position(listens_there)?;
    Some(ready.swap_remove(index).socket)
}
