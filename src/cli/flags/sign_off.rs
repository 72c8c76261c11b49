//! `sluice flags sign-off`: signs off the next promotion of a flag.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::session::Session;

/// Signs off the next promotion of a flag, for a role that the policy requires.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// The role to sign off for, as the policy names it: `engineering`, `operations`, ...
    #[arg(long = "as", value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let Arguments { flag, role, options } = arguments;
    let body = ChangeBody::field("role", role.as_str());
    let change = ChangeRequest::of_flag(Method::POST, flag, "/sign-offs", body);
    let done = |_: &Value| format!("{flag}: signed off for {role}");
    change::apply(session, options, change, UnchangedTenants::All, done)
}
