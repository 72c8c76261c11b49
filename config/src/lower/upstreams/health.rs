//! How endpoints are checked, as the document says.

use rules::{HealthCheck, HealthProbe, NoneHealthy};

use crate::lower::gateway::Gateway;
use crate::shape::upstream::HealthCheckFields;

/// What a check takes for a good answer, unless the document says.
const GOOD: std::ops::RangeInclusive<u16> = 200..=299;

impl<'s> Gateway<'_, 's> {
    /// Returns the check of an upstream's endpoints.
    pub(super) fn health(&mut self, fields: &HealthCheckFields<'s>) -> Option<HealthCheck> {
        let probe = self.probe(fields);
        let left_out = HealthCheck::new(HealthProbe::Tcp);
        let interval = fields.interval.or(left_out.interval_ms);
        let usual = left_out.timeout_ms.min(interval.unwrap_or(left_out.interval_ms));
        let timeout = fields.timeout.or(usual);
        if let (Some(timeout), Some(interval)) = (fields.timeout.written(), interval)
            && timeout.value > interval
        {
            let title = "a check may take longer than it is until the next one";
            let help = "write a `timeout` that is not over `interval`";
            self.error("out-of-range", title, timeout.span, help);
        }
        Some(HealthCheck {
            probe: probe?,
            interval_ms: interval?,
            timeout_ms: timeout?,
            healthy: fields.healthy.or(left_out.healthy)?,
            unhealthy: fields.unhealthy.or(left_out.unhealthy)?,
            none_healthy: fields.none_healthy.or(NoneHealthy::Forward)?,
        })
    }

    fn probe(&mut self, fields: &HealthCheckFields<'s>) -> Option<HealthProbe> {
        if fields.path.key().is_none() {
            let host = fields.host.key().zip(fields.host.written().map(|host| host.span));
            let status = fields
                .status
                .key()
                .zip(fields.status.written().map(|status| status.span));
            for (key, span) in host.into_iter().chain(status) {
                let title = format!("`{}` is said of a check that asks for nothing", key.name);
                self.error("path-needed", title, span, "add a `path`, or remove it");
            }
            return Some(HealthProbe::Tcp);
        }
        Some(HealthProbe::Http {
            path: fields.path.value()?.clone(),
            host: fields.host.lower_optional(|host| Some(host.value.clone()))?,
            statuses: fields
                .status
                .lower(GOOD, |status| Some(status.value..=status.value))?,
        })
    }
}
