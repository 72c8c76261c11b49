//! `sluice restore`: a backup in the place of what a store's directory holds. Asks no server; there must be none.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use control::{RestoreError, SqliteStore};

use super::audit::exported_entry::hex;
use super::exit::Exit;
use super::output;

/// Puts a backup in the place of what a store's directory holds, while no server uses it.
///
/// The backup is checked first: that it is whole, that no entry of its audit log is missing or altered, that each
/// record is as it was written, and that this version knows its format. What was in the directory is moved into a
/// folder in it, `replaced-1` and so on. Never copy a backup over `sluice.db`: a log that lies beside it from before
/// would be taken for its own.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The backup, as `sluice backup` made it.
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
    /// The store's directory, as `flags.store.sqlite` names it; it is made if there is none.
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let restored = match SqliteStore::restore(&arguments.from, &arguments.to) {
        Ok(restored) => restored,
        Err(error) => {
            output::print_stderr(format_args!("error: {error}"));
            if let RestoreError::Store(error) = &error
                && let Some(cure) = error.cure()
            {
                output::print_stderr(format_args!("what helps: {cure}"));
            }
            return Ok(Exit::Failure);
        }
    };
    let (id, hash) = restored.head;
    output::print(format_args!(
        "restored   revision {}, {id} entries of the audit log",
        restored.revision.0
    ))?;
    output::print(format_args!("head {id}:{}", hex(&hash)))?;
    if let Some(aside) = restored.aside {
        output::print(format_args!("what was there is in {}", aside.display()))?;
    }
    Ok(Exit::Success)
}
