//! `sluice explain`: explains what would happen to a request, step by step, by files or by a running server.

mod text;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use config::LoadedConfig;
use control::{InvalidQuestion, RequestForm, Sender};
use hyper::Method;
use rules::{InvalidTenantId, TenantId, Timestamp};
use serde_json::{Map, Value, json};

use super::attribute::{self, AttributeArgument};
use super::client::{ClientRequest, Secrecy, ServerAddress};
use super::config_path::config_path;
use super::exit::Exit;
use super::output::{self, OutputFormat};
use super::rejection::Intent;
use super::render::json as fields;
use super::render::moment::rfc3339;
use super::required_members::RequiredMembers;
use super::route;
use super::session::{AccessOptions, Session};
use crate::clock;
use crate::environment::variable;
use crate::issuer_keys::issuer_keys;
use crate::story::{self, ExplainGateway, ExplainInput};

/// The maximum time to wait for the keys of issuers.
const KEYS_WAIT: Duration = Duration::from_secs(5);

/// Explains what would happen to a request, and why.
///
/// Shows the route, the identity, each step of the decision that was and was not taken, and the injected headers. No
/// request is sent to an upstream. Exits with 0 if the request would get to the upstream of an open gate, else with 1.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file [env: SLUICE_CONFIG=] [default: sluice.yaml].
    #[arg(short, long, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    /// The request's token.
    #[arg(long, value_name = "JWT", conflicts_with_all = ["tenant", "user", "groups"])]
    token: Option<String>,
    /// The tenant of the request, instead of a token.
    #[arg(long, value_parser = tenant)]
    tenant: Option<String>,
    /// The user of the request.
    #[arg(long, requires = "tenant")]
    user: Option<String>,
    /// A group of the user; may be repeated.
    #[arg(long = "group", value_name = "GROUP", requires = "tenant")]
    groups: Vec<String>,
    /// An attribute, as JSON or as plain text: `seats=80`, `country=DE`; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = checked_attribute, conflicts_with = "token")]
    attributes: Vec<AttributeArgument>,
    /// The listener that receives the request [default: the first one].
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The source address of the connection, for attributes that are read from the client's address.
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    /// The host of the request [default: that of a `--header`, else localhost].
    #[arg(long, value_parser = host)]
    host: Option<String>,
    /// Explains an HTTP/1.0 request without a `Host`.
    #[arg(long, conflicts_with = "host")]
    no_host: bool,
    /// A header of the request; may be repeated.
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = header)]
    headers: Vec<String>,
    /// Explains as of this time (RFC 3339) instead of now.
    #[arg(long, alias = "now", value_name = "RFC3339", value_parser = Timestamp::parse)]
    at: Option<Timestamp>,
    /// Prints one JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// Uses what the server at this admin listener serves now, instead of files: http://HOST:PORT, https://HOST:PORT or
    /// unix:PATH.
    #[arg(long, value_name = "URL", value_parser = ServerAddress::parse, help_heading = "Server")]
    server: Option<ServerAddress>,
    #[command(flatten)]
    access: AccessOptions,
    /// The method of the request.
    #[arg(value_parser = method)]
    method: String,
    /// The path of the request, with its query if any.
    path: String,
}

fn tenant(text: &str) -> Result<String, InvalidTenantId> {
    TenantId::check(text).map(|()| text.to_owned())
}

fn host(text: &str) -> Result<String, rules::InvalidHost> {
    rules::Host::parse(text).map(|_| text.to_owned())
}

fn method(text: &str) -> Result<String, InvalidQuestion> {
    control::check_method(text).map(|()| text.to_owned())
}

fn header(text: &str) -> Result<String, InvalidQuestion> {
    control::header(text).map(|_| text.to_owned())
}

