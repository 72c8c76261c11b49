//! The losses of an import: data of existing records that it would remove. They are computed before anything is sent.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Map, Value};

use super::import_mode::ImportModeArgument;
use crate::cli::change::with_query;
use crate::cli::render::{TextTable, counted, json, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// Largest number of pages of records.
const MAX_PAGES: usize = 1_000;
/// Largest number of tenants in the output.
const MAX_LISTED: usize = 50;

/// The losses of an import.
#[derive(Debug, Default)]
pub(super) struct ImportLosses {
    /// The revision of the store that they were computed for.
    pub(super) revision: Option<u64>,
    /// Tenant ids, each with its losses as text.
    lost: BTreeMap<String, Vec<String>>,
}

impl ImportLosses {
    /// Compares records with the current ones.
    pub(super) fn compute(
        session: &Session,
        mode: ImportModeArgument,
        tenants: &Map<String, Value>,
    ) -> Result<Self> {
        let mut losses = Self::default();
        let mut after: Option<String> = None;
        let last = tenants.keys().max();
        for _ in 0..MAX_PAGES {
            let mut query = vec![("limit", "1000")];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let path = with_query(route::TENANTS, &query);
            let page = session.read(path, RequiredMembers::List("orgs"))?.json()?;
            // The revision of the first page: a change while the pages are read makes the store newer, and the import,
            // which is bound to this revision, is rejected.
            losses.revision = losses.revision.or(json::number(&page, "revision"));
            for before in json::list(&page, "orgs") {
                let id = json::text(before, "id").unwrap_or_default();
                let Some(given) = tenants.get(id) else { continue };
                let lost = lost(before, given, mode);
                if !lost.is_empty() {
                    losses.lost.insert(id.to_owned(), lost);
                }
            }
            after = json::text(&page, "next").map(ToOwned::to_owned);
            if after.is_none() || after.as_ref() > last {
                break;
            }
        }
        Ok(losses)
    }

    /// Returns the number of losses of a tenant. Each has an audit entry at most.
    pub(super) fn count(&self, tenant: &str) -> usize {
        self.lost.get(tenant).map_or(0, Vec::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lost.is_empty()
    }

    pub(super) fn render(&self) -> String {
        let count = u64::try_from(self.lost.len()).unwrap_or(u64::MAX);
        let verb = if count == 1 { "loses" } else { "lose" };
        let mut table = TextTable::new(["", ""]);
        for (id, lost) in self.lost.iter().take(MAX_LISTED) {
            table.row([format!("  - {}", printable(id)), printable(&lost.join(", "))]);
        }
        let mut text = format!(
            "{} {verb} data that the file does not have:\n",
            counted(count, "tenant")
        );
        text.push_str(&table.render(""));
        if self.lost.len() > MAX_LISTED {
            text.push_str(&format!("  ... and {} more\n", self.lost.len() - MAX_LISTED));
        }
        text
    }
}

/// Returns the data that a record would lose.
fn lost(before: &Value, given: &Value, mode: ImportModeArgument) -> Vec<String> {
    let mut lost = Vec::new();
    let fields = before.as_object().into_iter().flatten();
    for (field, value) in fields.filter(|(field, _)| *field != "id") {
        let after = match (given.get(field), mode) {
            // Only `upsert` replaces whole records.
            (None, ImportModeArgument::Patch | ImportModeArgument::Create) => continue,
            (after, _) => after.unwrap_or(&Value::Null),
        };
        match value {
            Value::Object(entries) => {
                let gone = entries.iter().filter(|(name, entry)| {
                    let now = after.get(name.as_str());
                    // `patch` merges objects (RFC 7396): an entry that is left out stays, unless the whole object is
                    // null.
                    let kept = now.is_none() && mode == ImportModeArgument::Patch && after.is_object();
                    let is_changed = match now {
                        None | Some(Value::Null) => true,
                        // Operators set overrides, so another variant loses their decision. Another attribute is only
                        // newer data.
                        Some(now) => field == "overrides" && json::word(now) != json::word(entry),
                    };
                    !kept && is_changed
                });
                lost.extend(gone.map(|(name, entry)| format!("{field} {name}={}", json::word(entry))));
            }
            Value::Array(items) => {
                let kept = after.as_array().map_or(&[][..], Vec::as_slice);
                let gone = items.iter().filter(|item| !kept.contains(item));
                lost.extend(gone.map(|item| format!("{field} {}", json::word(item))));
            }
            value if after.is_null() => lost.push(format!("{field} {}", json::word(value))),
            _ => {}
        }
    }
    lost
}

#[cfg(test)]
impl ImportLosses {
    /// Creates the losses of a tenant.
    pub(super) fn of(tenant: &str, lost: Vec<String>) -> Self {
        Self {
            revision: None,
            lost: BTreeMap::from([(tenant.to_owned(), lost)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn losses_are_the_removed_data() {
        let before = json!({
            "id": "acme", "tier": "large", "channel": "latest", "beta": ["a", "b"], "opt_in": ["c"],
            "overrides": { "a": true, "b": "blue" }, "attributes": { "seats": 80 },
        });
        for (mode, given, expected) in [
            (
                ImportModeArgument::Upsert,
                json!({ "tier": "small" }),
                "channel latest, beta a, beta b, opt_in c, overrides a=on, overrides b=blue, attributes seats=80",
            ),
            (
                ImportModeArgument::Upsert,
                json!({ "tier": "small", "channel": "stable", "beta": ["b", "a", "x"], "opt_in": ["c"],
                    "overrides": { "a": "on", "b": "green" }, "attributes": { "seats": 9 } }),
                "overrides b=blue",
            ),
            (
                ImportModeArgument::Patch,
                json!({ "tier": "small", "overrides": { "x": true } }),
                "",
            ),
            (
                ImportModeArgument::Patch,
                json!({ "tier": null, "beta": ["a"], "overrides": { "a": false }, "attributes": { "seats": null } }),
                "tier large, beta b, overrides a=on, attributes seats=80",
            ),
        ] {
            let mut found = lost(&before, &given, mode);
            let mut expected: Vec<&str> = expected.split(", ").filter(|text| !text.is_empty()).collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{mode:?} {given}");
        }
    }
}
