//! `sluice report shadow`: the requests that gates in shadow mode would have refused.

use anyhow::Result;
use serde_json::Value;

use super::section;
use crate::cli::exit::Exit;
use crate::cli::render::json::{list, number, text};
use crate::cli::render::moment::moment;
use crate::cli::render::{TextTable, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// The number of tenants that are shown.
const MAX_SHOWN: usize = 10;

pub(super) fn run(session: &Session) -> Result<Exit> {
    let answer = session.read(route::TRAFFIC_SHADOW, RequiredMembers::List("gates"))?;
    session.print_response(&answer, render)?;
    Ok(Exit::Success)
}

fn render(body: &Value) -> String {
    let gates = list(body, "gates");
    if gates.is_empty() {
        return "no route has `mode: shadow`".to_owned();
    }
    let sections: Vec<String> = gates.iter().map(gate).collect();
    sections.join("\n").trim_end().to_owned()
}

fn gate(gate: &Value) -> String {
    let of = |field| text(gate, field).unwrap_or_default();
    let count = |field| number(gate, field).unwrap_or_default();
    let seen = match (text(gate, "first_seen"), text(gate, "last_seen")) {
        (Some(first), Some(last)) => format!(", from {} to {}", moment(first), moment(last)),
        _ => String::new(),
    };
    let title = format!(
        "route {}, gate {}: would refuse {} of {} requests since {}{seen}",
        of("route"),
        of("gate"),
        count("refused"),
        count("requests"),
        moment(of("since")),
    );
    let mut table = TextTable::new(["by", "", "requests", ""]);
    for cause in list(gate, "causes") {
        let flag = text(cause, "flag").unwrap_or("the caller");
        let words = format!("{flag}, {}", text(cause, "cause").unwrap_or_default());
        table.row(["cause".to_owned(), words, counted(cause), String::new()]);
    }
    let tenants = list(gate, "tenants");
    for tenant in tenants.iter().take(MAX_SHOWN) {
        let name = text(tenant, "tenant").unwrap_or("no tenant").to_owned();
        let error = number(tenant, "error").filter(|error| *error > 0);
        let note = error.map_or(String::new(), |error| format!("up to {error} too many"));
        table.row(["tenant".to_owned(), name, counted(tenant), note]);
    }
    let mut page = section(&printable(&title), &table.render("nothing to show"));
    let more = tenants.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        page.push_str(&format!("{more} more tenants: --json\n"));
    }
    page
}

fn counted(item: &Value) -> String {
    number(item, "requests").unwrap_or_default().to_string()
}
