//! `sluice audit list`: lists audit entries, the newest first.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::filter::Filter;
use crate::cli::exit::Exit;
use crate::cli::pages::{self, PageOptions};
use crate::cli::render::json;
use crate::cli::render::moment::moment_to_the_second;
use crate::cli::route;
use crate::cli::session::Session;

/// Lists audit entries, the newest first.
///
/// Shows time, actor, action, flag, org, and details such as the reason.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let headings = ["id", "time", "actor", "action", "flag", "org", ""];
    let path = match &arguments.filter.org {
        Some(org) => route::org(org, "/audit"),
        None => route::AUDIT.to_owned(),
    };
    pages::print_list(
        session,
        (&path, &arguments.filter.query()),
        &arguments.page,
        "entries",
        (headings, row),
        "no entry matches",
    )?;
    Ok(Exit::Success)
}

fn row(entry: &Value) -> [String; 7] {
    let text = |field| json::text(entry, field).unwrap_or_default().to_owned();
    [
        json::number(entry, "id").map_or(String::new(), |id| id.to_string()),
        moment_to_the_second(&text("at")),
        text("actor"),
        text("action"),
        text("flag"),
        text("org"),
        details(entry),
    ]
}

/// Formats the details of an entry: codes of a rejection, from and to, source, urgent promotion, reason.
fn details(entry: &Value) -> String {
    let mut parts = Vec::new();
    let none = Value::Null;
    let details = entry.get("details").unwrap_or(&none);
    if json::text(entry, "outcome") == Some("refused") {
        let codes: Vec<String> = json::list(details, "codes").iter().map(json::word).collect();
        parts.push(format!("REJECTED {}", codes.join(", ")).trim_end().to_owned());
    }
    match (json::text(details, "from"), json::text(details, "to")) {
        (Some(from), Some(to)) => parts.push(format!("{from} -> {to}")),
        (None, Some(to)) => parts.push(format!("to {to}")),
        _ => {}
    }
    if let Some(name) = json::text(details, "actor_name") {
        parts.push(format!("by {name}"));
    }
    if let Some(source) = json::text(entry, "source").filter(|source| *source != "api") {
        parts.push(format!("by {source}"));
    }
    if let Some(urgent) = entry.get("urgent") {
        let of = |field| json::text(urgent, field).unwrap_or_default();
        parts.push(format!(
            "URGENT: decided by {}, {}, {}",
            of("decision_maker"),
            of("incident"),
            of("reason")
        ));
    }
    if let Some(incident) = json::text(details, "incident").filter(|_| entry.get("urgent").is_none()) {
        parts.push(format!("incident {incident}"));
    }
    if let Some(reason) = json::text(entry, "reason") {
        parts.push(format!("\"{reason}\""));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn audit_entry_is_one_line_with_the_action_of_the_api() {
        let entry = json!({
            "id": 7, "at": "2026-11-20T09:14:03.250Z", "actor": "ann", "role": "operator", "source": "api",
            "action": "platform.feature_flag_state_changed", "outcome": "applied", "flag": "dispatch.v2Board",
            "reason": "pilot", "details": { "from": "alpha", "to": "beta", "actor_name": "Ann Lee" },
        });
        assert_eq!(
            row(&entry).join("|"),
            "7|2026-11-20 09:14:03Z|ann|platform.feature_flag_state_changed|dispatch.v2Board||alpha -> beta; by Ann Lee; \"pilot\""
        );
    }

    #[test]
    fn rejections_and_urgent_promotions_stand_out() {
        let refused = json!({ "outcome": "refused", "details": { "codes": ["SOAK_NOT_ELAPSED", "EXIT_CRITERIA"], "to": "ga" } });
        assert_eq!(
            details(&refused),
            "REJECTED SOAK_NOT_ELAPSED, EXIT_CRITERIA; to ga"
        );
        let killed = json!({ "outcome": "applied", "reason": "lost", "details": { "incident": "INC-7" } });
        assert_eq!(details(&killed), "incident INC-7; \"lost\"");
        let urgent = json!({
            "outcome": "applied", "source": "file", "details": { "from": "beta", "to": "ga" },
            "urgent": { "decision_maker": "cto", "incident": "INC-7", "reason": "outage" },
        });
        assert_eq!(
            details(&urgent),
            "beta -> ga; by file; URGENT: decided by cto, INC-7, outage"
        );
    }
}
