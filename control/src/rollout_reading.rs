//! The state of a rollout plan as metrics have it.

use rules::Timestamp;

/// The state of a rollout plan at a scrape.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutReading {
    /// The flag's key.
    pub flag: String,
    /// The state, as the API names it.
    pub state: &'static str,
    /// The number of the stage that was entered last, from 1; 0 before the start.
    pub stage: usize,
    /// The percentage in force, from 0 to 100.
    pub percent: f64,
    /// The checks of the stage with their verdicts, as the API names them.
    pub checks: Vec<(String, &'static str)>,
    /// The reasons for which the plan waits, each with the time since when: `time`, `check`, `inconclusive`, `unmeasured`, `condition`, `approval`,
    /// `checklist`, `window`, `start`, `person`.
    pub waits: Vec<(&'static str, Timestamp)>,
}
