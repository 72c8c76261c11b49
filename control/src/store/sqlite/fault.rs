//! Converts errors of SQLite and of the operating system to errors of a store.

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;

/// Converts an error of SQLite.
pub(super) fn fault(error: Error) -> StoreError {
    let Error::SqliteFailure(failure, _) = &error else {
        // The stored data have another form than this version writes.
        return StoreError::Corrupt(error.to_string());
    };
    let text = format!("{error} (SQLite code {})", failure.extended_code);
    match failure.code {
        ErrorCode::DiskFull => StoreError::Full(text),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            StoreError::InUse
        }
        ErrorCode::SystemIoFailure
        | ErrorCode::ReadOnly
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::NoLargeFileSupport
        | ErrorCode::OperationInterrupted
        | ErrorCode::TooBig => StoreError::Io(text),
        _ => StoreError::Corrupt(text),
    }
}

/// Converts an error of the operating system at a path.
pub(super) fn at(path: &std::path::Path) -> impl Fn(std::io::Error) -> StoreError {
    move |error| {
        let text = format!("{}: {error}", path.display());
        if error.kind() == std::io::ErrorKind::StorageFull {
            return StoreError::Full(text);
        }
        StoreError::Io(text)
    }
}
