//! `sluice flags show`: everything about one flag.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::render::moment::moment;
use crate::cli::render::{TextTable, counted, json, local_kill, printable, reported_cause};
use crate::cli::session::Session;

/// Shows one flag.
///
/// Shows its state and since when, the settings of operators, the number of tenants, and whether it is stale.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let answer = session.read_flag(&arguments.flag)?;
    session.print_response(&answer, render)?;
    Ok(Exit::Success)
}

fn render(flag: &Value) -> String {
    let mut table = TextTable::new(["", ""]);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    };
    let text = |field| json::text(flag, field).unwrap_or_default().to_owned();
    let count = |field| json::number(flag, field).map_or(String::new(), |count| counted(count, "tenant"));
    line("description", text("description"));
    line("owner", text("owner"));
    line("kind", text("kind"));
    line("state", state(flag));
    line("killed", killed(flag));
    line("killed here", local_kill(flag).unwrap_or_default());
    line("default", flag.get("default").map(json::word).unwrap_or_default());
    for (tier, variant) in json::entries(flag, "tiers") {
        line(&format!("tier {tier}"), json::word(variant));
    }
    line("rollout", rollout(flag.get("rollout").unwrap_or(&Value::Null)));
    line("stages", stages(flag.get("exposure").unwrap_or(&Value::Null)));
    line("on for", count("tenants_on"));
    line("opted in", count("tenants_opted_in"));
    line("opted out", count("tenants_opted_out"));
    for sign_off in json::list(flag, "sign_offs") {
        let of = |field| json::text(sign_off, field).unwrap_or_default();
        line(
            "signed off",
            format!("{} by {}, {}", of("role"), of("by"), moment(of("at"))),
        );
    }
    for incident in json::list(flag, "incidents") {
        let of = |field| json::text(incident, field).unwrap_or_default();
        line(
            "open incident",
            format!("{}, by {}, {}", of("incident"), of("by"), moment(of("at"))),
        );
    }
    line(
        "watched until",
        json::text(flag, "watched_until").map(moment).unwrap_or_default(),
    );
    let reports = json::list(flag, "open_reports").iter().map(reported_cause);
    line("reports", reports.collect::<Vec<String>>().join("; "));
    for reason in json::list(flag, "stale") {
        line(
            "stale",
            json::text(reason, "detail").unwrap_or_default().to_owned(),
        );
    }
    line("changed", changed(flag));
    let body = table.render("");
    format!("{}\n{body}", printable(&text("key")))
}

fn state(flag: &Value) -> String {
    let state = json::text(flag, "lifecycle").unwrap_or_default();
    match json::text(flag, "lifecycle_since") {
        Some(since) if !state.is_empty() => format!("{state} since {}", moment(since)),
        _ => state.to_owned(),
    }
}

fn killed(flag: &Value) -> String {
    match flag.get("enabled").and_then(Value::as_bool) {
        Some(false) => "yes: off for everyone".to_owned(),
        _ => String::new(),
    }
}

/// Formats a rollout: `25 % by tenant, serves on, of {...}`.
fn rollout(rollout: &Value) -> String {
    let Some(percentage) = rollout.get("percentage") else {
        return String::new();
    };
    let mut text = format!("{percentage} %");
    if let Some(by) = json::text(rollout, "by") {
        text.push_str(&format!(" by {by}"));
    }
    if let Some(serve) = rollout.get("serve") {
        text.push_str(&format!(", serves {}", json::word(serve)));
    }
    if let Some(audience) = rollout.get("audience") {
        text.push_str(&format!(", of {audience}"));
    }
    text
}

/// Formats the stages of a rollout plan in force, which replace the rollout: `internal, quarter (see sluice rollout show)`.
fn stages(exposure: &Value) -> String {
    let stages = json::list(exposure, "stages").iter();
    let names: Vec<&str> = stages.filter_map(|stage| json::text(stage, "name")).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("{} (see `sluice rollout show`)", names.join(", ")),
    }
}

fn changed(flag: &Value) -> String {
    let Some(at) = json::text(flag, "changed") else {
        return String::new();
    };
    match json::text(flag, "changed_by") {
        Some(by) => format!("{} by {by}", moment(at)),
        None => moment(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_shown_with_the_settings_of_operators() {
        let flag = serde_json::json!({
            "key": "dispatch.v2Board", "description": "New dispatch board", "kind": "release", "lifecycle": "beta",
            "lifecycle_since": "2026-11-20T09:14:00.000Z", "enabled": false,
            "local_kill": { "until": "2026-11-20T11:00:00.000Z", "by": "uid:0", "reason": "INC-7" }, "default": "off", "tiers": { "tier3": "on" },
            "rollout": { "percentage": 25, "audience": { "attribute": "tier", "eq": "tier2" } }, "tenants_on": 2,
            "exposure": { "stages": [{ "name": "internal" }, { "name": "quarter" }] },
            "sign_offs": [{ "role": "operations", "by": "ann", "at": "2026-11-20T10:00:00.000Z" }],
            "open_reports": [
                { "cause": "no save", "orgs": ["acme", "globex"], "blocks": true },
                { "cause": "slow", "orgs": ["acme"], "blocks": false },
            ],
            "incidents": [{ "incident": "INC-7", "by": "ann", "at": "2026-11-20T10:00:00.000Z" }],
            "watched_until": "2026-11-21T09:14:00.000Z",
            "changed": "2026-11-20T10:00:00.000Z", "changed_by": "ann",
        });
        assert_eq!(
            render(&flag),
            "dispatch.v2Board\n\
             description     New dispatch board\n\
             kind            release\n\
             state           beta since 2026-11-20 09:14Z\n\
             killed          yes: off for everyone\n\
             killed here     until 2026-11-20 11:00Z by uid:0: INC-7\n\
             default         off\n\
             tier tier3      on\n\
             rollout         25 %, of {\"attribute\":\"tier\",\"eq\":\"tier2\"}\n\
             stages          internal, quarter (see `sluice rollout show`)\n\
             on for          2 tenants\n\
             signed off      operations by ann, 2026-11-20 10:00Z\n\
             open incident   INC-7, by ann, 2026-11-20 10:00Z\n\
             watched until   2026-11-21 09:14Z\n\
             reports         no save (acme, globex), blocks promotions; slow (acme)\n\
             changed         2026-11-20 10:00Z by ann\n"
        );
    }
}
