//! `sluice flags kill`, `restore` and `kills`: turns a flag off for everyone at once, through the admin API, or on one
//! machine through its break-glass socket.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use hyper::Method;
use serde_json::json;

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::client::ClientRequest;
use crate::cli::duration;
use crate::cli::exit::Exit;
use crate::cli::output::print_body;
use crate::cli::rejection::Intent;
use crate::cli::render::moment::moment;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{TextTable, json as fields, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::session::{ConnectionOptions, Session};

/// Turns a flag off for everyone, at once.
///
/// With --socket only on this machine, without signing in to a server, whether files or a store manage the flags. Such
/// a kill expires.
#[derive(Debug, Args)]
pub(super) struct KillArguments {
    /// The flag's key.
    flag: String,
    /// The break-glass socket of the proxy on this machine.
    #[arg(long, value_name = "PATH", requires = "reason", conflicts_with_all = ["dry_run", "force", "if_revision"])]
    socket: Option<PathBuf>,
    /// With --socket, when the kill expires: `30m`, `1h`, at most `7d` [default: 1h].
    #[arg(long = "for", value_name = "DURATION", requires = "socket", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// The incident, as a text or link. The kill opens it.
    #[arg(long, value_name = "LINK", conflicts_with = "socket")]
    incident: Option<String>,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Ends the kill of a flag.
#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The flag's key.
    flag: String,
    /// The break-glass socket of the proxy on this machine.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dry_run", "force", "if_revision", "reason"])]
    socket: Option<PathBuf>,
    /// The incident, as a text or link, for the audit log. It stays open.
    #[arg(long, value_name = "LINK", conflicts_with = "socket")]
    incident: Option<String>,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Lists the flags that are killed on this machine through its break-glass socket.
#[derive(Debug, Args)]
pub(super) struct KillsArguments {
    /// The break-glass socket of the proxy on this machine.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Prints the whole journal instead: one audit entry per line, in JSON.
    #[arg(long)]
    journal: bool,
}

pub(super) fn kill(connection: &ConnectionOptions, arguments: &KillArguments) -> Result<Exit> {
    let (flag, options) = (&arguments.flag, &arguments.options);
    let Some(socket) = &arguments.socket else {
        let done = format!("{flag} is off for everyone");
        let incident = arguments.incident.as_deref();
        return set_kill_switch(connection, (flag, "/kill"), (options, incident), done);
    };
    let Some(reason) = &options.reason else {
        bail!("a kill through the socket needs --reason");
    };
    let mut body = json!({ "flag": flag, "reason": reason });
    if let (Some(duration), Some(fields)) = (arguments.duration, body.as_object_mut()) {
        fields.insert("seconds".to_owned(), duration.as_secs().into());
    }
    let session = Session::over_socket(socket.clone(), connection)?;
    let request = ClientRequest::new(Method::POST, "/kill").json(&body);
    let answer = session.send(&request, Intent::LocalChange)?;
    session.print_response(&answer, |body| {
        let until = fields::text(body, "until").unwrap_or_default();
        format!(
            "{flag} is off for everyone on this machine until {}",
            moment(until)
        )
    })?;
    Ok(Exit::Success)
}

pub(super) fn restore(connection: &ConnectionOptions, arguments: &RestoreArguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let Some(socket) = &arguments.socket else {
        let done = format!("{flag} is no longer killed");
        let incident = arguments.incident.as_deref();
        return set_kill_switch(
            connection,
            (flag, "/restore"),
            (&arguments.options, incident),
            done,
        );
    };
    let session = Session::over_socket(socket.clone(), connection)?;
    let request = ClientRequest::new(Method::POST, "/restore").json(&json!({ "flag": flag }));
    let answer = session.send(&request, Intent::LocalChange)?;
    session.print_response(&answer, |_| format!("{flag} is no longer killed on this machine"))?;
    Ok(Exit::Success)
}

/// Kills or restores a flag through the admin API, and prints `done`.
fn set_kill_switch(
    connection: &ConnectionOptions,
    (flag, part): (&str, &str),
    (options, incident): (&ChangeOptions, Option<&str>),
    done: String,
) -> Result<Exit> {
    let session = Session::open(connection)?;
    let incident = incident.map(|incident| ("incident".to_owned(), incident.into()));
    let body = ChangeBody::Fields(incident.into_iter().collect());
    // Idempotent: a second kill changes nothing, and a kill that was lost would leave the flag on.
    let change = ChangeRequest::of_flag(Method::POST, flag, part, body).idempotent();
    change::apply(&session, options, change, UnchangedTenants::All, |_| done)
}

pub(super) fn kills(connection: &ConnectionOptions, arguments: &KillsArguments) -> Result<Exit> {
    let session = Session::over_socket(arguments.socket.clone(), connection)?;
    if arguments.journal {
        let answer = session.read("/journal", RequiredMembers::Anything)?;
        if !answer.body.is_empty() {
            print_body(&answer.body)?;
        }
        return Ok(Exit::Success);
    }
    let answer = session.read("/kills", RequiredMembers::List("kills"))?;
    session.print_response(&answer, |body| {
        let mut table = TextTable::new(["flag", "until", "by", "reason"]);
        for kill in fields::list(body, "kills") {
            let text = |field| printable(fields::text(kill, field).unwrap_or_default());
            table.row([text("flag"), moment(&text("until")), text("by"), text("reason")]);
        }
        table.render("no flag is killed on this machine")
    })?;
    Ok(Exit::Success)
}
