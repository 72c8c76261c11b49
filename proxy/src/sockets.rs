//! The sockets of the listeners, bound at the start of a proxy.

use std::io;
use std::net::{SocketAddr, TcpListener};

use config::Settings;

use crate::admin::{ADMIN_LISTENER, HEALTH_LISTENER};
use crate::running::Bound;

/// The bound sockets of all listeners. No connection is accepted before the start of the proxy.
#[derive(Debug)]
pub struct BoundSockets {
    listeners: Vec<BoundSocket>,
    admin: Option<BoundSocket>,
    health: Option<BoundSocket>,
}

/// A bound socket.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    pub(crate) name: Box<str>,
    pub(crate) address: SocketAddr,
    pub(crate) socket: TcpListener,
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
        let listeners = settings.listeners.iter();
        let bind = |name, address: Option<SocketAddr>| {
            address
                .map(|address| BoundSocket::bind(name, address))
                .transpose()
        };
        Ok(Self {
            listeners: listeners
                .map(|listener| BoundSocket::bind(&listener.name, listener.address))
                .collect::<Result<_, _>>()?,
            admin: bind(ADMIN_LISTENER, settings.admin.as_ref().map(|admin| admin.address))?,
            health: bind(HEALTH_LISTENER, settings.health)?,
        })
    }

    /// Returns the sockets of the listeners, in the order of the document, that of the admin listener and that of the
    /// health listener.
    pub(crate) fn into_parts(self) -> (Vec<BoundSocket>, Option<BoundSocket>, Option<BoundSocket>) {
        (self.listeners, self.admin, self.health)
    }
}

impl BoundSocket {
    fn bind(name: &str, address: SocketAddr) -> Result<Self, BindError> {
        let bound = TcpListener::bind(address).and_then(|socket| {
            socket.set_nonblocking(true)?;
            let address = socket.local_addr()?;
            Ok(Self {
                name: name.into(),
                address,
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
