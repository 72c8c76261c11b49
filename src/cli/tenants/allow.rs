//! `sluice tenants allow` and `disallow`: the beta allowlist.

use anyhow::Result;
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, ChangeBody, ChangeRequest};
use crate::cli::client::encoded;
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::route;
use crate::cli::session::Session;

use super::flag_of_tenant::FlagOfTenant;

/// The change of the allowlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllowlistChange {
    Add,
    Remove,
}

pub(super) fn run(session: &Session, arguments: &FlagOfTenant, list: AllowlistChange) -> Result<Exit> {
    let FlagOfTenant {
        tenant,
        flag,
        options,
    } = arguments;
    let (method, words) = match list {
        AllowlistChange::Add => (Method::PUT, "on"),
        AllowlistChange::Remove => (Method::DELETE, "not on"),
    };
    let path = route::tenant(tenant, &format!("/beta/{}", encoded(flag)));
    let done = |_: &Value| format!("{flag} is {words} the beta allowlist of {tenant}");
    change::apply(
        session,
        options,
        ChangeRequest::new(method, path, ChangeBody::None).about_flag(flag),
        UnchangedTenants::All,
        done,
    )
}
