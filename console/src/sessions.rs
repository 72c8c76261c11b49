//! Sessions of signed-in people. A browser has a random id; the server keeps its SHA-256 alone, in memory and in a private
//! file, so that a restart signs nobody out. A session has no role of its own: each request asks for the present actor of
//! the credential that began it.

mod file;

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::operators::{Credential, Operators, SignedIn};
use control::{Role, time_text};
use parking_lot::Mutex;
use rules::Timestamp;
use tracing::warn;

/// The longest time of a session, in milliseconds.
pub(crate) const SESSION_MS: i64 = 8 * 60 * 60 * 1_000;
/// The number of sessions that are kept; the oldest ends for a new one.
const MAX_SESSIONS: usize = 1_000;
/// The number of sessions of one actor; the oldest ends for a new one, so that no actor ends those of others.
const MAX_SESSIONS_OF_ACTOR: usize = 20;
/// The length of the part of a digest that is the name of a session in forms, in bytes.
const HANDLE_BYTES: usize = 8;
/// The length of an id, in bytes.
const ID_BYTES: usize = 32;

/// The id of a session, which its browser alone has.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionId([u8; ID_BYTES]);

/// The SHA-256 of an id. The id has 256 random bits, so that the digest needs no salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionDigest([u8; 32]);

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    digest: SessionDigest,
    credential: Credential,
    /// The name of the actor at the sign-in, for the list of sessions.
    pub(crate) name: String,
    /// Role and org at the sign-in. If they differ from the present ones, the session has ended.
    pub(crate) role: Role,
    pub(crate) org: Option<String>,
    pub(crate) begun: Timestamp,
    /// The time from which it is rejected.
    pub(crate) expires: Timestamp,
}

/// The sessions of a process.
pub struct Sessions {
    /// In the order of their begin.
    open: Mutex<Vec<Session>>,
    /// The file that they are kept in; none to keep them in memory alone.
    file: Option<PathBuf>,
    /// Held while the file is written, so that the newest state is written last.
    writing: Mutex<()>,
}

impl Session {
    /// Returns the time of its begin (RFC 3339).
    pub(crate) fn begun_text(&self) -> String {
        time_text(self.begun)
    }

    /// Returns its name in forms: a part of the digest, in hexadecimal. The id can't be computed from it.
    pub(crate) fn handle(&self) -> String {
        let bytes = self.digest.0.iter().take(HANDLE_BYTES);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns true for the session of this digest.
    pub(crate) fn is(&self, digest: SessionDigest) -> bool {
        self.digest == digest
    }

    /// Returns the time from which it is rejected (RFC 3339).
    pub(crate) fn expires_text(&self) -> String {
        time_text(self.expires)
    }
}

impl SessionId {
    /// Creates a random id.
    fn new() -> Result<Self, Unspecified> {
        let mut bytes = [0; ID_BYTES];
        rand::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads the id in a cookie; none if the text has another form.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Returns the text for the cookie.
    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns the secret that the tokens of forms are made with.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn digest(&self) -> SessionDigest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        SessionDigest(bytes)
    }
}

impl Sessions {
    /// Reads the sessions of a file, which is written after each change of them. Without a file they end with the process. A
    /// file that can't be read has none.
    #[must_use]
    pub fn of_file(file: Option<PathBuf>) -> Arc<Self> {
        let open = file.as_deref().map(file::read);
        let open = match open {
            None => Vec::new(),
            Some(Ok(sessions)) => sessions,
            Some(Err(error)) => {
                warn!("the sessions of the console can't be read; everyone has to sign in again: {error}");
                Vec::new()
            }
        };
        Arc::new(Self {
            open: Mutex::new(open),
            file,
            writing: Mutex::new(()),
        })
    }

    /// Begins a session of a signed-in actor, and returns its id and its end. Blocks until it is written.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn begin(
        &self,
        signed_in: &SignedIn,
        credential: Credential,
        now: Timestamp,
    ) -> Result<(SessionId, Timestamp), Unspecified> {
        let id = SessionId::new()?;
        let latest = Timestamp(now.0.saturating_add(SESSION_MS));
        let expires = signed_in.expires.map_or(latest, |expires| expires.min(latest));
        let actor = &signed_in.actor;
        let session = Session {
            digest: id.digest(),
            credential,
            name: actor.name.clone(),
            role: actor.role,
            org: actor.org.clone(),
            begun: now,
            expires,
        };
        {
            let mut open = self.open.lock();
            open.retain(|session| now < session.expires);
            let of_actor = |open: &[Session]| open.iter().filter(|open| open.name == session.name).count();
            while of_actor(&open) >= MAX_SESSIONS_OF_ACTOR
                && let Some(oldest) = open.iter().position(|open| open.name == session.name)
            {
                open.remove(oldest);
            }
            let surplus = (open.len() + 1).saturating_sub(MAX_SESSIONS);
            open.drain(..surplus);
            open.push(session);
        }
        self.write();
        Ok((id, expires))
    }

    /// Returns the present actor of a session, and the end of the session; none if there is no such session, and if it has
    /// ended: by its time, with its credential, or because the actor has another role or org.
    pub(crate) fn present(
        &self,
        digest: SessionDigest,
        operators: &Operators,
        now: Timestamp,
    ) -> Option<SignedIn> {
        let session = self
            .open
            .lock()
            .iter()
            .find(|open| open.digest == digest)
            .cloned()?;
        let mut signed_in = operators.present(&session.credential, now)?;
        let is_same = (signed_in.actor.role, &signed_in.actor.org) == (session.role, &session.org);
        if !is_same || now >= session.expires {
            return None;
        }
        signed_in.expires = Some(session.expires);
        Some(signed_in)
    }

    /// Returns true if there is such a session, ended or not.
    pub(crate) fn contains(&self, digest: SessionDigest) -> bool {
        self.open.lock().iter().any(|open| open.digest == digest)
    }

    /// Returns the sessions, the newest first.
    pub(crate) fn list(&self) -> Vec<Session> {
        self.open.lock().iter().rev().cloned().collect()
    }

    /// Ends the session with a handle, and returns it; none if it has ended already. Blocks until it is written.
    pub(crate) fn end_of_handle(&self, handle: &str) -> Option<Session> {
        let ended = {
            let mut open = self.open.lock();
            let place = open.iter().position(|open| open.handle() == handle)?;
            open.remove(place)
        };
        self.write();
        Some(ended)
    }

    /// Ends a session. Blocks until it is written.
    pub(crate) fn end(&self, digest: SessionDigest) {
        self.open.lock().retain(|open| open.digest != digest);
        self.write();
    }

    /// Ends all sessions, and returns them. Blocks until it is written.
    pub(crate) fn end_all(&self) -> Vec<Session> {
        let ended = std::mem::take(&mut *self.open.lock());
        self.write();
        ended
    }

    fn write(&self) {
        let Some(path) = &self.file else { return };
        let _writing = self.writing.lock();
        let open = self.open.lock().clone();
        if let Err(error) = file::write(path, &open) {
            warn!("the sessions of the console can't be written; a restart may end or revive some: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
