//! `sluice audit export`: the log as JSON lines, each with its hashes.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::change::with_query;
use crate::cli::client::Ask;
use crate::cli::session::Session;
use crate::cli::whole_file::{Present, WholeFile};
use crate::cli::{Outcome, answer, route};

/// Writes the log as JSON lines, the oldest entry first, each with its hashes: what `sluice audit verify --file`
/// reads.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only entries after this id.
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
    /// Into this file instead of standard output; it must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// In the place of a file that is there, once all entries are written.
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Outcome> {
    let ask = ask(arguments.after);
    let Some(path) = &arguments.output else {
        let mut output = std::io::stdout().lock();
        session.stream(&ask, &mut |piece| output.write_all(piece))?;
        output.flush()?;
        return Ok(Outcome::Done);
    };
    let mut file = WholeFile::begin(path, Present::unless(arguments.force))?;
    let mut entries = 0_usize;
    session.stream(&ask, &mut |piece| {
        entries = entries.saturating_add(piece.iter().filter(|byte| **byte == b'\n').count());
        file.write(piece)
    })?;
    file.finish()?;
    answer::complain(format_args!("{entries} entries exported to {}", path.display()));
    Ok(Outcome::Done)
}

/// The export after an entry.
pub(super) fn ask(after: Option<u64>) -> Ask {
    let path = format!("{}/export", route::AUDIT);
    let after = after.map(|after| after.to_string());
    let query: Vec<(&str, &str)> = after
        .as_deref()
        .map(|after| ("after", after))
        .into_iter()
        .collect();
    Ask::get(with_query(&path, &query))
}
