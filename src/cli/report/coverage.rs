//! `sluice report coverage`: routes without a gate, and gates and flags that no request was decided by.

use anyhow::Result;
use serde_json::Value;

use super::section;
use crate::cli::exit::Exit;
use crate::cli::render::TextTable;
use crate::cli::render::json::{is, list, number, text, word};
use crate::cli::render::moment::moment;
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

pub(super) fn run(session: &Session) -> Result<Exit> {
    let answer = session.read(route::TRAFFIC_COVERAGE, RequiredMembers::List("idle_gates"))?;
    session.print_response(&answer, render)?;
    Ok(Exit::Success)
}

fn render(body: &Value) -> String {
    let unmatched = body.get("unmatched").unwrap_or(&Value::Null);
    let mut ungated = TextTable::new(["route", "requests", "since"]);
    for route in list(body, "ungated") {
        ungated.row([of(route, "route"), requests(route), since(route)]);
    }
    let mut gates = TextTable::new(["route", "gate", "refused before", "since"]);
    for route in list(body, "idle_gates") {
        gates.row([
            of(route, "route"),
            of(route, "gate"),
            requests(route),
            since(route),
        ]);
    }
    let mut flags = TextTable::new(["flag", "reason", "since"]);
    for flag in list(body, "idle_flags") {
        flags.row([of(flag, "flag"), reason(flag), since(flag)]);
    }
    let sections = [
        section("routes with requests and without a gate", &ungated.render("none")),
        format!(
            "requests that no route matched, since {}\n{}\n",
            since(unmatched),
            requests(unmatched)
        ),
        section("gates that decided no request", &gates.render("none")),
        section("flags that decided no request", &flags.render("none")),
    ];
    sections.join("\n").trim_end().to_owned()
}

/// Returns the reason why no request was decided by the flag.
fn reason(flag: &Value) -> String {
    let routes: Vec<String> = list(flag, "routes").iter().map(word).collect();
    match (routes.is_empty(), is(flag, "in_header")) {
        (false, _) => format!("no request was decided by {}", routes.join(", ")),
        (true, true) => "in no gate, only in a header".to_owned(),
        (true, false) => "in no gate and no header".to_owned(),
    }
}

fn of(item: &Value, field: &str) -> String {
    text(item, field).unwrap_or_default().to_owned()
}

fn requests(item: &Value) -> String {
    number(item, "requests").unwrap_or_default().to_string()
}

fn since(item: &Value) -> String {
    moment(text(item, "since").unwrap_or_default())
}
