//! `sluice rollout approve` and `check`: prepares the start of a plan.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::session::Session;

/// Approves a plan, for a role that it requires. One person approves for one role.
#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    /// The flag's key.
    flag: String,
    /// The role to approve for, as the plan names it: `technical`, `operations`, ...
    #[arg(long = "as", value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Checks off an item of the checklist.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The flag's key.
    flag: String,
    /// The item, as in the plan.
    item: String,
    /// Opens the item again.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn approve(session: &Session, arguments: &ApproveArguments) -> Result<Exit> {
    let ApproveArguments { flag, role, options } = arguments;
    let body = ChangeBody::field("role", role.as_str());
    let change = ChangeRequest::of_flag(Method::POST, flag, "/rollout/approve", body);
    let done = |_: &Value| format!("{flag}: the plan is approved for {role}");
    change::apply(session, options, change, UnchangedTenants::All, done)
}

pub(super) fn check(session: &Session, arguments: &CheckArguments) -> Result<Exit> {
    let CheckArguments {
        flag,
        item,
        undo,
        options,
    } = arguments;
    let mut fields = Map::from_iter([("item".to_owned(), item.as_str().into())]);
    if *undo {
        fields.insert("done".to_owned(), false.into());
    }
    let change = ChangeRequest::of_flag(Method::POST, flag, "/rollout/check", ChangeBody::Fields(fields));
    let state = if *undo { "open again" } else { "done" };
    let done = |_: &Value| format!("{flag}: {item} is {state}");
    change::apply(session, options, change, UnchangedTenants::All, done)
}
