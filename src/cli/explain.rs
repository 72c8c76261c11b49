//! `sluice explain`: what would happen to a request, and why, step by step.

mod asker;
mod json;
mod request;
mod story;
mod text;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use rules::Timestamp;

use super::{Outcome, answer, clock};

/// Says what would happen to a request, and why: the route, who is asking, each step of the decision that was
/// and was not taken, the headers that would be sent. No request is made.
///
/// Exits with 0 when the request would get through, else with 1.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The config file.
    #[arg(long, value_name = "FILE", default_value = "sluice.yaml")]
    config: PathBuf,
    /// The request's token.
    #[arg(long, value_name = "JWT", conflicts_with_all = ["tenant", "user", "groups", "attributes"])]
    token: Option<String>,
    /// The tenant, instead of a token.
    #[arg(long, value_parser = asker::tenant)]
    tenant: Option<String>,
    /// The user.
    #[arg(long, requires = "tenant")]
    user: Option<String>,
    /// A group the user is in; may be given several times.
    #[arg(long = "group", value_name = "GROUP", requires = "tenant")]
    groups: Vec<String>,
    /// An attribute, as JSON or as plain text: `seats=80`, `country=DE`; may be given several times.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = asker::attribute)]
    attributes: Vec<asker::Attribute>,
    /// The request's host.
    #[arg(long, default_value = "localhost", value_parser = request::host)]
    host: String,
    /// A header of the request; may be given several times.
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = request::header)]
    headers: Vec<request::Header>,
    /// Explains as of this time (RFC 3339) instead of now.
    #[arg(long, value_name = "RFC3339", value_parser = clock::parse)]
    now: Option<Timestamp>,
    /// Prints one JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// The method.
    #[arg(value_parser = request::method)]
    method: String,
    /// The path, with its query if any.
    path: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let loaded = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(loaded) => loaded,
        Err(report) => {
            answer::complain(report.render(answer::colour()).trim_end());
            return Ok(Outcome::No);
        }
    };
    let now = arguments.now.unwrap_or_else(clock::now);
    let story = story::tell(&loaded, arguments, now)?;
    if arguments.json {
        answer::say(format_args!("{:#}", story.to_json()))?;
    } else {
        answer::say(text::render(&story).trim_end())?;
    }
    Ok(if story.passes { Outcome::Done } else { Outcome::No })
}
