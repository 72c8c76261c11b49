//! `sluice tenants set`: sets the fields of a tenant's record.

use anyhow::Result;
use clap::{ArgGroup, Args, ValueEnum};
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::attribute::{self, AttributeArgument};
use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest, intent};
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat, print_body};
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{json, printable};
use crate::cli::route;
use crate::cli::session::Session;

/// Sets fields of a tenant's record; the others stay unchanged.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("field").required(true).multiple(true).args(["tier", "channel", "internal", "attributes", "without"]))]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
    /// The tier, or `none`.
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// The release channel.
    #[arg(long, value_enum)]
    channel: Option<ChannelArgument>,
    /// Marks the tenant as internal, or not.
    #[arg(long, value_name = "BOOLEAN")]
    internal: Option<bool>,
    /// An attribute, as JSON or as plain text: `seats=80`, `country=DE`; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute::parse)]
    attributes: Vec<AttributeArgument>,
    /// Removes an attribute; may be repeated.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// Creates the record; it must not exist yet.
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChannelArgument {
    Stable,
    Latest,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let tenant = &arguments.tenant;
    if arguments.new {
        return create(session, arguments);
    }
    let change = ChangeRequest::new(
        Method::PATCH,
        route::tenant(tenant, ""),
        ChangeBody::Whole(patch(arguments)),
    );
    let done = |_: &Value| format!("{tenant} is changed");
    change::apply(session, &arguments.options, change, UnchangedTenants::All, done)
}

/// Creates a record by an import of one tenant in mode `create`, which replaces no existing record.
fn create(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let tenant = &arguments.tenant;
    let mut record = patch(arguments);
    if let Some(fields) = record.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let mut body = Map::new();
    body.insert("mode".to_owned(), "create".into());
    body.insert(
        "tenants".to_owned(),
        Map::from_iter([(tenant.clone(), record)]).into(),
    );
    let change = ChangeRequest::new(
        Method::POST,
        format!("{}:import", route::TENANTS),
        ChangeBody::Fields(body),
    );
    let options = &arguments.options;
    // An import answers 200 even if it rejects the tenant, so the result of its one item decides.
    let answer = session.send(&change.into_request(options, &[]), intent(options))?;
    let body = answer.json()?;
    let refusal = json::list(&body, "items")
        .first()
        .and_then(|item| item.get("refusal"));
    let rejection_detail = refusal
        .and_then(|refusal| json::text(refusal, "detail"))
        .map(printable);
    if session.format() == OutputFormat::Json {
        print_body(&answer.body)?;
    } else if let Some(rejection_detail) = &rejection_detail {
        output::print_stderr(format_args!("rejected, nothing was changed: {rejection_detail}"));
    } else {
        change::print_result(session, options, &answer, UnchangedTenants::All, |_| {
            format!("{tenant} is created")
        })?;
    }
    Ok(Exit::success_if(rejection_detail.is_none()))
}

/// Builds a merge patch of the record (RFC 7396).
fn patch(arguments: &Arguments) -> Value {
    let mut patch = Map::new();
    match arguments.tier.as_deref() {
        Some("none") => drop(patch.insert("tier".to_owned(), Value::Null)),
        Some(tier) => drop(patch.insert("tier".to_owned(), tier.into())),
        None => {}
    }
    if let Some(channel) = arguments.channel {
        let channel = match channel {
            ChannelArgument::Stable => "stable",
            ChannelArgument::Latest => "latest",
        };
        patch.insert("channel".to_owned(), channel.into());
    }
    if let Some(internal) = arguments.internal {
        patch.insert("internal".to_owned(), internal.into());
    }
    let removed = arguments.without.iter().map(|name| (name.clone(), Value::Null));
    let set = arguments
        .attributes
        .iter()
        .map(|AttributeArgument(name, value)| (name.clone(), value.clone()));
    let attributes: Map<String, Value> = removed.chain(set).collect();
    if !attributes.is_empty() {
        patch.insert("attributes".to_owned(), attributes.into());
    }
    patch.into()
}
