//! Upstreams and their endpoints.

mod health;
mod tls;

use rules::{Balance, Ejection, Endpoint, Host, Reads, Upstream, UpstreamProtocol, UpstreamTimeouts};

use super::gateway::Gateway;
use crate::form::{Field, Placed, PlacedText};
use crate::shape::upstream::{EjectionFields, EndpointFields, UpstreamFields};

/// How to write an endpoint.
const ENDPOINT_HELP: &str = "write a host and a port, such as `orders.internal:8080` or `[::1]:8080`";
/// How seldom and how often names may be resolved, in milliseconds.
const RESOLVE_INTERVAL_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;

impl<'s> Gateway<'_, 's> {
    /// Returns the upstreams, in the order of the document; none where one has a problem.
    pub(crate) fn all_upstreams(
        &mut self,
        upstreams: &[(PlacedText<'s>, Option<UpstreamFields<'s>>)],
    ) -> Option<Vec<Upstream>> {
        let mut lowered = Vec::with_capacity(upstreams.len());
        for (name, fields) in upstreams {
            self.check_name("an upstream", name);
            let fields = fields.as_ref();
            lowered.push(fields.and_then(|fields| self.upstream_definition(name, fields)));
        }
        lowered.into_iter().collect()
    }

    fn upstream_definition(
        &mut self,
        name: &PlacedText<'s>,
        fields: &UpstreamFields<'s>,
    ) -> Option<Upstream> {
        let endpoints = fields.endpoints.value().into_iter().flatten();
        let endpoints: Vec<_> = endpoints.map(|endpoint| self.endpoint(endpoint)).collect();
        let tls = fields.tls.lower_optional(|tls| self.upstream_tls(&tls.value));
        let health = fields.health.lower_optional(|health| self.health(&health.value));
        let left_out = Upstream::new(&*name.value, []);
        let timeouts = self.timeouts(fields);
        let resolve_interval_ms =
            self.resolve_interval(&fields.resolve_interval, left_out.resolve_interval_ms);
        Some(Upstream {
            endpoints: endpoints.into_iter().collect::<Option<_>>()?,
            protocol: fields.protocol.or(UpstreamProtocol::Http1)?,
            tls: tls?,
            health: health?,
            site: self.site(name.span),
            balance: fields.balance.or(Balance::RoundRobin)?,
            timeouts: timeouts?,
            retries: fields.retries.or(left_out.retries)?,
            ejection: fields.ejection.lower(left_out.ejection, ejection)?,
            max_in_flight: fields.max_in_flight.optional()?,
            resolve_interval_ms: resolve_interval_ms?,
            reads: fields.reads.or(Reads::ALL)?,
            ..left_out
        })
    }

    fn timeouts(&mut self, fields: &UpstreamFields<'s>) -> Option<UpstreamTimeouts> {
        let left_out = UpstreamTimeouts::default();
        let connect = self.time_limit(&fields.connect_timeout, left_out.connect_timeout_ms);
        let read = self.time_limit(&fields.read_timeout, left_out.read_timeout_ms);
        let write = self.time_limit(&fields.write_timeout, left_out.write_timeout_ms);
        let total = self.time_limit(&fields.total_timeout, 0);
        Some(UpstreamTimeouts {
            connect_timeout_ms: connect?,
            read_timeout_ms: read?,
            write_timeout_ms: write?,
            idle_timeout_ms: fields.idle_timeout.or(left_out.idle_timeout_ms)?,
            total_timeout_ms: total.filter(|_| fields.total_timeout.key().is_some()),
        })
    }

    /// Returns a duration; reports one that leaves no time.
    pub(super) fn time_limit(&mut self, field: &Field<u64>, left_out: u64) -> Option<u64> {
        if let Field::Written(key, limit) = field
            && limit.value == 0
        {
            let title = format!("`{}` leaves no time at all", key.name);
            let help = "write a duration over 0, such as `3s`";
            self.error("invalid-time-limit", title, limit.span, help);
        }
        field.or(left_out)
    }

    fn resolve_interval(&mut self, field: &Field<u64>, left_out: u64) -> Option<u64> {
        field.lower(left_out, |interval| {
            if RESOLVE_INTERVAL_MS.contains(&interval.value) {
                return Some(interval.value);
            }
            let title = "names are resolved again every second at most and every hour at least";
            let help = "write a duration from `1s` to `1h`";
            self.refuse("out-of-range", title, interval.span, help)
        })
    }

    fn endpoint(&mut self, endpoint: &EndpointFields<'s>) -> Option<Endpoint> {
        let PlacedText { value: text, span } = endpoint.address.written()?;
        let host = match Host::parse(text) {
            Ok(host) => host,
            Err(reason) => {
                let title = format!("`{text}` is not an endpoint: {reason}");
                return self.refuse("invalid-endpoint", title, *span, ENDPOINT_HELP);
            }
        };
        match host.port {
            Some(port) if port > 0 => {
                let name = host.name.trim_start_matches('[').trim_end_matches(']');
                Some(Endpoint {
                    host: name.into(),
                    port,
                    weight: endpoint.weight.or(1)?,
                })
            }
            _ => {
                let title = format!("`{text}` is not an endpoint: it names no port");
                self.refuse("invalid-endpoint", title, *span, ENDPOINT_HELP)
            }
        }
    }
}

fn ejection(ejection: &Placed<Option<EjectionFields<'_>>>) -> Option<Option<Ejection>> {
    let Some(fields) = &ejection.value else {
        return Some(None);
    };
    let left_out = Ejection::default();
    Some(Some(Ejection {
        failures: fields.failures.or(left_out.failures)?,
        for_ms: fields.duration.or(left_out.for_ms)?,
    }))
}
