//! The private file that sessions are kept in: JSON, without an id of a session.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::operators::Credential;
use control::{Role, private_file};
use rules::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MAX_SESSIONS, Session, SessionDigest};

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct SessionsFile {
    version: u32,
    sessions: Vec<WrittenSession>,
}

#[derive(Serialize, Deserialize)]
struct WrittenSession {
    /// The SHA-256 of the id, in base64url without padding.
    sha256: String,
    credential: Credential,
    name: String,
    role: Role,
    org: Option<String>,
    /// In ms since 1970.
    begun_ms: i64,
    expires_ms: i64,
}

/// Reads the sessions of a file; none if it does not exist.
///
/// # Errors
/// It can't be read, or is not of this format.
pub(super) fn read(path: &Path) -> io::Result<Vec<Session>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let file: SessionsFile = serde_json::from_slice(&bytes)?;
    if file.version != VERSION {
        return Err(io::Error::other(format!(
            "{}: the version {} is unknown",
            path.display(),
            file.version
        )));
    }
    let sessions = file.sessions.into_iter().take(MAX_SESSIONS);
    Ok(sessions.filter_map(WrittenSession::into_session).collect())
}

/// Writes the sessions in place of the file.
///
/// # Errors
/// Writing failed; the previous file is unchanged.
pub(super) fn write(path: &Path, sessions: &[Session]) -> io::Result<()> {
    let sessions = sessions.iter().map(WrittenSession::of).collect();
    let file = SessionsFile {
        version: VERSION,
        sessions,
    };
    private_file::replace(path, &serde_json::to_vec(&file)?)
}

impl WrittenSession {
    fn of(session: &Session) -> Self {
        Self {
            sha256: URL_SAFE_NO_PAD.encode(session.digest.0),
            credential: session.credential.clone(),
            name: session.name.clone(),
            role: session.role,
            org: session.org.clone(),
            begun_ms: session.begun.0,
            expires_ms: session.expires.0,
        }
    }

    fn into_session(self) -> Option<Session> {
        let digest = URL_SAFE_NO_PAD.decode(self.sha256).ok()?;
        Some(Session {
            digest: SessionDigest(digest.try_into().ok()?),
            credential: self.credential,
            name: self.name,
            role: self.role,
            org: self.org,
            begun: Timestamp(self.begun_ms),
            expires: Timestamp(self.expires_ms),
        })
    }
}
