//! Listeners: where requests arrive.

use std::net::SocketAddr;

use super::gateway::Gateway;
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::settings::Listener;

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
            let h2c = node.field("h2c").and_then(Node::boolean).unwrap_or_default();
            listeners.extend(name.zip(address).map(|(name, address)| Listener {
                name: (**name).into(),
                address,
                tls,
                h2c,
            }));
        }
        listeners
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
