//! Trusted proxies: the networks whose forwarding headers are trusted.

use rules::{Networks, TrustedProxies};

use super::gateway::Gateway;
use crate::node::Span;
use crate::problem::Problem;
use crate::shape::proxies::TrustedProxiesFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the trusted proxies. Networks with a problem are omitted.
    pub(crate) fn trusted_proxies(&mut self, proxies: &TrustedProxiesFields<'s>) -> Option<TrustedProxies> {
        let list = proxies.networks.written()?;
        let mut networks = Vec::new();
        // The first network that contains every address by itself.
        let mut whole = None;
        for network in &list.value {
            let help = "write it like `10.0.0.0/8` or `192.0.2.7`";
            let parsed = Networks::parse([&*network.value]);
            if let Some(parsed) = self.parsed(parsed, "invalid-network", network.span, help) {
                networks.push(&*network.value);
                whole = whole.or_else(|| parsed.contain_every_address().then_some(network.span));
            }
        }
        let networks = Networks::parse(networks).ok()?;
        if networks.contain_every_address() {
            self.warn_of_everybody(whole.unwrap_or(list.span));
        }
        let header = proxies.header.or_default()?;
        let overwritten = proxies.headers.or_default()?.into();
        Some(TrustedProxies {
            networks,
            header,
            overwritten,
        })
    }

    /// Warns of networks that contain every address: then every client can choose its own address.
    fn warn_of_everybody(&mut self, span: Span) {
        let title = "every address is a trusted proxy: each client can claim any address as its own";
        let help = "list only the addresses of the proxies in front of sluice";
        let at = self.label(span, "");
        let warning = Problem::warning("everybody-trusted", title, at).help(help);
        self.context.warnings.push(warning);
    }
}
