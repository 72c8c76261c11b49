//! The causes of open reports from people.

use serde_json::Value;

use super::{json, printable};

/// Formats a cause with its orgs: `no save (acme, globex), blocks promotions`.
pub(crate) fn reported_cause(cause: &Value) -> String {
    let orgs: Vec<&str> = json::list(cause, "orgs")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let name = json::text(cause, "cause").unwrap_or_default();
    let blocks = match json::is(cause, "blocks") {
        true => ", blocks promotions",
        false => "",
    };
    printable(&format!("{name} ({}){blocks}", orgs.join(", ")))
}
