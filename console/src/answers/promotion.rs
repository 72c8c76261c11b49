//! The next step of the lifecycle of a flag, with its conditions.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::reason_help::help_beside;

/// The next step.
#[derive(Debug, Deserialize)]
pub(crate) struct Promotion {
    /// The next state; none after the last, and for flags without a lifecycle.
    pub(crate) next: Option<String>,
    pub(crate) is_met: bool,
    pub(crate) conditions: Vec<Condition>,
}

/// A condition of the step.
#[derive(Debug, Deserialize)]
pub(crate) struct Condition {
    pub(crate) code: String,
    /// The condition in words.
    pub(crate) requirement: String,
    pub(crate) met: bool,
    /// The facts, if it is not met.
    #[serde(default, deserialize_with = "crate::sentence::read_some")]
    pub(crate) detail: Option<String>,
    help: Option<String>,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

impl Condition {
    /// Returns the help, unless the facts say it.
    pub(crate) fn shown_help(&self) -> Option<String> {
        let detail = self.detail.as_deref().unwrap_or_default();
        help_beside(detail, self.help.as_deref()?)
    }
}

impl Promotion {
    /// Returns the conditions that are met.
    pub(crate) fn met(&self) -> Vec<&Condition> {
        self.conditions.iter().filter(|condition| condition.met).collect()
    }

    /// Returns the conditions that are not met.
    pub(crate) fn unmet(&self) -> Vec<&Condition> {
        self.conditions
            .iter()
            .filter(|condition| !condition.met)
            .collect()
    }

    /// Returns the roles whose sign-offs are missing.
    pub(crate) fn missing_roles(&self) -> Vec<&str> {
        let roles = self
            .conditions
            .iter()
            .filter_map(|condition| condition.facts.get("roles")?.as_array());
        roles.flatten().filter_map(Value::as_str).collect()
    }
}
