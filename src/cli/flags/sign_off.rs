//! `sluice flags sign-off`: somebody answers for a flag's promotion to ga.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, Body, Change, Options};
use crate::cli::render::preview::Kept;
use crate::cli::session::Session;
use crate::cli::{Outcome, route};

/// Signs off a flag's promotion to ga, on behalf of those whom the policy asks for.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// On whose behalf: `engineering`, `operations`, ... as the policy names them.
    #[arg(long = "as", value_name = "ROLE")]
    behalf: String,
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Outcome> {
    let Arguments {
        flag,
        behalf,
        options,
    } = arguments;
    let body = Body::field("role", behalf.as_str());
    let change = Change::new(Method::POST, route::flag(flag, "/sign-offs"), body);
    let done = |_: &Value| format!("{flag}: signed off for {behalf}");
    change::make(session, options, change, Kept::All, done)
}
