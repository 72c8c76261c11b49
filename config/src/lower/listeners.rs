//! Listeners: the addresses that accept requests.

use std::net::SocketAddr;

use super::gateway::Gateway;
use crate::form::Placed;
use crate::problem::Problem;
use crate::settings::Listener;
use crate::shape::listener::ListenerFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the listeners; none if one has a problem. `taken` are the addresses of the document so far.
    pub(crate) fn listeners(
        &mut self,
        listeners: &[ListenerFields<'s>],
        taken: &mut Vec<Placed<SocketAddr>>,
    ) -> Option<Vec<Listener>> {
        let names = || listeners.iter().filter_map(|listener| listener.name.written());
        names().for_each(|name| self.check_name("a listener", name));
        self.check_unique("listener", names());
        let listeners: Vec<_> = listeners
            .iter()
            .map(|listener| self.listener(listener, taken))
            .collect();
        listeners.into_iter().collect()
    }

    fn listener(
        &mut self,
        listener: &ListenerFields<'s>,
        taken: &mut Vec<Placed<SocketAddr>>,
    ) -> Option<Listener> {
        let address = listener.address.written();
        let address = address.and_then(|address| self.address(address, taken));
        let tls = listener
            .tls
            .lower_optional(|tls| self.tls(&tls.value.server, tls.value.http2.or(true)));
        Some(Listener {
            name: (**listener.name.value()?).into(),
            address: address?,
            tls: tls?,
            h2c: listener.h2c.or(false)?,
            proxy_protocol: listener.proxy_protocol.or(false)?,
            abort_on_close: listener.abort_on_close.or(false)?,
            limits: listener.limits.or_default()?,
        })
    }

    /// Returns an address, or reports it if this document uses it already. Port 0 can be used several times.
    pub(crate) fn address(
        &mut self,
        address: &Placed<SocketAddr>,
        taken: &mut Vec<Placed<SocketAddr>>,
    ) -> Option<SocketAddr> {
        let is_taken =
            |other: &&Placed<SocketAddr>| other.value == address.value && address.value.port() != 0;
        if let Some(first) = taken.iter().find(is_taken) {
            let first = self.label(first.span, "first here");
            let title = format!("two listeners have the address `{}`", address.value);
            let again = self.label(address.span, "again here");
            let problem = Problem::error("duplicate", title, again).also(first);
            self.push(problem.help("give one of them another port"));
            return None;
        }
        taken.push(*address);
        Some(address.value)
    }
}
