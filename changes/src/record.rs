//! Records as a store keeps them: named, with JSON text for a value, and numbered by the commits that write them.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Counts commits, from 0 for an empty store. Never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// Names a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Tiers, unknown tenants, eligibility policy.
    Head,
    /// A segment's condition.
    Segment(String),
    /// What documents own of a flag.
    Definition(String),
    /// What operators own of a flag.
    State(String),
    /// A tenant.
    Tenant(String),
}

/// A record's value: JSON text. As a tree of [`Value`]s a record takes ten times as much memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// Takes JSON text.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let _: IgnoredAny = serde_json::from_str(text)?;
        Ok(Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // The text was checked, or written by a value.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Its name.
    pub key: Key,
    /// Its value; none removes it.
    pub value: Option<Json>,
}
