//! How endpoints are checked, as the document says.

use rules::{HealthCheck, HealthProbe, NoneHealthy};

use super::natural;
use crate::lower::gateway::Gateway;
use crate::node::Node;

/// What a check takes for a good answer, unless the document says.
const GOOD: std::ops::RangeInclusive<u16> = 200..=299;

impl<'s> Gateway<'_, 's> {
    /// The check of an upstream's endpoints, if there is one.
    pub(super) fn health(&mut self, upstream: &Node<'s>) -> Option<HealthCheck> {
        let node = upstream.field("health")?;
        let left_out = HealthCheck::new(self.probe(node)?);
        let interval_ms = self.time_limit(node, "interval", left_out.interval_ms);
        let timeout_ms = self.time_limit(node, "timeout", left_out.timeout_ms.min(interval_ms));
        if let Some(timeout) = node.field("timeout")
            && timeout_ms > interval_ms
        {
            let title = "a check may take longer than it is until the next one";
            let help = "write a `timeout` that is not over `interval`";
            self.error("out-of-range", title, timeout.span, help);
        }
        let none_healthy = match node.field("none_healthy").and_then(Node::text) {
            Some(text) if *text == "refuse" => NoneHealthy::Refuse,
            _ => NoneHealthy::Forward,
        };
        Some(HealthCheck {
            interval_ms,
            timeout_ms,
            healthy: natural(node, "healthy").unwrap_or(left_out.healthy),
            unhealthy: natural(node, "unhealthy").unwrap_or(left_out.unhealthy),
            none_healthy,
            ..left_out
        })
    }

    fn probe(&mut self, node: &Node<'s>) -> Option<HealthProbe> {
        let Some(path) = node.field("path") else {
            for field in ["host", "status"] {
                if let Some(node) = node.field(field) {
                    let title = format!("`{field}` is said of a check that asks for nothing");
                    self.error("path-needed", title, node.span, "add a `path`, or remove it");
                }
            }
            return Some(HealthProbe::Tcp);
        };
        let text = path.text()?;
        let is_target = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\');
        if !text.starts_with('/') || !text.chars().all(is_target) {
            let title = format!("`{text}` is not a path that can be asked for");
            let help = "write a path such as `/healthz`, percent-encoded where need be";
            self.error("invalid-path", title, path.span, help);
            return None;
        }
        let host = match node.field("host") {
            None => None,
            Some(node) => {
                let host = rules::Host::parse(node.text()?).map(|_| node.text());
                let help = "write a host such as `orders.internal`, or leave it out";
                Some((**self.parsed(host, "invalid-host", node.span, help)??).into())
            }
        };
        let status = natural(node, "status").and_then(|status| u16::try_from(status).ok());
        Some(HealthProbe::Http {
            path: (**text).into(),
            host,
            statuses: status.map_or(GOOD, |status| status..=status),
        })
    }
}
