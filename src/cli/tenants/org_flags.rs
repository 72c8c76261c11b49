//! `sluice tenants flags`: the flags as an org sees them.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::pages::{self, PageOptions};
use crate::cli::render::json;
use crate::cli::route;
use crate::cli::session::Session;

/// Lists the beta and ga flags as an org sees them.
///
/// Shows the served variants and the choices of the org. Its own admin may use this, too.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    pages::print_list(
        session,
        (&route::org(&arguments.tenant, "/feature-flags"), &[]),
        &arguments.page,
        "flags",
        (["flag", "state", "served", "because of", "chose", ""], row),
        "no flag is in beta or ga",
    )?;
    Ok(Exit::Success)
}

fn row(flag: &Value) -> [String; 6] {
    let text = |field| json::text(flag, field).unwrap_or_default().to_owned();
    [
        text("key"),
        text("lifecycle"),
        text("variant"),
        text("cause"),
        text("choice"),
        text("description"),
    ]
}
