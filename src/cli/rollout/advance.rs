//! `sluice rollout start` and `advance`: enters a stage, and shows which one.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{json, printable};
use crate::cli::session::Session;

/// Starts a plan: enters its first stage.
///
/// Needs the approvals, the completed checklist and an open window. --force starts it outside its window, and even if
/// more tenants change than `max_blast_radius`.
#[derive(Debug, Args)]
pub(super) struct StartArguments {
    /// The flag's key.
    flag: String,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Enters the next stage, or completes the plan after the last one.
///
/// The present stage must have lasted its time, its checks must have passed, and the window must be open. --force skips
/// these conditions, but neither missing approvals nor the conditions of a promotion. Only the stage that was the next
/// one when the command began is entered.
#[derive(Debug, Args)]
pub(super) struct AdvanceArguments {
    /// The flag's key.
    flag: String,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn start(session: &Session, arguments: &StartArguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let present = session.read_rollout(flag)?.json()?;
    let stages = present
        .get("plan")
        .map_or(&[][..], |plan| json::list(plan, "stages"));
    let first = stages.first().and_then(|stage| json::text(stage, "name"));
    let first = printable(first.unwrap_or_default());
    let body = ChangeBody::Fields(Map::new());
    let change = ChangeRequest::of_flag(Method::POST, flag, "/rollout/start", body);
    let done = |_: &Value| format!("{flag}: the plan is started, in stage {first}");
    change::apply(session, &arguments.options, change, UnchangedTenants::All, done)
}

pub(super) fn advance(session: &Session, arguments: &AdvanceArguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let read = session.read_rollout(flag)?;
    let present = read.json()?;
    // Bound to the revision that was read: if the controller enters the next stage meanwhile, a forced command would
    // otherwise skip one.
    let options = ChangeOptions {
        if_revision: arguments
            .options
            .if_revision
            .or(json::number(&present, "revision"))
            .or(read.revision),
        ..arguments.options.clone()
    };
    let done = |_: &Value| match json::text(&present, "next_stage") {
        Some(next) => format!("{flag}: stage {} is entered", printable(next)),
        None => format!("{flag}: the plan is completed"),
    };
    let body = ChangeBody::Fields(Map::new());
    let change = ChangeRequest::of_flag(Method::POST, flag, "/rollout/advance", body);
    change::apply(session, &options, change, UnchangedTenants::All, done)
}
