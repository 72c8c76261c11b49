//! `sluice flags incidents`: opens and closes the incidents of a flag, and lists those that are open.

use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::moment::moment;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{TextTable, json, printable};
use crate::cli::session::Session;

/// Opens, closes and lists incidents of a flag. An open incident blocks the promotions of the flag.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Opens an incident.
    Open(IncidentArguments),
    /// Closes an incident.
    Close(IncidentArguments),
    /// Lists the open incidents.
    List {
        /// The flag's key.
        flag: String,
    },
}

/// An incident of a flag.
#[derive(Debug, Args)]
struct IncidentArguments {
    /// The flag's key.
    flag: String,
    /// The incident, as a text or link.
    incident: String,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    match &arguments.command {
        Command::Open(arguments) => send(session, arguments, "/incidents", "is open"),
        Command::Close(arguments) => send(session, arguments, "/incidents/close", "is closed"),
        Command::List { flag } => list(session, flag),
    }
}

fn send(session: &Session, arguments: &IncidentArguments, part: &str, done: &str) -> Result<Exit> {
    let IncidentArguments {
        flag,
        incident,
        options,
    } = arguments;
    let body = ChangeBody::field("incident", incident.as_str());
    let change = ChangeRequest::of_flag(Method::POST, flag, part, body);
    let done = |_: &Value| format!("{flag}: incident {} {done}", printable(incident));
    change::apply(session, options, change, UnchangedTenants::All, done)
}

fn list(session: &Session, flag: &str) -> Result<Exit> {
    let answer = session.read_flag(flag)?;
    session.print_response(&answer, |body| {
        let mut table = TextTable::new(["incident", "opened", "by"]);
        for incident in json::list(body, "incidents") {
            let text = |field| printable(json::text(incident, field).unwrap_or_default());
            table.row([text("incident"), moment(&text("at")), text("by")]);
        }
        table.render("no incident is open")
    })?;
    Ok(Exit::Success)
}
