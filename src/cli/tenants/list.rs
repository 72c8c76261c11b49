//! `sluice tenants list`: all tenants with a record.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::pages::{self, PageOptions};
use crate::cli::render::json;
use crate::cli::route;
use crate::cli::session::Session;

/// Lists tenants.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let headings = ["tenant", "tier", "channel", "", "beta", "overrides"];
    pages::print_list(
        session,
        (route::TENANTS, &[]),
        &arguments.page,
        "orgs",
        (headings, row),
        "no tenant has a record",
    )?;
    Ok(Exit::Success)
}

fn row(tenant: &Value) -> [String; 6] {
    let text = |field| json::text(tenant, field).unwrap_or_default().to_owned();
    let overrides: Vec<String> = json::entries(tenant, "overrides")
        .map(|(flag, variant)| format!("{flag}={}", json::word(variant)))
        .collect();
    [
        text("id"),
        text("tier"),
        text("channel"),
        if json::is(tenant, "internal") {
            "internal".to_owned()
        } else {
            String::new()
        },
        tenant.get("beta").map(json::word).unwrap_or_default(),
        overrides.join(", "),
    ]
}
