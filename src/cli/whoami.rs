//! `sluice whoami`: prints the signed-in operator.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::exit::Exit;
use super::render::{json, printable};
use super::required_members::RequiredMembers;
use super::route;
use super::session::{ConnectionOptions, Session};

/// Prints the name and the role of the signed-in operator.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let answer = session.read(route::WHO_AM_I, RequiredMembers::Texts(&["name", "role"]))?;
    let server = session.server().to_string();
    session.print_response(&answer, |body| render(body, &server))?;
    Ok(Exit::Success)
}

fn render(body: &Value, server: &str) -> String {
    let text = |field| json::text(body, field).map(printable);
    let (name, role) = (text("name").unwrap_or_default(), text("role").unwrap_or_default());
    match text("org") {
        Some(org) => format!("{name}, {role} of {org}, at {server}"),
        None => format!("{name}, {role}, at {server}"),
    }
}
