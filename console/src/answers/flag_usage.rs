//! The uses of a flag, and what it uses.

use serde::Deserialize;
use serde_json::Value;

/// The uses of a flag.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagUsage {
    /// The place of its definition, if files manage the flags.
    pub(crate) place: Option<Place>,
    pub(crate) routes: Vec<RouteUse>,
    pub(crate) routes_total: usize,
    pub(crate) headers: Vec<HeaderUse>,
    pub(crate) requires: Vec<RequiredFlag>,
    pub(crate) required_by: Vec<String>,
    pub(crate) required_by_total: usize,
    pub(crate) segments: Vec<UsedSegment>,
}

/// A place in a file.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// A route that uses the flag.
#[derive(Debug, Deserialize)]
pub(crate) struct RouteUse {
    pub(crate) route: String,
    /// Its gate, if the gate names the flag.
    pub(crate) gate: Option<String>,
    r#match: Value,
    pub(crate) shadow: bool,
    pub(crate) variants: bool,
    pub(crate) observed: bool,
    pub(crate) place: Option<Place>,
}

/// A header that can have the flag.
#[derive(Debug, Deserialize)]
pub(crate) struct HeaderUse {
    pub(crate) header: String,
    /// `all`, `listed`, `route` or `own`.
    pub(crate) reason: String,
}

/// A flag that the flag requires.
#[derive(Debug, Deserialize)]
pub(crate) struct RequiredFlag {
    pub(crate) flag: String,
    /// The variant that it must serve; none for any but its off variant.
    pub(crate) is: Option<String>,
}

/// A segment that the flag uses.
#[derive(Debug, Deserialize)]
pub(crate) struct UsedSegment {
    pub(crate) segment: String,
}

impl RouteUse {
    /// Returns the requests that it matches: methods, hosts and paths.
    pub(crate) fn matches(&self) -> String {
        let Some(fields) = self.r#match.as_object() else {
            return String::new();
        };
        let part = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Array(items) => {
                let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                (!texts.is_empty()).then(|| texts.join(", "))
            }
            _ => None,
        };
        let parts: Vec<String> = fields.values().filter_map(part).collect();
        parts.join(" ")
    }
}
