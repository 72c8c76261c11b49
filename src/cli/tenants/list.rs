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
    /// Only tenants whose id contains this text, in any case.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only tenants of this tier.
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Only tenants of this channel; a record without one is stable.
    #[arg(long, value_name = "CHANNEL", value_parser = ["stable", "latest"])]
    channel: Option<String>,
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let filters = [
        ("search", &arguments.search),
        ("tier", &arguments.tier),
        ("channel", &arguments.channel),
    ];
    let given = filters.into_iter();
    let query: Vec<(&str, &str)> = given
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect();
    let nothing = match query.is_empty() {
        true => "no tenant has a record",
        false => "no tenant matches",
    };
    let headings = ["tenant", "tier", "channel", "", "beta", "overrides"];
    pages::print_list(
        session,
        (route::TENANTS, &query),
        &arguments.page,
        "orgs",
        (headings, row),
        nothing,
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
