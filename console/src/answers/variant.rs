//! Variants as documents write them: `on` and `off` of a boolean flag are booleans.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// The name of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub(crate) struct VariantName(pub(crate) String);

impl From<Value> for VariantName {
    fn from(value: Value) -> Self {
        Self(match value {
            Value::Bool(true) => "on".to_owned(),
            Value::Bool(false) => "off".to_owned(),
            Value::String(name) => name,
            other => other.to_string(),
        })
    }
}

impl fmt::Display for VariantName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
