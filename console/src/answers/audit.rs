//! Entries of the audit log, and its verification.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::difference::{Difference, differences};
use crate::pages::{flag_path, tenant_path};

/// A page of the log, newest entry first.
#[derive(Debug, Deserialize)]
pub(crate) struct AuditList {
    pub(crate) entries: Vec<LogEntry>,
    /// The value of `after` for the next page.
    pub(crate) next: Option<String>,
}

/// An entry; one whose text is altered has only its number and its text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum LogEntry {
    Readable(Box<AuditEntry>),
    Altered { id: u64, text: String },
}

/// An entry that can be read.
#[derive(Debug, Deserialize)]
pub(crate) struct AuditEntry {
    pub(crate) id: u64,
    pub(crate) revision: u64,
    pub(crate) action: String,
    pub(crate) at: String,
    pub(crate) actor: String,
    pub(crate) role: Option<String>,
    source: String,
    pub(crate) request_id: String,
    outcome: String,
    pub(crate) flag: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) urgent: Option<UrgentRecord>,
    #[serde(default)]
    patch: Vec<Value>,
    #[serde(default)]
    inverse: Vec<Value>,
    #[serde(default)]
    details: Map<String, Value>,
    pub(crate) hash: String,
}

/// The record of an urgent promotion.
#[derive(Debug, Deserialize)]
pub(crate) struct UrgentRecord {
    pub(crate) decision_maker: String,
    pub(crate) incident: String,
    pub(crate) reason: String,
}

/// The result of a verification.
#[derive(Debug, Deserialize)]
pub(crate) struct Verification {
    pub(crate) intact: bool,
    pub(crate) entries: u64,
    /// Id and hash of the last verified entry.
    pub(crate) head: String,
    pub(crate) problem: Option<String>,
    #[serde(default)]
    pub(crate) clock_ran_back: Vec<u64>,
}

impl AuditEntry {
    /// Returns true if the operation was rejected.
    pub(crate) fn is_refused(&self) -> bool {
        self.outcome == "refused"
    }

    /// Returns the source, if it is not the API.
    pub(crate) fn other_source(&self) -> Option<&str> {
        Some(&*self.source).filter(|source| *source != "api")
    }

    /// Returns the name of the actor to display, if it is not the actor itself.
    pub(crate) fn actor_name(&self) -> Option<&str> {
        self.details.get("actor_name")?.as_str()
    }

    /// Returns the codes of a rejection.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        let codes = self.details.get("codes").and_then(Value::as_array);
        codes.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the further facts, each with its name, without those that the page shows elsewhere.
    pub(crate) fn facts(&self) -> Vec<(&str, String)> {
        let others = self
            .details
            .iter()
            .filter(|(name, _)| !["actor_name", "codes"].contains(&&***name));
        others
            .map(|(name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (&**name, text)
            })
            .collect()
    }

    /// Returns the fields that changed.
    pub(crate) fn differences(&self) -> Vec<Difference> {
        differences(&self.patch, &self.inverse)
    }

    /// Returns the path of the page of the flag.
    pub(crate) fn flag_path(&self) -> String {
        self.flag.as_deref().map(flag_path).unwrap_or_default()
    }

    /// Returns the path of the page of the tenant.
    pub(crate) fn tenant_path(&self) -> String {
        self.org.as_deref().map(tenant_path).unwrap_or_default()
    }
}
