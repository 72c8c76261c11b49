//! `sluice restore`: replaces the content of a store's directory by a backup. No server is called, and none may use the
//! directory.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use control::{RestoreError, RestoredBy, SqliteStore};

use super::audit::exported_entry::hex;
use super::exit::Exit;
use super::output;
use super::render::entries;
use crate::clock;
use crate::config_audit::process_actor;

/// Replaces the content of a store's directory by a backup.
///
/// No server may use the directory. The backup is checked first: it must be complete, no entry of its audit log may be
/// missing or altered, no record may be altered, and its format must be known. The former content is moved into a
/// folder in the directory, `replaced-1` and so on. The audit log gets an entry with the user of the process. Do not copy a backup over `sluice.db` yourself: SQLite would replay
/// an older log beside it into the copy.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The backup, a file from `sluice backup`.
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
    /// The directory of the store, as `flags.store.sqlite` names it; it is created if it does not exist.
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let by = RestoredBy {
        actor: process_actor(),
        at: clock::now(),
    };
    let restored = match SqliteStore::restore(&arguments.from, &arguments.to, &by) {
        Ok(restored) => restored,
        Err(error) => {
            output::print_stderr(format_args!("error: {error}"));
            if let RestoreError::Store(error) = &error
                && let Some(help) = error.help()
            {
                output::print_stderr(format_args!("help: {help}"));
            }
            return Ok(Exit::Failure);
        }
    };
    let (id, hash) = restored.head;
    output::print(format_args!(
        "restored   revision {}, {} of the audit log",
        restored.revision.0,
        entries(id)
    ))?;
    output::print(format_args!("head {id}:{}", hex(&hash)))?;
    if let Some(aside) = restored.aside {
        output::print(format_args!("the former content is in {}", aside.display()))?;
    }
    Ok(Exit::Success)
}
