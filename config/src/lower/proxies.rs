//! Trusted proxies: who may say for whom a request is forwarded.

use rules::{ForwardingHeader, Networks, TrustedProxies};

use super::gateway::Gateway;
use crate::node::{Node, Span};
use crate::problem::Problem;

impl<'s> Gateway<'_, 's> {
    /// The trusted proxies. Problems are reported; what has one is left out.
    pub(crate) fn trusted_proxies(&mut self, node: Option<&Node<'s>>) -> TrustedProxies {
        let Some(node) = node else {
            return TrustedProxies::default();
        };
        let list = node.field("networks").unwrap_or(node);
        let mut networks = Vec::new();
        // The network that is everybody by itself.
        let mut whole = None;
        for item in list.items().unwrap_or_default() {
            let Some(text) = item.text() else { continue };
            let help = "write it like `10.0.0.0/8` or `192.0.2.7`";
            let parsed = Networks::parse([&**text]);
            if let Some(parsed) = self.parsed(parsed, "invalid-network", item.span, help) {
                networks.push(&**text);
                whole = whole.or_else(|| parsed.contain_every_address().then_some(item.span));
            }
        }
        let header = match node.field("header").and_then(Node::text) {
            Some(text) if *text == "forwarded" => ForwardingHeader::Forwarded,
            _ => ForwardingHeader::XForwarded,
        };
        let networks = Networks::parse(networks).unwrap_or_default();
        if networks.contain_every_address() {
            self.warn_of_everybody(whole.unwrap_or(list.span));
        }
        TrustedProxies { networks, header }
    }

    /// Warns of trust in everybody, which is trust in what every client says of itself.
    fn warn_of_everybody(&mut self, span: Span) {
        let title = "everybody is a trusted proxy: every client can name any address as its own";
        let help = "name the addresses of the proxies in front of sluice, and no others";
        let at = self.label(span, "");
        let warning = Problem::warning("everybody-trusted", title, at).help(help);
        self.loading.warnings.push(warning);
    }
}