fn checked_attribute(text: &str) -> Result<AttributeArgument, String> {
    let attribute = attribute::parse(text).map_err(|invalid| invalid.to_string())?;
    let read = control::attribute(&attribute.0, &attribute.1);
    read.map(|_| attribute).map_err(|invalid| invalid.to_string())
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let format = OutputFormat::from_json_option(arguments.json);
    let story = match &arguments.server {
        Some(server) => explain_by_server(server, arguments, format)?,
        None => match config::load(&config_path(arguments.config.as_ref()), &variable) {
            Ok(loaded) => by_files(
                &loaded,
                request(arguments),
                arguments.at.unwrap_or_else(clock::now),
            )?,
            Err(report) => {
                output::print_document_report(&report, format)?;
                return Ok(Exit::Failure);
            }
        },
    };
    match format {
        OutputFormat::Json => output::print_json(format_args!("{story:#}"))?,
        OutputFormat::Text => output::print(text::render(&story).trim_end())?,
    }
    Ok(Exit::success_if(fields::is(&story, "open")))
}

/// Requests the explanation from a server.
fn explain_by_server(server: &ServerAddress, arguments: &Arguments, format: OutputFormat) -> Result<Value> {
    let session = Session::with_server(server.clone(), &arguments.access, format)?;
    let mut question = Map::from_iter([("request".to_owned(), request(arguments))]);
    if let Some(at) = arguments.at.and_then(rfc3339) {
        question.insert("at".to_owned(), at.into());
    }
    let mut api_request = ClientRequest::new(Method::POST, route::EXPLAIN).json(&question.into());
    if may_hold_secrets(arguments) {
        api_request.secrecy = Secrecy::Secret;
    }
    session
        .send(&api_request, Intent::Read(RequiredMembers::Boolean("open")))?
        .json()
}

/// Returns true if the explained request may contain credentials. A token may be in any header, because the server's
/// documents decide which; in a query (RFC 6750 section 2.3); and in the user information of an absolute target.
fn may_hold_secrets(arguments: &Arguments) -> bool {
    arguments.token.is_some() || !arguments.headers.is_empty() || arguments.path.contains(['?', '@'])
}

/// Explains a request, in the form of the admin API, by local files.
///
/// # Errors
/// The request is none that a client can send, or no runtime can be started.
pub(super) fn by_files(loaded: &LoadedConfig, request: Value, at: Timestamp) -> Result<Value> {
    let form: RequestForm = serde_json::from_value(request)?;
    let question = form.read()?;
    // A worker thread, because keys are fetched by spawned tasks, which a runtime of this thread alone would not run while
    // this thread waits for them.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("can't start the async runtime")?;
    let handle = runtime.handle().clone();
    let keys = proxy::KeyStore::new(handle, proxy::FetchTiming::default(), &proxy::Metrics::new());
    // The proxy has its keys before it serves. Held until the explanation: without an owner, fetching ends.
    let issuers = loaded.identity.issuers.iter();
    let held: Vec<_> = issuers
        .filter_map(|issuer| issuer_keys(issuer, &keys).ok())
        .collect();
    if matches!(question.sender, Sender::Unnamed | Sender::Token(_)) {
        keys.wait(async {
            let until = tokio::time::Instant::now() + KEYS_WAIT;
            for keys in &held {
                let left = until.saturating_duration_since(tokio::time::Instant::now());
                keys.loaded_within(left).await;
            }
        });
    }
    let story = story::explain(&ExplainInput {
        gateway: &ExplainGateway::load(loaded)?,
        question: &question,
        keys: &keys,
        // Files have no breakers: plans are in a store.
        open_breakers: &|_| Vec::new(),
        at,
    });
    runtime.shutdown_background();
    Ok(serde_json::to_value(story?)?)
}

/// Returns the request in the form of the admin API.
fn request(arguments: &Arguments) -> Value {
    let attributes = arguments.attributes.iter();
    let attributes: Map<String, Value> = attributes
        .map(|AttributeArgument(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut request = json!({
        "method": arguments.method,
        "path": arguments.path,
        "headers": arguments.headers,
        "groups": arguments.groups,
        "attributes": attributes,
    });
    let client = arguments.client.map(|client| client.to_string());
    let none = arguments.no_host.then(String::new);
    for (name, value) in [
        ("listener", arguments.listener.as_ref()),
        ("host", arguments.host.as_ref().or(none.as_ref())),
        ("token", arguments.token.as_ref()),
        ("tenant", arguments.tenant.as_ref()),
        ("user", arguments.user.as_ref()),
        ("client", client.as_ref()),
    ] {
        if let (Some(request), Some(value)) = (request.as_object_mut(), value) {
            request.insert(name.to_owned(), value.as_str().into());
        }
    }
    request
}
