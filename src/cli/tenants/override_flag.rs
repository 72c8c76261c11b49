//! `sluice tenants override`: forces the variant of a flag for one tenant.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::client::encoded;
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::route;
use crate::cli::session::Session;

/// Forces the variant of a flag for one tenant.
///
/// `off` takes precedence over everything but the kill switch; `on` takes precedence over tiers and rollouts, but not
/// over the lifecycle. `none` removes the override.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
    /// The flag's key.
    flag: String,
    /// `on`, `off`, a variant, or `none`.
    variant: String,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let Arguments {
        tenant,
        flag,
        variant,
        options,
    } = arguments;
    let path = route::tenant(tenant, &format!("/feature-flags/{}", encoded(flag)));
    let done = |_: &Value| match variant.as_str() {
        "none" => format!("{flag} is not overridden for {tenant}"),
        "true" => format!("{flag} is overridden for {tenant}: on"),
        "false" => format!("{flag} is overridden for {tenant}: off"),
        variant => format!("{flag} is overridden for {tenant}: {variant}"),
    };
    let change = ChangeRequest::new(Method::POST, path, body(variant)).about_flag(flag);
    change::apply(session, options, change, UnchangedTenants::All, done)
}

fn body(variant: &str) -> ChangeBody {
    match variant {
        "on" | "true" => ChangeBody::field("enabled", true),
        "off" | "false" => ChangeBody::field("enabled", false),
        "none" => ChangeBody::field("enabled", Value::Null),
        variant => ChangeBody::field("variant", variant),
    }
}
