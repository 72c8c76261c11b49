//! `sluice tenants allow` and `disallow`: the beta allowlist.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, Body, Change, Options};
use crate::cli::client::encoded;
use crate::cli::render::preview::Kept;
use crate::cli::session::Session;
use crate::cli::{Outcome, route};

/// Whose allowlist, and which flag.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
    /// The flag's key.
    flag: String,
    #[command(flatten)]
    options: Options,
}

/// Whether the flag is put on the list or taken off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    On,
    Off,
}

pub(super) fn run(session: &Session, arguments: &Arguments, list: List) -> Result<Outcome> {
    let Arguments {
        tenant,
        flag,
        options,
    } = arguments;
    let (method, words) = match list {
        List::On => (Method::PUT, "on"),
        List::Off => (Method::DELETE, "not on"),
    };
    let path = route::tenant(tenant, &format!("/beta/{}", encoded(flag)));
    let done = |_: &Value| format!("{flag} is {words} the beta allowlist of {tenant}");
    change::make(
        session,
        options,
        Change::new(method, path, Body::None),
        Kept::All,
        done,
    )
}
