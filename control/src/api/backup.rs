//! Endpoint of the backup: sends a consistent copy of the store, and deletes the copy.

use std::fs::File;
use std::io::Read;

use axum::body::{Body, Bytes};

use changes::Event;

use crate::store::StoreError;

use super::Api;
use super::change::{store_damaged, store_unavailable};
use super::codes;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::{AnswerPart, ApiRequest};
use super::security_entries;
use super::streamed_body::{Binary, streamed};

const NO_STORE_HELP: &str = "use the version history of the files, or configure `flags.store`";
/// The number of bytes that are read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) fn backup(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<Binary>, ApiProblem> {
    if let Some(damage) = api.control().damage() {
        return Err(store_damaged(damage, request.actor.role));
    }
    if api.control().is_read_only() {
        return Err(no_store());
    }
    if request.answer_part == AnswerPart::Head {
        return Ok(Reply::new(Binary(Body::empty())));
    }
    let _one_at_a_time = api.backups.try_lock().ok_or_else(|| {
        ApiProblem::new(codes::TOO_MANY_REQUESTS, "another backup is in progress")
            .retry_after(std::time::Duration::from_secs(5))
    })?;
    let failed =
        |error: std::io::Error| ApiProblem::new(codes::DEFECT, "the store could not be copied").cause(error);
    let folder = tempfile::Builder::new()
        .prefix("sluice-backup-")
        .tempdir_in(&api.scratch)
        .map_err(failed)?;
    let path = folder.path().join("backup");
    let copied = api.control().store().backup(&path);
    copied.map_err(|error| match error {
        StoreError::Unsupported(why) => ApiProblem::new(codes::NO_STORE, why).help(NO_STORE_HELP),
        error => store_unavailable(&error),
    })?;
    // The open file stays readable after its folder is deleted.
    let mut file = File::open(&path).map_err(failed)?;
    folder.close().map_err(failed)?;
    let entry = security_entries::audited_operation(api, Event::BackupTaken, request);
    api.control()
        .record(vec![entry])
        .map_err(|error| store_unavailable(&error))?;
    let body = streamed(move |writer| {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = file.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            writer.send(Bytes::copy_from_slice(chunk.get(..read).unwrap_or_default()))?;
        }
    });
    Ok(Reply::new(Binary(body)))
}

/// Returns the problem of an operation that needs a store, in a control plane without one.
pub(crate) fn no_store() -> ApiProblem {
    ApiProblem::new(codes::NO_STORE, "files manage the flags, so there is no store").help(NO_STORE_HELP)
}
