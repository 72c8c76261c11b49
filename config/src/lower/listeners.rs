//! Listeners: where requests arrive.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::gateway::Gateway;
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::settings::{ConnectionLimits, Listener};

/// What may be asked for as the largest head, in bytes.
const HEAD_SIZES: RangeInclusive<u64> = 1024..=1024 * 1024;

impl<'s> Gateway<'_, 's> {
    /// Every listener that has no problem. `taken` are the addresses that are bound already.
    pub(crate) fn listeners(
        &mut self,
        root: &Node<'s>,
        taken: &mut Vec<(SocketAddr, Span)>,
    ) -> Vec<Listener> {
        let nodes = root.field("listeners").and_then(Node::items).unwrap_or_default();
        let names: Vec<(&str, Span)> = nodes
            .iter()
            .filter_map(|node| node.field("name"))
            .filter_map(|name| Some((&**name.text()?, name.span)))
            .collect();
        for (name, span) in &names {
            self.check_name("a listener", name, *span);
        }
        self.check_unique("listener", &names);
        let mut listeners = Vec::new();
        for node in nodes {
            let address = node
                .field("address")
                .and_then(|address| self.address(address, taken));
            let name = node.field("name").and_then(Node::text);
            let tls = match node.field("tls") {
                Some(tls) => match self.tls(tls) {
                    Some(tls) => Some(tls),
                    None => continue,
                },
                None => None,
            };
            let is = |field| node.field(field).and_then(Node::boolean).unwrap_or_default();
            let (h2c, proxy_protocol) = (is("h2c"), is("proxy_protocol"));
            let limits = node
                .field("limits")
                .map_or_else(Default::default, |limits| self.limits(limits));
            listeners.extend(name.zip(address).map(|(name, address)| Listener {
                name: (**name).into(),
                address,
                tls,
                h2c,
                proxy_protocol,
                limits,
            }));
        }
        listeners
    }

    fn limits(&mut self, node: &Node<'s>) -> ConnectionLimits {
        let left_out = ConnectionLimits::default();
        for field in ["head_timeout", "body_timeout", "write_timeout", "idle_timeout"] {
            if let Some(value) = node.field(field).filter(|_| self.duration(node, field, 1) == 0) {
                let title = format!("`{field}` is no time at all");
                self.error("out-of-range", title, value.span, "write at least `1ms`");
            }
        }
        let head_size = self.size(node, "head_size", left_out.head_size as u64);
        if let Some(value) = node
            .field("head_size")
            .filter(|_| !HEAD_SIZES.contains(&head_size))
        {
            let title = format!("a head of at most {head_size} bytes can't be asked for");
            self.error("out-of-range", title, value.span, "write from `1KiB` to `1MiB`");
        }
        ConnectionLimits {
            head_timeout_ms: self.duration(node, "head_timeout", left_out.head_timeout_ms),
            body_timeout_ms: self.duration(node, "body_timeout", left_out.body_timeout_ms),
            write_timeout_ms: self.duration(node, "write_timeout", left_out.write_timeout_ms),
            idle_timeout_ms: self.duration(node, "idle_timeout", left_out.idle_timeout_ms),
            head_size: usize::try_from(head_size).unwrap_or(left_out.head_size),
            head_fields: self.count(node, "head_fields", left_out.head_fields),
            connections: self.count(node, "connections", left_out.connections),
            connections_per_client: self.count(
                node,
                "connections_per_client",
                left_out.connections_per_client,
            ),
        }
    }

    /// An address that nothing else of this document is bound to.
    pub(crate) fn address(
        &mut self,
        node: &Node<'s>,
        taken: &mut Vec<(SocketAddr, Span)>,
    ) -> Option<SocketAddr> {
        let text = node.text()?;
        let Ok(address) = text.parse::<SocketAddr>() else {
            let title = format!("`{text}` is not an IP address and a port");
            let help = "write it like `127.0.0.1:8080`, `0.0.0.0:8080` or `[::]:8080`";
            self.error("invalid-address", title, node.span, help);
            return None;
        };
        let before = taken
            .iter()
            .find(|(other, _)| *other == address && address.port() != 0);
        if let Some(&(_, span)) = before {
            let first = self.label(span, "first here");
            let title = format!("two listeners have the address `{address}`");
            let problem = Problem::error("duplicate", title, self.label(node.span, "again here")).also(first);
            self.push(problem.help("give one of them another port"));
            return None;
        }
        taken.push((address, node.span));
        Some(address)
    }
}
