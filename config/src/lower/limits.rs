//! Limits of routes: how often each tenant or client may ask.

use std::num::NonZeroU32;

use rules::{Auth, LimitBy, MAX_LIMIT, RateLimit};

use super::gateway::Gateway;
use crate::quantity;
use crate::shape::route::LimitFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the limit of a route that asks for tokens as `auth` says; none where it has a problem.
    pub(crate) fn limit(
        &mut self,
        limit: &LimitFields<'s>,
        route: &str,
        auth: Option<Auth>,
    ) -> Option<RateLimit> {
        let rate = limit.rate.written();
        let parsed = rate.and_then(|rate| {
            let parsed = quantity::rate(&rate.value)
                .filter(|(count, _)| *count <= MAX_LIMIT)
                .and_then(|(count, per_ms)| Some((NonZeroU32::new(count)?, per_ms)));
            if parsed.is_none() {
                let title = format!("`{}` is not a rate", rate.value);
                let help =
                    format!("write it like `100/s`, `600/m` or `5000/h`, with 1 to {MAX_LIMIT} requests");
                self.error("invalid-rate", title, rate.span, help);
            }
            parsed
        });
        let by = limit.by.written()?;
        if by.value == LimitBy::Tenant && auth == Some(Auth::None) {
            let title = format!("route `{route}` counts tenants and looks for no token");
            let help = "write `auth: required` or `auth: optional`, or count by `client`";
            return self.refuse("tenant-needed", title, by.span, help);
        }
        let (count, per_ms) = parsed?;
        Some(RateLimit {
            count,
            per_ms,
            burst: limit.burst.lower(count, |burst| NonZeroU32::new(burst.value))?,
            by: by.value,
        })
    }
}
