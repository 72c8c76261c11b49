//! What operators own of a flag, and since when it stands so. The rest of the flag is its definition, which
//! documents own: no field has two owners.

use rules::{Lifecycle, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What operators own of a flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagState {
    /// How far it is; none for the kinds without a lifecycle. In the words of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<String>,
    /// Since when it is so far.
    #[serde(with = "crate::timestamp")]
    pub since: Timestamp,
    /// When it was first brought in.
    #[serde(with = "crate::timestamp")]
    pub created: Timestamp,
    /// False while it is killed.
    pub enabled: bool,
    /// What is served when nothing else decides, since a promotion to ga; none: as the definition says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Tier defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tiers: Map<String, Value>,
    /// The percentage rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Value>,
    /// Who answers for its next promotion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_offs: Vec<SignOff>,
    /// The last time that something went wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Unsettled>,
    /// When anything of it changed last.
    #[serde(with = "crate::timestamp")]
    pub changed: Timestamp,
    /// By whom.
    pub changed_by: String,
}

/// Somebody answers for a promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    /// On whose behalf.
    pub role: String,
    /// Who.
    pub by: String,
    /// When.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

/// A kill, a restore or a revert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsettled {
    /// `killed`, `restored` or `reverted`.
    pub how: String,
    /// When.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

impl FlagState {
    /// How far it is.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        let text = self.lifecycle.as_deref()?;
        Lifecycle::ALL
            .into_iter()
            .find(|lifecycle| lifecycle.as_str() == text)
    }

    /// The fields of the document that operators own; a definition never holds them.
    pub const OWNED: [&'static str; 4] = ["lifecycle", "enabled", "tiers", "rollout"];

    /// The whole flag as the document has it: its definition with what operators own put over it.
    #[must_use]
    pub fn over(&self, definition: &Value) -> Value {
        let mut flag = definition.as_object().cloned().unwrap_or_default();
        for field in Self::OWNED {
            flag.shift_remove(field);
        }
        if let Some(lifecycle) = &self.lifecycle {
            flag.insert("lifecycle".into(), lifecycle.as_str().into());
        }
        if !self.enabled {
            flag.insert("enabled".into(), false.into());
        }
        if let Some(default) = &self.default {
            flag.insert("default".into(), default.clone());
        }
        if !self.tiers.is_empty() {
            flag.insert("tiers".into(), Value::Object(self.tiers.clone()));
        }
        if let Some(rollout) = &self.rollout {
            flag.insert("rollout".into(), rollout.clone());
        }
        Value::Object(flag)
    }
}
