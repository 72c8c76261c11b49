//! Trusted proxies: who may say for whom a request is forwarded.

use rules::{Networks, TrustedProxies};

use super::gateway::Gateway;
use crate::node::Span;
use crate::problem::Problem;
use crate::shape::proxies::TrustedProxiesFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the trusted proxies; networks that have a problem are left out.
    pub(crate) fn trusted_proxies(&mut self, proxies: &TrustedProxiesFields<'s>) -> Option<TrustedProxies> {
        let list = proxies.networks.written()?;
        let mut networks = Vec::new();
        // The network that is everybody by itself.
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
        Some(TrustedProxies { networks, header })
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
