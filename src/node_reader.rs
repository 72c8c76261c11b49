//! The state of this node, as the control plane reads it.

use std::sync::Arc;

use control::{FlagUses, ReadNode};

use crate::active_config::ActiveConfig;
use crate::flag_uses::flag_uses;

/// Reads the active configuration.
pub(crate) struct NodeReader {
    active_config: Arc<ActiveConfig>,
}

impl NodeReader {
    pub(crate) fn new(active_config: Arc<ActiveConfig>) -> Self {
        Self { active_config }
    }
}

impl ReadNode for NodeReader {
    fn flag_uses(&self, flag: &str) -> Option<FlagUses> {
        let gateway = self.active_config.gateway()?;
        flag_uses(gateway.decider.snapshot(), &gateway.line_index, flag)
    }
}
