//! `sluice flags stale`: stale flags, with the reasons.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::pages::{self, PageOptions};
use crate::cli::render::json;
use crate::cli::route;
use crate::cli::session::Session;

/// Lists the stale flags, each with the reasons.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    pages::print_list(
        session,
        (route::FLAGS, &[("stale", "true")]),
        &arguments.page,
        "flags",
        (["flag", "state", "why"], row),
        "no flag is stale",
    )?;
    Ok(Exit::Success)
}

fn row(flag: &Value) -> [String; 3] {
    let text = |field| json::text(flag, field).unwrap_or_default().to_owned();
    let reasons: Vec<String> = json::list(flag, "stale")
        .iter()
        .map(|reason| json::text(reason, "detail").map_or_else(|| json::word(reason), str::to_owned))
        .collect();
    [text("key"), text("lifecycle"), reasons.join("; ")]
}
