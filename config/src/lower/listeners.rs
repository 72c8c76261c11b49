//! Listeners: where requests arrive.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::gateway::Gateway;
use crate::form::{Field, PlacedText};
use crate::node::Span;
use crate::problem::Problem;
use crate::settings::{ConnectionLimits, Listener};
use crate::shape::listener::{ConnectionLimitsFields, ListenerFields};

/// The sizes that the largest head may have, in bytes.
const HEAD_SIZES: RangeInclusive<u64> = 1024..=1024 * 1024;

impl<'s> Gateway<'_, 's> {
    /// Returns the listeners; none where one has a problem. `taken` are the addresses that are bound already.
    pub(crate) fn listeners(
        &mut self,
        listeners: &[ListenerFields<'s>],
        taken: &mut Vec<(SocketAddr, Span)>,
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
        taken: &mut Vec<(SocketAddr, Span)>,
    ) -> Option<Listener> {
        let address = listener.address.written();
        let address = address.and_then(|address| self.address(address, taken));
        let tls = listener.tls.lower(None, |tls| {
            let http2 = tls.value.http2.or(true);
            Some(Some(self.tls(&tls.value.server, http2)?))
        });
        let limits = listener.limits.lower(ConnectionLimits::default(), |limits| {
            self.connection_limits(&limits.value)
        });
        Some(Listener {
            name: (**listener.name.value()?).into(),
            address: address?,
            tls: tls?,
            h2c: listener.h2c.or(false)?,
            proxy_protocol: listener.proxy_protocol.or(false)?,
            limits: limits?,
        })
    }

    fn connection_limits(&mut self, limits: &ConnectionLimitsFields<'s>) -> Option<ConnectionLimits> {
        let timeouts = [
            &limits.head_timeout,
            &limits.body_timeout,
            &limits.write_timeout,
            &limits.idle_timeout,
        ];
        for timeout in timeouts {
            if let Field::Written(key, value) = timeout
                && value.value == 0
            {
                let title = format!("`{}` is no time at all", key.name);
                self.error("out-of-range", title, value.span, "write at least `1ms`");
            }
        }
        let left_out = ConnectionLimits::default();
        let head_size = limits.head_size.lower(left_out.head_size, |size| {
            if HEAD_SIZES.contains(&size.value) {
                return usize::try_from(size.value).ok();
            }
            let title = format!("a head of at most {} bytes can't be asked for", size.value);
            self.refuse("out-of-range", title, size.span, "write from `1KiB` to `1MiB`")
        });
        Some(ConnectionLimits {
            head_timeout_ms: limits.head_timeout.or(left_out.head_timeout_ms)?,
            body_timeout_ms: limits.body_timeout.or(left_out.body_timeout_ms)?,
            write_timeout_ms: limits.write_timeout.or(left_out.write_timeout_ms)?,
            idle_timeout_ms: limits.idle_timeout.or(left_out.idle_timeout_ms)?,
            head_size: head_size?,
            head_fields: limits.head_fields.or(left_out.head_fields)?,
            connections: limits.connections.or(left_out.connections)?,
            connections_per_client: limits
                .connections_per_client
                .or(left_out.connections_per_client)?,
        })
    }

    /// Returns an address that nothing else of this document is bound to.
    pub(crate) fn address(
        &mut self,
        text: &PlacedText<'s>,
        taken: &mut Vec<(SocketAddr, Span)>,
    ) -> Option<SocketAddr> {
        let PlacedText { value: text, span } = text;
        let Ok(address) = text.parse::<SocketAddr>() else {
            let title = format!("`{text}` is not an IP address and a port");
            let help = "write it like `127.0.0.1:8080`, `0.0.0.0:8080` or `[::]:8080`";
            return self.refuse("invalid-address", title, *span, help);
        };
        let before = taken
            .iter()
            .find(|(other, _)| *other == address && address.port() != 0);
        if let Some(&(_, first)) = before {
            let first = self.label(first, "first here");
            let title = format!("two listeners have the address `{address}`");
            let problem = Problem::error("duplicate", title, self.label(*span, "again here")).also(first);
            self.push(problem.help("give one of them another port"));
            return None;
        }
        taken.push((address, *span));
        Some(address)
    }
}
