//! Whether this proxy should be sent requests, and why not.
//!
//! It is ready once there is a snapshot and a usable key of every issuer, and stays so until it drains: a
//! document that is refused later, or an issuer that can't be reached, must not take a serving proxy away. That it
//! became ready is noted when the last of these arrives, whether or not anybody asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::key_store::KeyStore;
use crate::keys_status::KeysStatus;

/// Longest error of a reload that is kept, in bytes.
pub const MAX_RELOAD_ERROR_BYTES: usize = 16 * 1024;

/// Whether this proxy should be sent requests. Shared by whoever changes or shows it.
#[derive(Debug)]
pub struct Readiness {
    keys: Arc<KeyStore>,
    state: Mutex<ReadinessState>,
    draining: AtomicBool,
}

/// The answer, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessReport {
    /// Whether it should be sent requests.
    pub ready: bool,
    /// What was checked. When it is not ready, the checks that failed are the reasons.
    pub checks: Vec<ReadinessCheck>,
    /// When and why a reload was refused, unless a good one came since.
    pub reload_error: Option<(SystemTime, String)>,
    /// What is out of the ordinary and no reason not to be ready: name and words.
    pub notes: Vec<(String, String)>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessCheck {
    /// What, such as `snapshot`, `keys https://login.example` or `serving`.
    pub name: String,
    /// Whether it is as it should be.
    pub passed: bool,
    /// How it stands, in words.
    pub detail: String,
}

#[derive(Debug, Default)]
struct ReadinessState {
    /// The revision served, and when it was taken over.
    snapshot: Option<(Box<str>, SystemTime)>,
    reload_error: Option<(SystemTime, String)>,
    notes: BTreeMap<String, String>,
}

impl Readiness {
    /// Not ready yet. Issuers' keys are looked up in `keys`.
    #[must_use]
    pub fn new(keys: Arc<KeyStore>) -> Arc<Self> {
        Arc::new(Self {
            keys,
            state: Mutex::default(),
            draining: AtomicBool::new(false),
        })
    }

    /// A snapshot is served from now on. An error of an earlier reload is forgotten.
    pub fn set_snapshot(&self, revision: &str, at: SystemTime) {
        let mut state = self.state.lock();
        state.snapshot = Some((revision.into(), at));
        state.reload_error = None;
        drop(state);
        self.keys.set_needed();
    }

    /// Other flags are served, of the same documents: what is known of their last reload stays.
    pub(crate) fn set_revision(&self, revision: &str, at: SystemTime) {
        self.state.lock().snapshot = Some((revision.into(), at));
    }

    /// The documents say again what is served. An error of an earlier reload is forgotten.
    pub fn clear_reload_error(&self) {
        self.state.lock().reload_error = None;
    }

    /// A reload was refused; `error` is what a person is told, and cut at [`MAX_RELOAD_ERROR_BYTES`].
    pub fn set_reload_error(&self, error: &str, at: SystemTime) {
        let kept = error.floor_char_boundary(MAX_RELOAD_ERROR_BYTES);
        let kept = error.get(..kept).unwrap_or_default();
        self.state.lock().reload_error = Some((at, kept.into()));
    }

    /// Something is out of the ordinary from now on, or with none no longer is. It is shown, and nothing else.
    pub fn set_note(&self, name: &str, words: Option<String>) {
        let mut state = self.state.lock();
        match words {
            Some(words) => state.notes.insert(name.to_owned(), words),
            None => state.notes.remove(name),
        };
    }

    /// Not ready from now on, for good: the process is about to end.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether [`Readiness::drain`] was called. Takes no lock.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether it is ready, and why.
    #[must_use]
    pub fn report(&self, now: SystemTime) -> ReadinessReport {
        let was_ready = self.keys.have_been_usable();
        let keys = self.keys.status();
        let draining = self.is_draining();
        let state = self.state.lock();
        let serving = if draining {
            ReadinessCheck::new("serving", false, "draining: the process is about to end")
        } else {
            ReadinessCheck::new("serving", true, "not draining")
        };
        let mut needed = vec![snapshot_check(state.snapshot.as_ref(), now)];
        needed.extend(keys.iter().map(|keys| keys_check(keys, now)));
        let ready = was_ready && !draining;
        let mut checks = vec![serving];
        checks.append(&mut needed);
        ReadinessReport {
            ready,
            checks,
            reload_error: state.reload_error.clone(),
            notes: state.notes.clone().into_iter().collect(),
        }
    }
}

impl ReadinessCheck {
    fn new(name: impl Into<String>, passed: bool, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            passed,
            detail: detail.into(),
        }
    }
}

impl ReadinessReport {
    /// What failed, for an answer that says no.
    pub fn reasons(&self) -> impl Iterator<Item = &ReadinessCheck> {
        self.checks.iter().filter(|check| !check.passed)
    }
}

fn snapshot_check(snapshot: Option<&(Box<str>, SystemTime)>, now: SystemTime) -> ReadinessCheck {
    match snapshot {
        Some((revision, at)) => {
            let age = seconds_between(*at, now);
            ReadinessCheck::new(
                "snapshot",
                true,
                format!("revision {revision}, taken over {age} s ago"),
            )
        }
        None => ReadinessCheck::new("snapshot", false, "none is loaded yet"),
    }
}

fn keys_check(keys: &KeysStatus, now: SystemTime) -> ReadinessCheck {
    let mut detail = match keys.last_success {
        Some(at) => format!("fetched {} s ago", seconds_between(at, now)),
        None => "never fetched".into(),
    };
    if keys.keys == Some(0) {
        detail.push_str("; no usable key is published, tokens of this issuer are refused");
    }
    if let Some(since) = keys.failing_since.filter(|_| keys.last_success.is_some()) {
        let failing = seconds_between(since, now);
        let kept = match (keys.keys, keys.keep_keys) {
            (None, _) => "the last good keys are kept no longer".into(),
            (Some(_), None) => "the last good keys are kept without limit".into(),
            (Some(_), Some(keep)) => {
                let left = keep.as_secs().saturating_sub(failing);
                format!("the last good keys are kept for another {left} s")
            }
        };
        detail.push_str(&format!("; fetches have failed for {failing} s, {kept}"));
    }
    if let Some((at, error)) = &keys.last_failure {
        detail.push_str(&format!(
            "; the last fetch failed {} s ago: {error}",
            seconds_between(*at, now)
        ));
    }
    ReadinessCheck::new(format!("keys {}", keys.issuer), keys.is_usable(), detail)
}

fn seconds_between(then: SystemTime, now: SystemTime) -> u64 {
    now.duration_since(then).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
