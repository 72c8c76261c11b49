//! `sluice announce`: drafts the texts that people publish about a flag.

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::change::with_query;
use super::exit::Exit;
use super::render::json;
use super::required_members::RequiredMembers;
use super::route;
use super::session::{ConnectionOptions, Session};

/// Drafts the announcement of a beta or of ga, or the notice of a revert, with a changelog entry.
///
/// The draft is Markdown, made from the facts in the store: description, owner and revert path of the definition, state,
/// last revert and incidents. A fact that is not known is marked with `[missing: ..]`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// The subject of the text.
    #[arg(value_enum)]
    subject: Subject,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    Beta,
    Ga,
    Revert,
}

impl Subject {
    fn as_str(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::Ga => "ga",
            Self::Revert => "revert",
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let path = route::flag(&arguments.flag, "/announcement");
    let path = with_query(&path, &[("for", arguments.subject.as_str())]);
    let answer = session.read(&path, RequiredMembers::Anything)?;
    session.print_response(&answer, |body: &Value| {
        json::text(body, "markdown").unwrap_or_default().to_owned()
    })?;
    Ok(Exit::Success)
}
