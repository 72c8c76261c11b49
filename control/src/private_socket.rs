//! Creates a socket file that only its owner can open, in a private folder, so that no other user can connect before its
//! permissions are set.

use std::fs::{DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The number of names tried for the private folder.
const MAX_NAMES: u32 = 100;

/// Listens at `path`, with mode 0600. An existing socket is replaced; processes that are connected to it stay connected.
///
/// # Errors
/// The file can't be created, or the existing one is not a socket.
pub fn owner_only_socket(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.file_type().is_socket()) {
        return Err(std::io::Error::other("the existing file is not a socket"));
    }
    let folder = folder_beside(path)?;
    let inside = folder.join("s");
    let listener = bind_owner_only(&inside).and_then(|listener| {
        std::fs::rename(&inside, path)?;
        Ok(listener)
    });
    // Only files that were created here are removed.
    let _ = std::fs::remove_file(&inside);
    let _ = std::fs::remove_dir(&folder);
    listener
}

fn bind_owner_only(path: &Path) -> std::io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Creates a folder beside `path` that only this user can enter.
fn folder_beside(path: &Path) -> std::io::Result<PathBuf> {
    let process = std::process::id();
    for number in 0..MAX_NAMES {
        let mut folder = path.to_owned();
        folder.as_mut_os_string().push(format!(".{process}.{number}"));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
