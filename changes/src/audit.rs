//! The audit log: what happened, by whom and why, each entry sealed with the hash of the one before it, so that
//! none can be left out or altered without a trace.

use aws_lc_rs::digest;
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::actor::{Role, Source};
use crate::event::Event;
use crate::record::Revision;
use crate::urgent::Urgent;

/// SHA-256.
pub type Hash = [u8; 32];

/// What stands in the place of the entry before the first one.
pub const GENESIS: Hash = [0; 32];

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Applied,
    /// It was refused, and nothing was changed.
    Refused,
}

/// A JSON patch (RFC 6902): its operations, each as JSON text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patch(Vec<Box<RawValue>>);

impl Patch {
    /// Returns true if it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the operations.
    ///
    /// # Errors
    /// One is no JSON that was read by this program.
    pub fn operations(&self) -> Result<Vec<Value>, serde_json::Error> {
        self.0
            .iter()
            .map(|operation| serde_json::from_str(operation.get()))
            .collect()
    }
}

impl FromIterator<Box<RawValue>> for Patch {
    fn from_iter<I: IntoIterator<Item = Box<RawValue>>>(operations: I) -> Self {
        Self(operations.into_iter().collect())
    }
}

impl PartialEq for Patch {
    fn eq(&self, other: &Self) -> bool {
        let texts = |patch: &Self| {
            patch
                .0
                .iter()
                .map(|operation| operation.get().to_owned())
                .collect::<Vec<_>>()
        };
        texts(self) == texts(other)
    }
}

/// What happened, as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// In which role; none where nobody was signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// By which way.
    pub source: Source,
    /// In which request.
    pub request_id: String,
    /// What.
    pub event: Event,
    /// What became of it.
    pub outcome: Outcome,
    /// The flag, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The org, where it is about one; then the entry is in its log, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Why, in the actor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A promotion that did not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<Urgent>,
    /// From before to after, as a JSON patch (RFC 6902).
    #[serde(default, skip_serializing_if = "Patch::is_empty")]
    pub patch: Patch,
    /// From after to before.
    #[serde(default, skip_serializing_if = "Patch::is_empty")]
    pub inverse: Patch,
    /// What else is known: codes of a refusal, counts, from and to.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Entry {
    /// Creates the entry of an applied event. The fields that not every entry has (role, flag, org, reason, patch, ..)
    /// are empty; a caller sets those it knows.
    #[must_use]
    pub fn new(at: Timestamp, event: Event, source: Source, actor: String, request_id: String) -> Self {
        Self {
            at,
            actor,
            role: None,
            source,
            request_id,
            event,
            outcome: Outcome::Applied,
            flag: None,
            org: None,
            reason: None,
            urgent: None,
            patch: Patch::default(),
            inverse: Patch::default(),
            details: Map::new(),
        }
    }
}

/// An entry in its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    /// Its place, from 1, without gaps.
    pub id: u64,
    /// The revision that it made; for a refusal, the one that stayed.
    pub revision: Revision,
    /// The hash of the entry before it; [`GENESIS`] for the first.
    pub previous: Hash,
    /// Its own.
    pub hash: Hash,
    /// What is hashed: the entry as JSON text, as it is stored.
    pub text: String,
}

/// Where a log is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TamperedAudit {
    /// An entry is missing, or was put in.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Gap {
        /// The id that should be there.
        expected: u64,
        /// The id that is.
        found: u64,
    },
    /// An entry is not what was written.
    #[error("entry {id} was altered: its hash is not that of its content")]
    Altered {
        /// Its id.
        id: u64,
    },
    /// An entry does not follow the one before it.
    #[error("entry {id} does not follow the entry before it: something was replaced or removed")]
    Unlinked {
        /// Its id.
        id: u64,
    },
}

impl Sealed {
    /// Puts an entry after the one whose hash is `previous`. A store calls this inside its commit.
    #[must_use]
    pub fn after(previous: Hash, id: u64, revision: Revision, entry: &Entry) -> Self {
        // An entry has no keys that are no texts, so that it always has a JSON text.
        let text = serde_json::to_string(entry).unwrap_or_default();
        Self {
            id,
            revision,
            previous,
            hash: hash(&previous, id, revision, &text),
            text,
        }
    }

    /// What happened.
    ///
    /// # Errors
    /// The text is not that of an entry.
    pub fn entry(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

/// Checks entries in their order, from the one after (`id`, `hash`) on; from the beginning: 0 and [`GENESIS`].
/// Gives the id and hash of the last one. What was cut off at the end can be seen only by who has kept those.
///
/// # Errors
/// The first entry that is not what was written.
pub fn verify<'e>(
    (mut last, mut hash_before): (u64, Hash),
    entries: impl IntoIterator<Item = &'e Sealed>,
) -> Result<(u64, Hash), TamperedAudit> {
    for sealed in entries {
        let id = sealed.id;
        if id != last.saturating_add(1) {
            return Err(TamperedAudit::Gap {
                expected: last.saturating_add(1),
                found: id,
            });
        }
        if sealed.hash != hash(&sealed.previous, id, sealed.revision, &sealed.text) {
            return Err(TamperedAudit::Altered { id });
        }
        if sealed.previous != hash_before {
            return Err(TamperedAudit::Unlinked { id });
        }
        (last, hash_before) = (id, sealed.hash);
    }
    Ok((last, hash_before))
}

/// SHA-256 of the hash before, id and revision as eight bytes each (big-endian), and the text.
fn hash(previous: &Hash, id: u64, revision: Revision, text: &str) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(previous);
    context.update(&id.to_be_bytes());
    context.update(&revision.0.to_be_bytes());
    context.update(text.as_bytes());
    let mut hash = GENESIS;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests;
