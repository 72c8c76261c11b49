//! Trusted proxies: who may say for whom a request is forwarded.

use rules::{ForwardingHeader, Networks, TrustedProxies};

use super::gateway::Gateway;
use crate::node::Node;

impl<'s> Gateway<'_, 's> {
    /// The trusted proxies. Problems are reported; what has one is left out.
    pub(crate) fn trusted_proxies(&mut self, node: Option<&Node<'s>>) -> TrustedProxies {
        let Some(node) = node else {
            return TrustedProxies::default();
        };
        let list = node.field("networks").unwrap_or(node);
        let mut networks = Vec::new();
        for item in list.items().unwrap_or_default() {
            let Some(text) = item.text() else { continue };
            let help = "write it like `10.0.0.0/8` or `192.0.2.7`";
            let parsed = Networks::parse([&**text]);
            if self.parsed(parsed, "invalid-network", item.span, help).is_some() {
                networks.push(&**text);
            }
        }
        let header = match node.field("header").and_then(Node::text) {
            Some(text) if *text == "forwarded" => ForwardingHeader::Forwarded,
            _ => ForwardingHeader::XForwarded,
        };
        TrustedProxies {
            networks: Networks::parse(networks).unwrap_or_default(),
            header,
        }
    }
}
