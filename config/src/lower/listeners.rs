//! Listeners: the addresses that accept requests.

use std::net::SocketAddr;

use super::gateway::Gateway;
use crate::address_overrides::{ADDRESS_VARIABLE, ADMIN_ADDRESS_VARIABLE, HEALTH_ADDRESS_VARIABLE};
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
            if let Some((variable, option)) = self.override_of(address.value) {
                // The address itself has no place in the document.
                let used = self.label(first.span, "used here");
                let title = format!(
                    "two listeners have the address `{}`, which `{variable}` or {option} sets",
                    address.value
                );
                let problem = Problem::error("duplicate", title, used);
                self.push(problem.help(format!("give {option} another port")));
                return None;
            }
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

    /// Returns the variable that sets this address, and the option that comes before it.
    fn override_of(&self, address: SocketAddr) -> Option<(&'static str, &'static str)> {
        let options = [
            (ADMIN_ADDRESS_VARIABLE, "--admin-address"),
            (HEALTH_ADDRESS_VARIABLE, "--health-address"),
            (ADDRESS_VARIABLE, "--address"),
        ];
        options.into_iter().find(|(variable, _)| {
            let written = (self.environment)(variable).unwrap_or_default();
            written
                .split([',', '='])
                .any(|part| part.trim().parse() == Ok(address))
        })
    }
}
