//! `sluice man`: writes the manual pages.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};

use super::exit::Exit;

/// Writes the manual pages into a directory, one page for each command: `man -l DIRECTORY/sluice.1`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The directory. It must exist.
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments, command: Command) -> Result<Exit> {
    let directory = &arguments.directory;
    clap_mangen::generate_to(command, directory)
        .with_context(|| format!("can't write manual pages into {}", directory.display()))?;
    Ok(Exit::Success)
}
