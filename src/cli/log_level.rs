//! `sluice log-level`: shows and sets the levels of the log of a running server.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::client::ClientRequest;
use super::duration;
use super::exit::Exit;
use super::rejection::Intent;
use super::render::{json as member, printable};
use super::required_members::RequiredMembers;
use super::route;
use super::session::{ConnectionOptions, Session};

/// Shows the levels of the process log of a running server, or sets them.
///
/// With `--for` the former levels return after that time; without it the levels stay until the next start. The change is in
/// the log and, if the server has a store, in the audit log.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The levels to set: error, warn, info, debug, trace or off, and MODULE=LEVEL, separated by commas.
    level: Option<String>,
    /// The time after which the former levels return, such as 15m; at most 24h.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, requires = "level")]
    time: Option<Duration>,
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let expected = RequiredMembers::Texts(&["level"]);
    let answer = match &arguments.level {
        None => session.read(route::LOG_LEVEL, expected)?,
        Some(level) => {
            let mut body = json!({ "level": level });
            if let (Some(time), Some(body)) = (arguments.time, body.as_object_mut()) {
                body.insert("for_seconds".to_owned(), time.as_secs().into());
            }
            let request = ClientRequest::new(Method::PUT, route::LOG_LEVEL).json(&body);
            session.send(&request, Intent::Read(expected))?
        }
    };
    session.print_response(&answer, render)?;
    Ok(Exit::Success)
}

fn render(body: &Value) -> String {
    let text = |field| member::text(body, field).map(printable);
    let level = text("level").unwrap_or_default();
    match (text("until"), text("afterwards")) {
        (Some(until), Some(afterwards)) => format!("{level} until {until}, then {afterwards}"),
        _ => level,
    }
}
