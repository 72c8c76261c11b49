//! Creates the socket file of break-glass, never in place of a socket that a process answers.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use crate::private_socket::owner_only_socket;

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
    let listener = owner_only_socket(path)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Returns false only if the connection is refused or the file does not exist; any other result counts as a process
/// that answers.
async fn is_answered(path: &Path) -> bool {
    match tokio::time::timeout(REACH, UnixStream::connect(path)).await {
        Ok(Err(error)) => !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound),
        Ok(Ok(_)) | Err(_) => true,
    }
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
