//! Limits of routes: how often each tenant or client may ask.

use std::num::NonZeroU32;

use rules::{Auth, RateLimit, LimitBy};

use super::gateway::Gateway;
use crate::shape::route::LimitFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the limit of a route that asks for tokens as `auth` says; none where it has a problem.
    pub(crate) fn limit(
        &mut self,
        limit: &LimitFields<'s>,
        route: &str,
        auth: Option<Auth>,
    ) -> Option<RateLimit> {
        let by = limit.by.written()?;
        if by.value == LimitBy::Tenant && auth == Some(Auth::None) {
            let title = format!("route `{route}` counts tenants and looks for no token");
            let help = "write `auth: required` or `auth: optional`, or count by `client`";
            return self.refuse("tenant-needed", title, by.span, help);
        }
        let (count, per_ms) = *limit.rate.value()?;
        Some(RateLimit {
            count,
            per_ms,
            burst: limit.burst.lower(count, |burst| NonZeroU32::new(burst.value))?,
            by: by.value,
        })
    }
}
