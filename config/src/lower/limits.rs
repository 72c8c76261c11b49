//! Limits of routes: how often each tenant or client may ask.

use std::num::NonZeroU32;

use rules::{Auth, LimitBy, MAX_LIMIT, RateLimit};

use super::gateway::Gateway;
use crate::node::Node;
use crate::quantity;

impl<'s> Gateway<'_, 's> {
    /// The limit of a route that asks for tokens as `auth` says. Problems are reported; a limit that has one is
    /// left out.
    pub(crate) fn limit(&mut self, node: &Node<'s>, route: &str, auth: Auth) -> Option<RateLimit> {
        let (rate, by) = (node.field("rate")?, node.field("by")?);
        let parsed = quantity::rate(rate.text()?)
            .filter(|(count, _)| *count <= MAX_LIMIT)
            .and_then(|(count, per_ms)| Some((NonZeroU32::new(count)?, per_ms)));
        let Some((count, per_ms)) = parsed else {
            let title = format!("`{}` is not a rate", rate.raw().map_or("", |text| text));
            let help = format!("write it like `100/s`, `600/m` or `5000/h`, with 1 to {MAX_LIMIT} requests");
            self.error("invalid-rate", title, rate.span, help);
            return None;
        };
        let burst = match node.field("burst") {
            None => count,
            Some(burst) => NonZeroU32::new(u32::try_from(burst.integer()?).ok()?)?,
        };
        let by = match &**by.text()? {
            "tenant" if auth == Auth::None => {
                let title = format!("route `{route}` counts tenants and looks for no token");
                let help = "write `auth: required` or `auth: optional`, or count by `client`";
                self.error("tenant-needed", title, by.span, help);
                return None;
            }
            "tenant" => LimitBy::Tenant,
            _ => LimitBy::Client,
        };
        Some(RateLimit {
            count,
            per_ms,
            burst,
            by,
        })
    }
}
