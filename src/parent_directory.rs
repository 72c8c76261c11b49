//! The directory that contains a file.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::Path;

/// Returns the directory that contains the file at this path.
pub(crate) fn parent_directory(path: &Path) -> &Path {
    // The parent of a bare name is the empty path, which the system does not accept.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Writes the entry of the file at this path, in its directory, to the disk. Until then a power failure can undo the
/// creation or the rename of the file (fsync(2)).
pub(crate) fn sync_entry(path: &Path) -> Result<()> {
    let synced = File::open(parent_directory(path)).and_then(|directory| directory.sync_all());
    match synced {
        // A directory without the permission to read it, or a file system that can't sync directories. The file itself
        // is complete, so this is not an error, as it is none for SQLite and PostgreSQL.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_bare_name_is_the_current_one() {
        for (path, expected) in [
            ("token", "."),
            ("./token", "."),
            ("backups/monday", "backups"),
            ("/token", "/"),
        ] {
            assert_eq!(parent_directory(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn an_entry_is_synced_only_in_an_existing_directory() {
        let folder = tempfile::tempdir().unwrap();
        assert!(sync_entry(&folder.path().join("file")).is_ok());
        assert!(sync_entry(&folder.path().join("missing/file")).is_err());
        assert!(sync_entry(Path::new("bare name")).is_ok());
    }
}
