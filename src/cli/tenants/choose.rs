//! `sluice tenants opt-in` and `opt-out`: what an org chooses for itself.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, Body, Change, Options};
use crate::cli::render::preview::Kept;
use crate::cli::session::Session;
use crate::cli::{Outcome, route};

/// Who chooses, and about which flag.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
    /// The flag's key.
    flag: String,
    #[command(flatten)]
    options: Options,
}

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    In,
    Out,
}

pub(super) fn run(session: &Session, arguments: &Arguments, choice: Choice) -> Result<Outcome> {
    let Arguments {
        tenant,
        flag,
        options,
    } = arguments;
    let (part, words) = match choice {
        Choice::In => ("/opt-in", "opted in to"),
        Choice::Out => ("/opt-out", "opted out of"),
    };
    let body = Body::Fields(Map::new());
    let change = Change::new(Method::POST, route::choice(tenant, flag, part), body);
    let done = |_: &Value| format!("{tenant} has {words} {flag}");
    change::make(session, options, change, Kept::All, done)
}
