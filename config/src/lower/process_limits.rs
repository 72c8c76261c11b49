//! `limits`: how much the whole process takes.

use super::gateway::Gateway;
use crate::node::Node;
use crate::settings::ProcessLimits;

/// The least memory that can be asked for, in bytes: less than that holds no ten requests.
const MIN_BUFFERED: u64 = 4 * 1024 * 1024;

impl<'s> Gateway<'_, 's> {
    /// The limits of the process. Reports a limit for one client that is larger than the one for all.
    pub(crate) fn process_limits(&mut self, node: Option<&Node<'s>>) -> ProcessLimits {
        let Some(node) = node else {
            return ProcessLimits::default();
        };
        let limits = ProcessLimits {
            max_in_flight: self.optional_count(node, "max_in_flight"),
            max_in_flight_per_client: self.optional_count(node, "max_in_flight_per_client"),
            max_tunnels: self.optional_count(node, "max_tunnels"),
            max_tunnels_per_client: self.optional_count(node, "max_tunnels_per_client"),
            max_buffered: self.buffered(node, "max_buffered"),
            max_buffered_per_client: self.buffered(node, "max_buffered_per_client"),
        };
        for (all, client) in [
            ("max_in_flight", "max_in_flight_per_client"),
            ("max_tunnels", "max_tunnels_per_client"),
        ] {
            let (most, share) = (self.optional_count(node, all), self.optional_count(node, client));
            self.check_share(node, (all, most), (client, share));
        }
        self.check_share(
            node,
            ("max_buffered", limits.max_buffered),
            ("max_buffered_per_client", limits.max_buffered_per_client),
        );
        limits
    }

    fn check_share<T: Ord>(
        &mut self,
        node: &Node<'s>,
        (all, most): (&str, Option<T>),
        (client, share): (&str, Option<T>),
    ) {
        if most.is_some()
            && share > most
            && let Some(value) = node.field(client)
        {
            let title = format!("`{client}` is larger than `{all}`");
            self.error(
                "out-of-range",
                title,
                value.span,
                format!("write at most what `{all}` says"),
            );
        }
    }

    fn optional_count(&self, node: &Node<'s>, field: &str) -> Option<usize> {
        node.field(field)?;
        Some(self.count(node, field, usize::MAX))
    }

    fn buffered(&mut self, node: &Node<'s>, field: &str) -> Option<u64> {
        let value = node.field(field)?;
        let bytes = self.size(node, field, MIN_BUFFERED);
        if bytes < MIN_BUFFERED {
            let title = format!("`{field}` of {bytes} bytes holds no requests");
            self.error("out-of-range", title, value.span, "write at least `4MiB`");
        }
        Some(bytes)
    }
}
