//! `sluice backup`: copies the store consistently while the server runs.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use control::{SqliteStore, StoreError};

use super::atomic_file::{AtomicFile, IfExists};
use super::client::ClientRequest;
use super::exit::Exit;
use super::session::{ConnectionOptions, Session};
use super::{output, route};

/// Copies the server's store to a local file while the server runs.
///
/// The copy is checked before the file is written. To restore it: stop the server, run `sluice restore FILE --to
/// DIRECTORY`, and start the server again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file; it must not exist yet.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replaces an existing file, once the copy is complete.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let mut file = AtomicFile::create(&arguments.output, IfExists::from_force(arguments.force))?;
    let mut bytes = 0_usize;
    let request = ClientRequest::get(route::BACKUP).with_media_type("application/octet-stream");
    session.stream(&request, &mut |piece| {
        bytes = bytes.saturating_add(piece.len());
        file.write(piece)
    })?;
    file.commit_if(|copy| {
        SqliteStore::check_backup(copy).map_err(|error| {
            session
                .invalid_download("a backup of a store", reason(error))
                .into()
        })
    })?;
    output::print_stderr(format_args!(
        "{bytes} bytes copied to {}",
        arguments.output.display()
    ));
    Ok(Exit::Success)
}

/// Returns the reason why the copy is not a backup. The message must not say that the store is damaged: only the copy
/// was checked.
fn reason(error: StoreError) -> String {
    match error {
        StoreError::Corrupt(damage) => damage,
        other => other.to_string(),
    }
}
