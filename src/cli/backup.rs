//! `sluice backup`: a consistent copy of the store, while it goes on.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use control::{SqliteStore, StoreError};

use super::atomic_file::{AtomicFile, IfExists};
use super::client::{ApiRequest, ClientError};
use super::exit::Exit;
use super::session::{ConnectionOptions, Session};
use super::{output, route};

/// Copies the server's store into a file here, while the server goes on. What came is checked before it is put there.
///
/// To go back to it: stop the server, `sluice restore FILE --to DIRECTORY`, and start it again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file; it must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// In the place of a file that is there, once the copy is whole.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let mut file = AtomicFile::create(&arguments.output, IfExists::from_force(arguments.force))?;
    let mut bytes = 0_usize;
    let request = ApiRequest::get(route::BACKUP).with_media_type("application/octet-stream");
    session.stream(&request, &mut |piece| {
        bytes = bytes.saturating_add(piece.len());
        file.write(piece)
    })?;
    file.commit_if(|copy| {
        SqliteStore::check_backup(copy).map_err(|error| {
            let unfit = ClientError::InvalidDownload {
                server: session.server().to_string(),
                expected: "a backup of a store",
                reason: reason(error),
            };
            unfit.into()
        })
    })?;
    output::print_stderr(format_args!(
        "{bytes} bytes copied to {}",
        arguments.output.display()
    ));
    Ok(Exit::Success)
}

/// Why the copy is no backup. No store is damaged: the server's was not looked at, and there is none here.
fn reason(error: StoreError) -> String {
    match error {
        StoreError::Corrupt(damage) => damage,
        other => other.to_string(),
    }
}
