//! `sluice rollout report`, `reports` and `close-report`: problems that people report about a flag.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::client::ClientRequest;
use crate::cli::exit::Exit;
use crate::cli::rejection::Intent;
use crate::cli::render::moment::moment;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{TextTable, json, reported_cause};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// Reports a problem of an org with a flag.
///
/// Reports of the same cause from different orgs count together: two block promotions of the flag, and fail a check
/// with `reports: { same_cause: 2 }`, until they are closed. An org-admin reports for its own org.
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The flag's key.
    flag: String,
    /// A description, for the people who look into it.
    text: Option<String>,
    /// The org that has the problem.
    #[arg(long)]
    org: String,
    /// The cause in a few words, such as `no save`. Case does not matter.
    #[arg(long)]
    cause: String,
    /// The ticket.
    #[arg(long)]
    ticket: Option<String>,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Lists the open reports about a flag.
#[derive(Debug, Args)]
pub(super) struct ReportsArguments {
    /// The flag's key.
    flag: String,
}

/// Closes a report about a flag.
#[derive(Debug, Args)]
pub(super) struct CloseArguments {
    /// The flag's key.
    flag: String,
    /// The id of the report, as `sluice rollout reports` lists it.
    id: u64,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn report(session: &Session, arguments: &ReportArguments) -> Result<Exit> {
    let ReportArguments {
        flag,
        text,
        org,
        cause,
        ticket,
        options,
    } = arguments;
    let fields = [
        ("cause", Some(cause)),
        ("ticket", ticket.as_ref()),
        ("text", text.as_ref()),
    ];
    let fields: Map<String, Value> = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.as_str().into())))
        .collect();
    // The path of the org: its own admin may use it too. Idempotent: the same report is not opened twice.
    let path = route::choice(org, flag, "/reports");
    let change = ChangeRequest::new(Method::POST, path, ChangeBody::Fields(fields))
        .about_flag(flag)
        .idempotent();
    let done = |_: &Value| format!("{flag}: `{}` is reported for {org}", cause.trim());
    change::apply(session, options, change, UnchangedTenants::All, done)
}

pub(super) fn list(session: &Session, arguments: &ReportsArguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let request = ClientRequest::get(route::flag(flag, "/reports")).about_flag(flag);
    let answer = session.send(&request, Intent::Read(RequiredMembers::List("reports")))?;
    session.print_response(&answer, |body| render(flag, body))?;
    Ok(Exit::Success)
}

pub(super) fn close(session: &Session, arguments: &CloseArguments) -> Result<Exit> {
    let CloseArguments { flag, id, options } = arguments;
    let part = format!("/reports/{id}/close");
    let change = ChangeRequest::of_flag(Method::POST, flag, &part, ChangeBody::Fields(Map::new()));
    let done = |_: &Value| format!("{flag}: report {id} is closed");
    change::apply(session, options, change, UnchangedTenants::All, done)
}

fn render(flag: &str, body: &Value) -> String {
    let mut table = TextTable::new(["id", "at", "org", "cause", "ticket", "by", "text"]);
    for report in json::list(body, "reports") {
        let of = |field| json::text(report, field).unwrap_or_default().to_owned();
        let id = json::number(report, "id").map_or(String::new(), |id| id.to_string());
        let at = moment(&of("at"));
        table.row([id, at, of("org"), of("cause"), of("ticket"), of("by"), of("text")]);
    }
    let mut text = table.render(&format!("{flag} has no open reports"));
    let blocking = json::list(body, "causes")
        .iter()
        .filter(|cause| json::is(cause, "blocks"));
    for cause in blocking {
        text.push_str(&format!("{}\n", reported_cause(cause)));
    }
    text
}
