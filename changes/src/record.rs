//! Records of a store: a name, JSON text as value, and the number of the commit that wrote them.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The number of commits of a store, from 0 for an empty store. It never decreases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// The name of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Tiers, unknown tenants, eligibility policy.
    Head,
    /// A segment's condition.
    Segment(String),
    /// The fields of a flag that documents own.
    Definition(String),
    /// The fields of a flag that operators own.
    State(String),
    /// A tenant.
    Tenant(String),
}

/// The value of a record as JSON text, which takes a tenth of the memory of a tree of [`Value`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// Creates a value from JSON text.
    ///
    /// # Errors
    /// The text is not JSON.
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
        // The text was validated, or serialized from a value.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// A record to write or remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Its name.
    pub key: Key,
    /// Its value; none removes the record.
    pub value: Option<Json>,
}
