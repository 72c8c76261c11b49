//! `sluice tenants remove`: removes a tenant's record.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::confirmation::confirm;
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::session::Session;
use crate::cli::{output, route};

/// Removes a tenant's record.
///
/// From then on the tenant is decided like tenants without a record.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
    /// Does not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let Arguments { tenant, yes, options } = arguments;
    if !yes && !options.dry_run && !confirm(&format!("remove the record of {tenant}?"))? {
        output::print_stderr("nothing was changed");
        return Ok(Exit::Failure);
    }
    let change = ChangeRequest::new(Method::DELETE, route::tenant(tenant, ""), ChangeBody::None);
    let done = |_: &Value| format!("the record of {tenant} is removed");
    change::apply(session, options, change, UnchangedTenants::All, done)
}
