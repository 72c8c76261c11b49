//! Readiness: tells load balancers if this proxy should get requests.
//!
//! The proxy is ready once it serves a snapshot and every issuer had a usable key, and stays ready until it drains. A
//! document that is refused later, or an unreachable issuer, must not take a serving proxy out of rotation. The
//! change to ready is recorded when the last condition is met, not when it is asked for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

use crate::key_store::KeyStore;
use crate::keys_status::KeysStatus;

/// Maximum length of a reload error that is kept, in bytes.
pub const MAX_RELOAD_ERROR_BYTES: usize = 16 * 1024;

/// The readiness of a proxy, shared by all that change or show it.
#[derive(Debug)]
pub struct Readiness {
    keys: Arc<KeyStore>,
    state: Mutex<ReadinessState>,
    is_draining: AtomicBool,
    /// The latest end of the drain.
    drain_end: OnceLock<Instant>,
}

/// A readiness report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessReport {
    /// True if the proxy should get requests.
    pub ready: bool,
    /// The checks. While the proxy is not ready, the failed ones are the reasons.
    pub checks: Vec<ReadinessCheck>,
    /// Time and reason of the last rejected reload, unless a successful one followed.
    pub reload_error: Option<(SystemTime, String)>,
    /// Unusual conditions that do not affect readiness, by name.
    pub notes: Vec<(String, String)>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessCheck {
    /// The name, such as `snapshot`, `keys https://login.example` or `serving`.
    pub name: String,
    /// True if the check passed.
    pub passed: bool,
    /// The details, as text.
    pub detail: String,
}

#[derive(Debug, Default)]
struct ReadinessState {
    /// The revision served, and the time of its publication.
    snapshot: Option<(Box<str>, SystemTime)>,
    reload_error: Option<(SystemTime, String)>,
    /// The keys of the flags that gates and headers await.
    awaited_flags: Box<[Box<str>]>,
    /// True if every snapshot so far has awaited flags.
    has_always_awaited: bool,
    notes: BTreeMap<String, String>,
}

impl Readiness {
    /// Creates a readiness that is not ready yet. `keys` has the issuers' keys.
    #[must_use]
    pub fn new(keys: Arc<KeyStore>) -> Arc<Self> {
        Arc::new(Self {
            keys,
            state: Mutex::default(),
            is_draining: AtomicBool::new(false),
            drain_end: OnceLock::new(),
        })
    }

    /// Records that a snapshot is served, and clears the reload error.
    pub fn set_snapshot(&self, revision: &str, at: SystemTime) {
        let mut state = self.state.lock();
        state.snapshot = Some((revision.into(), at));
        state.reload_error = None;
        drop(state);
        self.keys.set_needed();
    }

    /// Sets the keys of the flags that gates and headers name and that do not exist yet. They prevent readiness until
    /// a snapshot was served that awaits no flag.
    pub(crate) fn set_awaited_flags(&self, keys: &[Box<str>]) {
        let mut state = self.state.lock();
        state.awaited_flags = keys.into();
        state.has_always_awaited = !keys.is_empty() && (state.has_always_awaited || state.snapshot.is_none());
    }

    /// Records that other flags of the same documents are served. The reload error stays.
    pub(crate) fn set_revision(&self, revision: &str, at: SystemTime) {
        self.state.lock().snapshot = Some((revision.into(), at));
    }

    /// Clears the reload error: the documents equal those that are served.
    pub fn clear_reload_error(&self) {
        self.state.lock().reload_error = None;
    }

    /// Records a refused reload. `error` is shown to people and truncated to [`MAX_RELOAD_ERROR_BYTES`].
    pub fn set_reload_error(&self, error: &str, at: SystemTime) {
        let kept = error.floor_char_boundary(MAX_RELOAD_ERROR_BYTES);
        let kept = error.get(..kept).unwrap_or_default();
        self.state.lock().reload_error = Some((at, kept.into()));
    }

    /// Sets the note of an unusual condition, or clears it with none. Notes are shown and have no other effect.
    pub fn set_note(&self, name: &str, words: Option<String>) {
        let mut state = self.state.lock();
        match words {
            Some(words) => state.notes.insert(name.to_owned(), words),
            None => state.notes.remove(name),
        };
    }

