//! Upstreams and their endpoints.

mod health;
mod tls;

use rules::{Balance, Ejection, Endpoint, Host, Read, Reads, Upstream, UpstreamProtocol, UpstreamTimeouts};

use super::gateway::Gateway;
use crate::node::{Entry, Node};

/// How to write an endpoint.
const ENDPOINT_HELP: &str = "write a host and a port, such as `orders.internal:8080` or `[::1]:8080`";
/// How seldom and how often names may be resolved, in milliseconds.
const RESOLVE_INTERVAL_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;

impl<'s> Gateway<'_, 's> {
    /// Every upstream that has no problem, in the order of the document.
    pub(crate) fn all_upstreams(&mut self, root: &Node<'s>) -> Vec<Upstream> {
        let entries = root
            .field("upstreams")
            .and_then(Node::entries)
            .unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| self.upstream_definition(entry))
            .collect()
    }

    fn upstream_definition(&mut self, entry: &Entry<'s>) -> Option<Upstream> {
        self.check_name("an upstream", &entry.key, entry.key_span);
        let value = &entry.value;
        let nodes = match value.field("endpoints") {
            Some(list) => list.items()?,
            None => std::slice::from_ref(value),
        };
        let endpoints: Vec<_> = nodes.iter().filter_map(|node| self.endpoint(node)).collect();
        let complete = endpoints.len() == nodes.len();
        let left_out = Upstream::new(&*entry.key, endpoints);
        let resolve_interval_ms = self.resolve_interval(value, left_out.resolve_interval_ms);
        let tls = self.upstream_tls(value);
        let upstream = Upstream {
            protocol: protocol(value),
            tls: tls.clone().flatten(),
            health: self.health(value),
            site: self.lower.source.site(entry.key_span.start),
            balance: balance(value),
            timeouts: self.timeouts(value),
            retries: natural(value, "retries").unwrap_or(left_out.retries),
            ejection: self.ejection(value),
            max_in_flight: natural(value, "max_in_flight"),
            resolve_interval_ms,
            reads: reads(value.field("reads")),
            ..left_out
        };
        (complete && tls.is_some()).then_some(upstream)
    }

    fn timeouts(&mut self, value: &Node<'s>) -> UpstreamTimeouts {
        let left_out = UpstreamTimeouts::default();
        UpstreamTimeouts {
            connect_timeout_ms: self.time_limit(value, "connect_timeout", left_out.connect_timeout_ms),
            read_timeout_ms: self.time_limit(value, "read_timeout", left_out.read_timeout_ms),
            write_timeout_ms: self.time_limit(value, "write_timeout", left_out.write_timeout_ms),
            idle_timeout_ms: self.duration(value, "idle_timeout", left_out.idle_timeout_ms),
            total_timeout_ms: value
                .field("total_timeout")
                .map(|_| self.time_limit(value, "total_timeout", 0)),
        }
    }

    /// A duration that leaves some time.
    pub(super) fn time_limit(&mut self, owner: &Node<'s>, field: &str, left_out: u64) -> u64 {
        let limit = self.duration(owner, field, left_out);
        if limit == 0
            && let Some(node) = owner.field(field)
            && node
                .text()
                .is_some_and(|text| crate::quantity::duration_ms(text) == Some(0))
        {
            let title = format!("`{field}` leaves no time at all");
            self.error(
                "invalid-time-limit",
                title,
                node.span,
                "write a duration over 0, such as `3s`",
            );
        }
        limit
    }

    fn resolve_interval(&mut self, owner: &Node<'s>, left_out: u64) -> u64 {
        let interval = self.duration(owner, "resolve_interval", left_out);
        if let Some(node) = owner.field("resolve_interval")
            && !RESOLVE_INTERVAL_MS.contains(&interval)
        {
            let title = "names are resolved again every second at most and every hour at least";
            self.error(
                "out-of-range",
                title,
                node.span,
                "write a duration from `1s` to `1h`",
            );
        }
        interval
    }

    fn ejection(&self, owner: &Node<'s>) -> Option<Ejection> {
        let left_out = Ejection::default();
        let Some(node) = owner.field("ejection") else {
            return Some(left_out);
        };
        node.entries()?;
        Some(Ejection {
            failures: natural(node, "failures").unwrap_or(left_out.failures),
            for_ms: self.duration(node, "for", left_out.for_ms),
        })
    }

    fn endpoint(&mut self, node: &Node<'s>) -> Option<Endpoint> {
        let weight = natural(node, "weight").unwrap_or(1);
        let node = node.field("address").unwrap_or(node);
        let text = node.text()?;
        let host = match Host::parse(text) {
            Ok(host) => host,
            Err(reason) => {
                let title = format!("`{text}` is not an endpoint: {reason}");
                self.error("invalid-endpoint", title, node.span, ENDPOINT_HELP);
                return None;
            }
        };
        match host.port {
            Some(port) if port > 0 => {
                let name = host.name.trim_start_matches('[').trim_end_matches(']');
                Some(Endpoint {
                    host: name.into(),
                    port,
                    weight,
                })
            }
            _ => {
                let title = format!("`{text}` is not an endpoint: it names no port");
                self.error("invalid-endpoint", title, node.span, ENDPOINT_HELP);
                None
            }
        }
    }
}

/// How an upstream may read paths; in every way, unless it says otherwise.
fn reads(node: Option<&Node<'_>>) -> Reads {
    let named = |text: &str| Read::ALL.into_iter().find(|read| read.as_str() == text);
    match node.map(Node::items) {
        None => Reads::ALL,
        // The only word that stands there alone.
        Some(None) => Reads::EXACT,
        Some(Some(items)) => items.iter().filter_map(|item| named(item.text()?)).collect(),
    }
}

fn protocol(upstream: &Node<'_>) -> UpstreamProtocol {
    match upstream.field("protocol").and_then(Node::text) {
        Some(text) if *text == "http2" => UpstreamProtocol::Http2,
        _ => UpstreamProtocol::Http1,
    }
}

fn balance(upstream: &Node<'_>) -> Balance {
    match upstream.field("balance").and_then(Node::text).map(|text| &**text) {
        Some("least_request") => Balance::LeastRequest,
        Some("sticky") => Balance::Sticky,
        _ => Balance::RoundRobin,
    }
}

/// A whole number, as the form of the document bounds it.
fn natural(owner: &Node<'_>, field: &str) -> Option<u32> {
    owner
        .field(field)
        .and_then(Node::integer)
        .and_then(|number| u32::try_from(number).ok())
}
