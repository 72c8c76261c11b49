//! The sockets of the listeners, bound at the start of a proxy.

use std::io;
use std::net::{SocketAddr, TcpListener};

use config::Settings;

use crate::running::Bound;

/// Name of the admin listener in messages.
pub(crate) const ADMIN_LISTENER: &str = "admin";

/// The bound sockets of all listeners. No connection is accepted before the start of the proxy.
#[derive(Debug)]
pub struct BoundSockets {
    listeners: Vec<BoundSocket>,
    admin: Option<BoundSocket>,
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
    "listener `{listener}` can't bind {address}: {reason} (choose another one: `address` of the listener in the configuration, or --address; for the admin listener --admin-address)"
)]
pub struct BindError {
    /// The listener's name; `admin` for the admin listener.
    pub listener: Box<str>,
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub reason: io::Error,
}

impl BoundSockets {
    /// Binds the addresses of the listeners and of the admin listener.
    ///
    /// # Errors
    /// An address can't be bound, for example because it is in use. None is bound then.
    pub fn bind(settings: &Settings) -> Result<Self, BindError> {
        let listeners = settings.listeners.iter();
        let admin = settings.admin.as_ref();
        Ok(Self {
            listeners: listeners
                .map(|listener| BoundSocket::bind(&listener.name, listener.address))
                .collect::<Result<_, _>>()?,
            admin: admin
                .map(|admin| BoundSocket::bind(ADMIN_LISTENER, admin.address))
                .transpose()?,
        })
    }

    /// Returns the sockets of the listeners, in the order of the document, and that of the admin listener.
    pub(crate) fn into_parts(self) -> (Vec<BoundSocket>, Option<BoundSocket>) {
        (self.listeners, self.admin)
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
