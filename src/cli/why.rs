//! `sluice why`: explains why a request got its answer, by its receipt, and how it would be decided now.

mod text;

use anyhow::Result;
use clap::Args;

use super::exit::Exit;
use super::required_members::RequiredMembers;
use super::route;
use super::session::{ConnectionOptions, Session};

/// Explains why a request was refused, and how it would be decided now.
///
/// A server keeps the decisions of the latest refused requests, and of a sample of the others. The id is `request_id` in
/// the answer and in the access log, and the header X-Request-Id that the upstream gets.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The id of the request.
    #[arg(value_name = "REQUEST_ID", value_parser = request_id)]
    id: String,
    #[command(flatten)]
    connection: ConnectionOptions,
}

fn request_id(text: &str) -> Result<String, &'static str> {
    let id = text.trim().to_ascii_lowercase();
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id
        .then_some(id)
        .ok_or("the id of a request has 32 digits, 0 to 9 and a to f")
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let path = route::request(&arguments.id);
    let answer = session.read(path, RequiredMembers::Objects(&["then", "now"]))?;
    session.print_response(&answer, text::render)?;
    Ok(Exit::Success)
}
