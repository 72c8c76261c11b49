//! `sluice flags kill`, `restore` and `kills`: off for everyone, at once; by the admin API, or on one machine by its
//! break-glass socket.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use crate::cli::change::{self, Body, Change, Options};
use crate::cli::client::Ask;
use crate::cli::rejection::Intent;
use crate::cli::render::moment::moment;
use crate::cli::render::preview::Kept;
use crate::cli::render::{Table, json as fields, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::session::{Connection, Form, Session, print};
use crate::cli::{Outcome, duration, route};

/// Turns a flag off for everyone, at once.
///
/// With --socket only on this machine, whoever manages the flags and with no server asked: it ends by itself.
#[derive(Debug, Args)]
pub(super) struct Kill {
    /// The flag's key.
    flag: String,
    /// The break-glass socket of the proxy on this machine.
    #[arg(long, value_name = "PATH", requires = "reason", conflicts_with_all = ["dry_run", "force", "if_revision"])]
    socket: Option<PathBuf>,
    /// With --socket, for how long: `30m`, `1h`, `7d` at most; left out: an hour.
    #[arg(long = "for", value_name = "DURATION", requires = "socket", value_parser = duration::parse)]
    lasting: Option<Duration>,
    #[command(flatten)]
    options: Options,
}

/// Lets a flag that was killed decide again.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The flag's key.
    flag: String,
    /// The break-glass socket of the proxy on this machine.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dry_run", "force", "if_revision", "reason"])]
    socket: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// Lists the flags that are killed on this machine by its break-glass socket.
#[derive(Debug, Args)]
pub(super) struct Kills {
    /// The break-glass socket of the proxy on this machine.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Prints what was ever done by it instead: an audit entry a line, in JSON.
    #[arg(long)]
    journal: bool,
}

pub(super) fn kill(connection: &Connection, arguments: &Kill) -> Result<Outcome> {
    let (flag, options) = (&arguments.flag, &arguments.options);
    let Some(socket) = &arguments.socket else {
        let session = Session::open(connection)?;
        let change = Change::new(
            Method::POST,
            route::flag(flag, "/kill"),
            Body::Fields(serde_json::Map::new()),
        )
        .idempotent();
        let done = |_: &Value| format!("{flag} is off for everyone");
        return change::make(&session, options, change, Kept::All, done);
    };
    let Some(reason) = &options.reason else {
        bail!("a kill by the socket needs --reason");
    };
    let mut body = json!({ "flag": flag, "reason": reason });
    if let (Some(lasting), Some(fields)) = (arguments.lasting, body.as_object_mut()) {
        fields.insert("seconds".to_owned(), lasting.as_secs().into());
    }
    let session = Session::on_socket(socket.clone(), connection)?;
    let ask = Ask::new(Method::POST, "/kill").json(&body);
    let answer = session.ask(&ask, Intent::LocalChange)?;
    session.show(&answer, |body| {
        let until = fields::text(body, "until").unwrap_or_default();
        format!(
            "{flag} is off for everyone on this machine until {} UTC",
            moment(until)
        )
    })?;
    Ok(Outcome::Done)
}

pub(super) fn restore(connection: &Connection, arguments: &Restore) -> Result<Outcome> {
    let flag = &arguments.flag;
    let Some(socket) = &arguments.socket else {
        let session = Session::open(connection)?;
        let change = Change::new(
            Method::POST,
            route::flag(flag, "/restore"),
            Body::Fields(serde_json::Map::new()),
        )
        .idempotent();
        let done = |_: &Value| format!("{flag} decides again");
        return change::make(&session, &arguments.options, change, Kept::All, done);
    };
    let session = Session::on_socket(socket.clone(), connection)?;
    let ask = Ask::new(Method::POST, "/restore").json(&json!({ "flag": flag }));
    let answer = session.ask(&ask, Intent::LocalChange)?;
    session.show(&answer, |_| format!("{flag} decides again on this machine"))?;
    Ok(Outcome::Done)
}

pub(super) fn kills(connection: &Connection, arguments: &Kills) -> Result<Outcome> {
    let session = Session::on_socket(arguments.socket.clone(), connection)?;
    if arguments.journal {
        let answer = session.look("/journal", RequiredMembers::Anything)?;
        if !answer.body.is_empty() {
            print(&answer.body)?;
        }
        return Ok(Outcome::Done);
    }
    let answer = session.look("/kills", RequiredMembers::List("kills"))?;
    if session.form() == Form::Json {
        print(&answer.body)?;
        return Ok(Outcome::Done);
    }
    session.show(&answer, |body| {
        let mut table = Table::new(["flag", "until", "by", "reason"]);
        for kill in fields::list(body, "kills") {
            let text = |field| printable(fields::text(kill, field).unwrap_or_default());
            table.row([text("flag"), moment(&text("until")), text("by"), text("reason")]);
        }
        table.render("no flag is killed on this machine")
    })?;
    Ok(Outcome::Done)
}
