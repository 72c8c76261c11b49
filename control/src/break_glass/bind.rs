//! Creates the socket file of break-glass, in a private folder so that no other user can connect before its
//! permissions are set, and never in place of a socket that a process answers.

use std::fs::{DirBuilder, Permissions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

/// The number of names tried for the private folder.
const MAX_NAMES: u32 = 100;
/// Timeout of the attempt to connect to an existing socket.
const REACH: Duration = Duration::from_secs(1);

/// The reason why the socket could not be created.
#[derive(Debug, thiserror::Error)]
#[error("the break-glass socket `{path}` can't be created: {reason}")]
pub struct SocketError {
    path: String,
    reason: Error,
}

/// Creates the socket at `path`, in place of one that an ended process left behind.
pub(super) async fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    try_bind(path).await.map_err(|reason| SocketError {
        path: path.display().to_string(),
        reason,
    })
}

async fn try_bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(Error::other("the existing file is not a socket"));
        }
        Ok(_) if is_answered(path).await => {
            return Err(Error::other("another process answers there"));
        }
        _ => {}
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

/// Returns false only if the connection is refused or the file does not exist; any other result counts as a process
/// that answers.
async fn is_answered(path: &Path) -> bool {
    match tokio::time::timeout(REACH, UnixStream::connect(path)).await {
        Ok(Err(error)) => !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound),
        Ok(Ok(_)) | Err(_) => true,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_now(path: &Path) -> Result<UnixListener, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime
            .block_on(async { bind(path).await })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn existing_files_are_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        let process = std::process::id();
        let theirs = ["sock.new".to_owned(), format!("sock.{process}.0")];
        for name in &theirs {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("s"), "precious").unwrap();
        }
        let listener = bind_now(&path).unwrap();
        drop(listener);
        bind_now(&path).unwrap();
        for name in &theirs {
            let kept = std::fs::read_to_string(folder.path().join(name).join("s")).unwrap();
            assert_eq!(kept, "precious", "{name}");
        }
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            3,
            "and nothing is left"
        );
    }

    #[test]
    fn an_answered_socket_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        let living = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let refused = bind_now(&path).unwrap_err();
        assert!(refused.ends_with("another process answers there"), "{refused}");
        drop(living);
        bind_now(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "no socket").unwrap();
        let refused = bind_now(&path).unwrap_err();
        assert!(
            refused.ends_with("the existing file is not a socket"),
            "{refused}"
        );
    }
}
