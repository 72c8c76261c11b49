//! `sluice export`: the whole document as it is in force.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::session::{Connection, Session};
use super::whole_file::{Present, WholeFile};
use super::{Outcome, answer, route};

/// Writes the whole document: flags with what operators set, segments, tenants. JSON, which YAML readers take, too.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Into this file instead of standard output; it must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// In the place of a file that is there, once the document is whole.
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let session = Session::open(&arguments.connection)?;
    let answer = session.look(route::DOCUMENT)?;
    let mut text = serde_json::to_vec_pretty(&answer.json()?)?;
    text.push(b'\n');
    let Some(path) = &arguments.output else {
        std::io::stdout().lock().write_all(&text)?;
        return Ok(Outcome::Done);
    };
    let mut file = WholeFile::begin(path, Present::unless(arguments.force))?;
    file.write(&text)?;
    file.finish()?;
    let revision = answer
        .revision
        .map_or(String::new(), |revision| format!("   revision {revision}"));
    answer::complain(format_args!("exported to {}{revision}", path.display()));
    Ok(Outcome::Done)
}
