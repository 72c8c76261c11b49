//! Upstreams and their endpoints.

mod tls;

use rules::{Balance, Reads, Upstream, UpstreamProtocol, UpstreamTimeouts};

use super::gateway::Gateway;
use crate::form::PlacedText;
use crate::shape::upstream::UpstreamFields;

impl<'s> Gateway<'_, 's> {
    /// Returns the upstreams, in the order of the document; none if one has a problem.
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
        let tls = fields.tls.lower_optional(|tls| self.upstream_tls(&tls.value));
        let left_out = Upstream::new(&*name.value, []);
        Some(Upstream {
            endpoints: fields.endpoints.value()?.clone().into(),
            protocol: fields.protocol.or(UpstreamProtocol::Http1)?,
            tls: tls?,
            health: fields.health.optional()?,
            site: self.site(name.span),
            balance: fields.balance.or(Balance::RoundRobin)?,
            timeouts: timeouts(fields)?,
            retries: fields.retries.or(left_out.retries)?,
            ejection: fields.ejection.or(left_out.ejection)?,
            max_in_flight: fields.max_in_flight.optional()?,
            resolve_interval_ms: fields.resolve_interval.or(left_out.resolve_interval_ms)?,
            reads: fields.reads.or(Reads::ALL)?,
            ..left_out
        })
    }
}

fn timeouts(fields: &UpstreamFields<'_>) -> Option<UpstreamTimeouts> {
    let left_out = UpstreamTimeouts::default();
    Some(UpstreamTimeouts {
        connect_timeout_ms: fields.connect_timeout.or(left_out.connect_timeout_ms)?,
        read_timeout_ms: fields.read_timeout.or(left_out.read_timeout_ms)?,
        write_timeout_ms: fields.write_timeout.or(left_out.write_timeout_ms)?,
        idle_timeout_ms: fields.idle_timeout.or(left_out.idle_timeout_ms)?,
        total_timeout_ms: fields.total_timeout.optional()?,
        tunnel_timeout_ms: fields.tunnel_timeout.or(left_out.tunnel_timeout_ms)?,
    })
}
