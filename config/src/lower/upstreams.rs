//! Upstreams and their endpoints.

use rules::{Endpoint, Host, Read, Reads, Upstream, UpstreamTimeouts};

use super::gateway::Gateway;
use crate::node::{Entry, Node};

/// How to write an endpoint.
const ENDPOINT_HELP: &str = "write a host and a port, such as `orders.internal:8080` or `[::1]:8080`";

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
        let left_out = UpstreamTimeouts::default();
        let timeouts = UpstreamTimeouts {
            connect_timeout_ms: self.duration(value, "connect_timeout", left_out.connect_timeout_ms),
            read_timeout_ms: self.duration(value, "read_timeout", left_out.read_timeout_ms),
            write_timeout_ms: self.duration(value, "write_timeout", left_out.write_timeout_ms),
            idle_timeout_ms: self.duration(value, "idle_timeout", left_out.idle_timeout_ms),
        };
        let nodes = match value.field("endpoints") {
            Some(list) => list.items()?,
            None => std::slice::from_ref(value),
        };
        let endpoints: Vec<_> = nodes.iter().filter_map(|node| self.endpoint(node)).collect();
        let site = self.lower.source.site(entry.key_span.start);
        let complete = endpoints.len() == nodes.len();
        complete.then(|| Upstream {
            name: (*entry.key).into(),
            site,
            endpoints: endpoints.into(),
            timeouts,
            reads: reads(value.field("reads")),
        })
    }

    fn endpoint(&mut self, node: &Node<'s>) -> Option<Endpoint> {
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
