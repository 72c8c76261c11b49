//! The decision table of a flag, with the tenants that each line decides.

use serde::Deserialize;

use crate::chart::{FunnelStep, Svg, funnel};

/// The decision table.
#[derive(Debug, Deserialize)]
pub(crate) struct DecisionTable {
    /// The number of all tenants.
    pub(crate) tenants: u64,
    pub(crate) tenants_on: u64,
    /// The lines that decide a tenant, in their order.
    pub(crate) lines: Vec<DecisionLine>,
}

/// A line of the table.
#[derive(Debug, Deserialize)]
pub(crate) struct DecisionLine {
    pub(crate) cause: String,
    /// The number of tenants that it decides.
    pub(crate) tenants: u64,
    /// The number of these that have the flag on.
    pub(crate) on: u64,
}

impl DecisionTable {
    /// Returns each line with its bar.
    pub(crate) fn bars(&self) -> Vec<(&DecisionLine, Svg)> {
        let steps: Vec<FunnelStep> = self
            .lines
            .iter()
            .map(|line| FunnelStep {
                count: line.tenants,
                is_on: line.on > 0,
            })
            .collect();
        self.lines.iter().zip(funnel(self.tenants, &steps)).collect()
    }
}
