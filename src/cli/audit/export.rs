//! `sluice audit export`: writes the log as JSON lines, each with its hashes.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::exported_entry::parse;
use super::line_splitter::LineSplitter;
use crate::cli::atomic_file::{AtomicFile, IfExists};
use crate::cli::change::with_query;
use crate::cli::client::ClientRequest;
use crate::cli::exit::Exit;
use crate::cli::render::entries;
use crate::cli::session::Session;
use crate::cli::{output, route};

/// Writes the audit log as JSON lines, each with its hashes.
///
/// The oldest entry is first. `sluice audit verify --file` reads this format.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only entries after this id.
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
    /// Writes to this file instead of standard output; it must not exist yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replaces an existing file, once all entries are written.
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let request = request(arguments.after);
    let Some(path) = &arguments.output else {
        let mut output = io::stdout().lock();
        export(session, &request, |line| output.write_all(line))?;
        output.flush()?;
        return Ok(Exit::Success);
    };
    let mut file = AtomicFile::create(path, IfExists::from_force(arguments.force))?;
    let count = export(session, &request, |line| file.write(line))?;
    file.commit()?;
    output::print_stderr(format_args!("{} exported to {}", entries(count), path.display()));
    Ok(Exit::Success)
}

/// Passes each entry of the answer to `write` as a line, and returns their number. The hashes are not verified: an
/// export must also work for a log that was altered.
fn export(
    session: &Session,
    request: &ClientRequest,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64> {
    let invalid = |reason: String| session.invalid_download("an audit log", reason);
    let (mut lines, mut count, mut is_invalid) = (LineSplitter::default(), 0_u64, false);
    let streamed = session.stream(request, &mut |piece| {
        lines.add(piece, |line| {
            if parse(line).is_none() {
                is_invalid = true;
                return Err(io::ErrorKind::InvalidData.into());
            }
            count = count.saturating_add(1);
            // The hash covers the text that the escapes stand for.
            write(&redact::escaped_json(line))
        })
    });
    if is_invalid {
        let line = count.saturating_add(1);
        return Err(invalid(format!("line {line} is not an entry")).into());
    }
    streamed?;
    if !lines.rest().is_empty() {
        return Err(invalid("its last line is incomplete".to_owned()).into());
    }
    Ok(count)
}

/// Creates the request for an export after an entry.
pub(super) fn request(after: Option<u64>) -> ClientRequest {
    let path = format!("{}/export", route::AUDIT);
    let after = after.map(|after| after.to_string());
    let query: Vec<(&str, &str)> = after
        .as_deref()
        .map(|after| ("after", after))
        .into_iter()
        .collect();
    ClientRequest::get(with_query(&path, &query)).with_media_type("application/jsonl")
}
