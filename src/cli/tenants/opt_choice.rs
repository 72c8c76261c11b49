//! `sluice tenants opt-in` and `opt-out`: what an org chooses for itself.

use anyhow::Result;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, Body, Change};
use crate::cli::render::preview::Kept;
use crate::cli::session::Session;
use crate::cli::{Outcome, route};

use super::OfTenant;

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptChoice {
    In,
    Out,
}

pub(super) fn run(session: &Session, arguments: &OfTenant, choice: OptChoice) -> Result<Outcome> {
    let OfTenant {
        tenant,
        flag,
        options,
    } = arguments;
    let (part, words) = match choice {
        OptChoice::In => ("/opt-in", "opted in to"),
        OptChoice::Out => ("/opt-out", "opted out of"),
    };
    let body = Body::Fields(Map::new());
    let change = Change::new(Method::POST, route::choice(tenant, flag, part), body);
    let done = |_: &Value| format!("{tenant} has {words} {flag}");
    change::make(session, options, change, Kept::All, done)
}
