//! A receipt as text: the decision then, line by line, and what differs now.

use std::fmt::{Display, Write};

use serde_json::Value;

use crate::cli::render::json::{is, list, number, text, word};
use crate::cli::render::moment::moment;
use crate::cli::render::{TextTable, printable};

/// Renders the decision then and now.
pub(super) fn render(body: &Value) -> String {
    let (then, now) = (member(body, "then"), member(body, "now"));
    let mut page = String::new();
    request(&mut page, then);
    decision(&mut page, then);
    page.push('\n');
    again(&mut page, now);
    page.trim_end().to_owned()
}

fn member<'v>(body: &'v Value, name: &str) -> &'v Value {
    body.get(name).unwrap_or(&Value::Null)
}

fn line(page: &mut String, label: &str, value: impl Display) {
    let value = printable(&value.to_string());
    // Writing to a string can't fail.
    let _ = writeln!(page, "{label:<10}{value}");
}

fn request(page: &mut String, then: &Value) {
    let of = |field| text(then, field).unwrap_or_default();
    let host = text(then, "host").filter(|host| !host.is_empty());
    let host = host.map_or(String::new(), |host| format!(" at {host}"));
    line(
        page,
        "request",
        format_args!("{} {}{host}", of("method"), of("path")),
    );
    line(page, "at", moment(of("at")));
    line(page, "answer", answer(then));
    if let Some(cause) = text(then, "cause") {
        line(page, "cause", cause);
    }
    let caller = match (text(then, "tenant"), text(then, "user")) {
        (Some(tenant), Some(user)) => format!("tenant {tenant}, user {user}"),
        (Some(tenant), None) => format!("tenant {tenant}"),
        (None, _) => "no verified tenant".to_owned(),
    };
    let issuer = text(then, "issuer").map_or(String::new(), |issuer| format!("; issuer {issuer}"));
    line(page, "caller", format_args!("{caller}{issuer}"));
    let groups: Vec<String> = list(then, "groups").iter().map(word).collect();
    if !groups.is_empty() {
        line(page, "groups", groups.join(", "));
    }
    for attribute in list(then, "attributes") {
        let of = |field| text(attribute, field).unwrap_or_default();
        line(
            page,
            "attribute",
            format_args!("{} = {}", of("name"), of("value")),
        );
    }
}

/// Renders the status, the code and the outcome.
fn answer(then: &Value) -> String {
    let status = number(then, "status").unwrap_or_default();
    let code = text(then, "code").map_or(String::new(), |code| format!(" {code}"));
    format!("{status}{code}, {}", text(then, "outcome").unwrap_or_default())
}

fn decision(page: &mut String, then: &Value) {
    line(page, "route", text(then, "route").unwrap_or("none"));
    gate(page, then);
    line(page, "snapshot", text(then, "snapshot").unwrap_or_default());
    if is(then, "shortened") {
        line(
            page,
            "note",
            "a part was too long to be kept, so the decision now may miss it",
        );
    }
}

/// Renders the state of the gate and a table of its flags.
fn gate(page: &mut String, decision: &Value) {
    let state = match (text(decision, "gate"), is(decision, "shadow")) {
        (Some(state), true) => format!("{state}, in shadow mode: not enforced"),
        (Some(state), false) => state.to_owned(),
        (None, _) => "not decided".to_owned(),
    };
    line(page, "gate", state);
    let mut table = TextTable::new(["flag", "variant", "cause", "bucket", "arm", ""]);
    for flag in list(decision, "flags") {
        let of = |field| text(flag, field).unwrap_or_default().to_owned();
        let bucket = number(flag, "bucket").map_or(String::new(), |bucket| bucket.to_string());
        let note = if is(flag, "required") { "required" } else { "" };
        table.row([
            of("flag"),
            of("variant"),
            of("cause"),
            bucket,
            of("arm"),
            note.to_owned(),
        ]);
    }
    for row in table.render("").lines() {
        let _ = writeln!(page, "          {row}");
    }
}

fn again(page: &mut String, now: &Value) {
    let snapshot = text(now, "snapshot").unwrap_or_default();
    if let Some(reason) = text(now, "not_decided") {
        line(page, "now", format_args!("not decided again: {reason}"));
        line(page, "snapshot", snapshot);
        return;
    }
    let outcome = text(now, "outcome").unwrap_or_default();
    let status = number(now, "status").map_or(String::new(), |status| format!(" with {status}"));
    let differences = list(now, "differences");
    match differences.is_empty() {
        true => line(page, "now", format_args!("the same: {outcome}{status}")),
        false => line(
            page,
            "now",
            format_args!(
                "{outcome}{status}, by route {}",
                text(now, "route").unwrap_or("none")
            ),
        ),
    }
    line(page, "snapshot", snapshot);
    let mut table = TextTable::new(["differs", "then", "now"]);
    for difference in differences {
        table
            .row(["part", "then", "now"].map(|field| text(difference, field).unwrap_or_default().to_owned()));
    }
    for row in table.render("").lines() {
        let _ = writeln!(page, "          {row}");
    }
}
