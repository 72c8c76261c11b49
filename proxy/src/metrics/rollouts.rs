//! The metrics of rollout plans, read at each scrape.

use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::scrape_source::ScrapeSource;
use crate::metric_family::{description, family, gauge_metric, seconds};

/// The state of a rollout plan.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutStatus {
    /// The flag's key.
    pub flag: String,
    /// The state.
    pub state: &'static str,
    /// The number of the stage, from 1; 0 before the start.
    pub stage: u32,
    /// The percentage in force, from 0 to 100.
    pub percent: f64,
    /// The checks of the stage with their verdicts.
    pub checks: Vec<(String, &'static str)>,
    /// The reasons for which the plan waits, each with the time since when.
    pub waits: Vec<(&'static str, SystemTime)>,
}

/// Exports the plans that a function returns.
pub(super) struct RolloutCollector {
    source: ScrapeSource<Vec<RolloutStatus>>,
    description: Desc,
}

const STATE: &str = "sluice_rollout_state";
const STATE_HELP: &str = "1 for the state of a rollout plan, as a label.";

impl RolloutCollector {
    pub(super) fn new(source: ScrapeSource<Vec<RolloutStatus>>) -> Self {
        let description = description(STATE, STATE_HELP);
        Self { source, description }
    }
}

impl Collector for RolloutCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let plans = self.source.read().unwrap_or_default();
        let gauges = |name, help, metrics: Vec<Metric>| family(name, help, MetricType::GAUGE, metrics);
        let of_each = |value: &dyn Fn(&RolloutStatus) -> f64| {
            let metric = |plan: &RolloutStatus| gauge_metric(&[("flag", &plan.flag)], value(plan));
            plans.iter().map(metric).collect()
        };
        let states = plans.iter().map(|plan| {
            let labels = [("flag", &*plan.flag), ("state", plan.state)];
            gauge_metric(&labels, 1.0)
        });
        let checks = plans.iter().flat_map(|plan| {
            plan.checks.iter().map(|(check, verdict)| {
                let labels = [("flag", &*plan.flag), ("check", check), ("verdict", verdict)];
                gauge_metric(&labels, 1.0)
            })
        });
        let waits = plans.iter().flat_map(|plan| {
            plan.waits.iter().map(|(reason, since)| {
                let labels = [("flag", &*plan.flag), ("reason", reason)];
                gauge_metric(&labels, seconds(*since))
            })
        });
        vec![
            gauges(STATE, STATE_HELP, states.collect()),
            gauges(
                "sluice_rollout_stage",
                "The number of the stage of a rollout plan, from 1; 0 before the start.",
                of_each(&|plan| f64::from(plan.stage)),
            ),
            gauges(
                "sluice_rollout_percent",
                "The percentage in force of a rollout plan, from 0 to 100.",
                of_each(&|plan| plan.percent),
            ),
            gauges(
                "sluice_rollout_check",
                "1 for the verdict of a check of a rollout plan, as a label.",
                checks.collect(),
            ),
            gauges(
                "sluice_rollout_waiting_since_timestamp_seconds",
                "Time since which a rollout plan waits for this reason, in seconds since 1970.",
                waits.collect(),
            ),
        ]
    }
}
