//! `sluice tenants opt-in` and `opt-out`: the own choice of an org.

use anyhow::Result;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::route;
use crate::cli::session::Session;

use super::flag_of_tenant::FlagOfTenant;

/// The choice of an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptChoice {
    In,
    Out,
}

pub(super) fn run(session: &Session, arguments: &FlagOfTenant, choice: OptChoice) -> Result<Exit> {
    let FlagOfTenant {
        tenant,
        flag,
        options,
    } = arguments;
    let (part, words) = match choice {
        OptChoice::In => ("/opt-in", "opted in to"),
        OptChoice::Out => ("/opt-out", "opted out of"),
    };
    let body = ChangeBody::Fields(Map::new());
    let change = ChangeRequest::new(Method::POST, route::choice(tenant, flag, part), body).about_flag(flag);
    let done = |_: &Value| format!("{tenant} has {words} {flag}");
    change::apply(session, options, change, UnchangedTenants::All, done)
}