    /// Ends readiness for good: the process ends at `end` or before.
    pub fn set_draining(&self, end: Instant) {
        let _ = self.drain_end.set(end);
        self.is_draining.store(true, Ordering::Release);
    }

    /// Returns true once [`Readiness::set_draining`] was called. Takes no lock.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Returns the revision that is served, and the time of its publication; none before the first one.
    #[must_use]
    pub fn snapshot(&self) -> Option<(Box<str>, SystemTime)> {
        self.state.lock().snapshot.clone()
    }

    /// Returns the readiness and its reasons.
    #[must_use]
    pub fn report(&self, now: SystemTime) -> ReadinessReport {
        let was_ready = self.keys.have_been_usable();
        let keys = self.keys.status();
        let draining = self.is_draining();
        let state = self.state.lock();
        let serving = if draining {
            let end = self.drain_end.get().copied().unwrap_or_else(Instant::now);
            let left = end.saturating_duration_since(Instant::now());
            let seconds = left.as_secs_f64().ceil();
            ReadinessCheck::new(
                "serving",
                false,
                format!("draining: the process ends in at most {seconds} s"),
            )
        } else {
            ReadinessCheck::new("serving", true, "not draining")
        };
        let mut needed = vec![snapshot_check(state.snapshot.as_ref(), now)];
        needed.extend(keys.iter().map(|keys| keys_check(keys, now)));
        let mut notes = state.notes.clone();
        if !state.awaited_flags.is_empty() {
            let words = awaited_words(&state.awaited_flags);
            if state.has_always_awaited {
                needed.push(ReadinessCheck::new("flags", false, words));
            } else {
                notes.insert("flags".to_owned(), words);
            }
        }
        let ready = was_ready && !state.has_always_awaited && !draining;
        let mut checks = vec![serving];
        checks.append(&mut needed);
        ReadinessReport {
            ready,
            checks,
            reload_error: state.reload_error.clone(),
            notes: notes.into_iter().collect(),
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
    /// Returns the failed checks.
    pub fn reasons(&self) -> impl Iterator<Item = &ReadinessCheck> {
        self.checks.iter().filter(|check| !check.passed)
    }
}

/// Describes flags that gates and headers await, at most eight by name.
fn awaited_words(keys: &[Box<str>]) -> String {
    let named: Vec<String> = keys.iter().take(8).map(|key| format!("`{key}`")).collect();
    let more = match keys.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "the store has never held a flag, and sluice.yaml names {}{more}: until they exist, gates with them answer 503 \
         FLAG_NOT_FOUND, and headers omit them; apply a document with these flags (`sluice apply -f FLAGS`), or name one \
         as `flags.store.seed` and start again",
        named.join(", ")
    )
}

fn snapshot_check(snapshot: Option<&(Box<str>, SystemTime)>, now: SystemTime) -> ReadinessCheck {
    match snapshot {
        Some((revision, at)) => {
            let age = seconds_between(*at, now);
            ReadinessCheck::new(
                "snapshot",
                true,
                format!("revision {revision}, published {age} s ago"),
            )
        }
        None => ReadinessCheck::new("snapshot", false, "no snapshot is loaded yet"),
    }
}

fn keys_check(keys: &KeysStatus, now: SystemTime) -> ReadinessCheck {
    let mut detail = match keys.last_success {
        Some(at) => format!("fetched {} s ago", seconds_between(at, now)),
        None => "never fetched".into(),
    };
    if keys.keys == Some(0) {
        detail.push_str("; no usable key is published, tokens of this issuer are rejected");
    }
    if let Some(since) = keys.failing_since.filter(|_| keys.last_success.is_some()) {
        let failing = seconds_between(since, now);
        let kept = match (keys.keys, keys.keep_keys) {
            (None, _) => "the last good keys have expired".into(),
            (Some(_), None) => "the last good keys stay in use without a time limit".into(),
            (Some(_), Some(keep)) => {
                let left = keep.as_secs().saturating_sub(failing);
                format!("the last good keys stay in use for another {left} s")
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
