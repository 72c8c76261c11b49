//! `sluice rollout document`: the record of a rollout plan in Markdown.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::atomic_file::{AtomicFile, IfExists};
use crate::cli::client::ClientRequest;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat};
use crate::cli::rejection::Intent;
use crate::cli::render::printable;
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// The media type of the record.
const MEDIA_TYPE: &str = "text/markdown; charset=utf-8";

/// Prints the record of a plan in Markdown.
///
/// It has the strategy, the configuration, the stages, the monitoring, the steps of a rollback and when they were last
/// exercised, the approvals, the checklist, the course and the evidence, from the live state and the audit log. Facts that
/// nobody stated are marked as missing. With --json it is a JSON string.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// Writes to this file instead of standard output; it must not exist yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replaces an existing file.
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let path = route::flag(flag, "/rollout/document");
    let request = ClientRequest::get(path)
        .with_media_type(MEDIA_TYPE)
        .about_flag(flag);
    let answer = session.send(&request, Intent::Read(RequiredMembers::Anything))?;
    let text = String::from_utf8(answer.body)
        .map_err(|_| session.invalid_download("a record in Markdown", "it is not UTF-8"))?;
    let lines: Vec<String> = text.lines().map(printable).collect();
    let text = lines.join("\n");
    match &arguments.output {
        Some(path) => {
            let mut file = AtomicFile::create(path, IfExists::from_force(arguments.force))?;
            file.write(text.as_bytes())?;
            file.write(b"\n")?;
            file.commit()?;
            output::print_stderr(format_args!("written to {}", path.display()));
        }
        None => match session.format() {
            OutputFormat::Json => output::print_json(serde_json::Value::from(text))?,
            OutputFormat::Text => output::print(text)?,
        },
    }
    Ok(Exit::Success)
}
