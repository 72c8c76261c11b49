//! `sluice flags explain`: the variant that a flag serves a tenant now, and why.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use rules::Timestamp;
use serde_json::{Map, Value, json};

use crate::cli::attribute::{self, AttributeArgument};
use crate::cli::client::ClientRequest;
use crate::cli::exit::Exit;
use crate::cli::rejection::Intent;
use crate::cli::render::moment::rfc3339;
use crate::cli::render::{TextTable, json as fields, local_kill, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// Explains which variant a flag serves a tenant, and why.
///
/// Shows every step of the decision that was and was not taken.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// The tenant [default: a subject without a tenant].
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The user.
    #[arg(long, value_name = "USER", requires = "tenant")]
    user: Option<String>,
    /// A group of the user; may be repeated.
    #[arg(long = "group", value_name = "GROUP", requires = "tenant")]
    groups: Vec<String>,
    /// An attribute, as JSON or as plain text: `seats=80`, `country=DE`; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute::parse)]
    attributes: Vec<AttributeArgument>,
    /// Decides as of this time (RFC 3339) instead of now, with the current flags and tenants.
    #[arg(long, value_name = "RFC3339", value_parser = Timestamp::parse)]
    at: Option<Timestamp>,
}

/// Printed in place of a tenant.
const NO_TENANT: &str = "a subject without a tenant";

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let request = ClientRequest::new(Method::POST, route::EXPLAIN)
        .json(&question(arguments))
        .about_flag(&arguments.flag);
    let answer = session.send(
        &request,
        Intent::Read(RequiredMembers::Texts(&["flag", "variant"])),
    )?;
    let subject = arguments.tenant.as_deref().unwrap_or(NO_TENANT);
    session.print_response(&answer, |body| render(body, subject))?;
    Ok(Exit::Success)
}

fn question(arguments: &Arguments) -> Value {
    let mut question = Map::new();
    question.insert("flag".to_owned(), arguments.flag.as_str().into());
    for (name, value) in [("tenant", &arguments.tenant), ("user", &arguments.user)] {
        if let Some(value) = value {
            question.insert(name.to_owned(), value.as_str().into());
        }
    }
    let attributes = arguments.attributes.iter();
    let attributes: Map<String, Value> = attributes
        .map(|AttributeArgument(name, value)| (name.clone(), value.clone()))
        .collect();
    question.insert("groups".to_owned(), json!(arguments.groups));
    question.insert("attributes".to_owned(), attributes.into());
    if let Some(at) = arguments.at.and_then(rfc3339) {
        question.insert("at".to_owned(), at.into());
    }
    question.into()
}

fn render(body: &Value, subject: &str) -> String {
    let text = |field| printable(fields::text(body, field).unwrap_or_default());
    let mut rendered = format!("{} for {}: {}", text("flag"), printable(subject), text("variant"));
    if body.get("known_tenant").and_then(Value::as_bool) == Some(false) && subject != NO_TENANT {
        rendered.push_str(", without a record");
    }
    rendered.push('\n');
    if let Some(kill) = local_kill(body) {
        rendered.push_str(&printable(&format!("killed on this machine {kill}")));
        rendered.push('\n');
    }
    let mut table = TextTable::new(["", "", ""]);
    let mut is_over = false;
    for step in fields::list(body, "steps") {
        let of = |field| fields::text(step, field).unwrap_or_default().to_owned();
        let outcome = of("outcome");
        if outcome.starts_with("would") && !is_over {
            is_over = true;
            table.row(["  would otherwise:".into(), String::new(), String::new()]);
        }
        let mark = if outcome == "decided" { "=>" } else { "  " };
        let note = match (of("note"), outcome.strip_prefix("would serve ")) {
            (note, Some(variant)) if note.is_empty() => format!("serves {variant}"),
            (note, _) => note,
        };
        table.row([mark.to_owned() + " " + &of("question"), of("answer"), note]);
    }
    rendered + &table.render("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_decided_is_marked() {
        let body = json!({
            "flag": "board", "known_tenant": true, "variant": "off", "reason": "DISABLED", "cause": "lifecycle",
            "steps": [
                { "cause": "killed", "question": "enabled", "answer": "yes", "note": "", "outcome": "passed" },
                { "cause": "lifecycle", "question": "lifecycle beta", "answer": "not eligible", "note": "channel is stable", "outcome": "decided" },
                { "cause": "tier", "question": "tier tier2", "answer": "on", "note": "", "outcome": "would serve on" },
            ],
        });
        assert_eq!(
            render(&body, "globex"),
            "board for globex: off\n\
             \x20  enabled           yes\n\
             => lifecycle beta    not eligible   channel is stable\n\
             \x20 would otherwise:\n\
             \x20  tier tier2        on             serves on\n"
        );
    }
}
