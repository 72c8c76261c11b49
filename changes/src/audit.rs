//! The entry of the audit log, and the chain of hashes that seals it: each entry is hashed together with the hash of
//! the entry before it, so that a missing or altered entry is found (linked hashes, as in Haber and Stornetta, "How to
//! time-stamp a digital document", 1991).

use aws_lc_rs::digest;
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::actor::{Actor, ChangeSource, Role};
use crate::event::Event;
use crate::record::Revision;
use crate::urgent::Urgent;

/// The time by which an entry may be earlier than the one before it: requests are committed in another order than they
/// arrive, and a large document takes seconds.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

/// Returns the milliseconds by which the clock ran back between two consecutive entries; none within a minute.
#[must_use]
pub fn clock_ran_back(before: Timestamp, at: Timestamp) -> Option<i64> {
    let back = before.0.saturating_sub(at.0);
    (back > CLOCK_TOLERANCE_MS).then_some(back)
}

/// SHA-256.
pub type EntryHash = [u8; 32];

/// The hash that the first entry follows.
pub const GENESIS: EntryHash = [0; 32];

/// Returns a hash in hex.
#[must_use]
pub fn hash_text(hash: &EntryHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The outcome of the audited operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The operation was applied.
    Applied,
    /// The operation was rejected and changed nothing.
    Refused,
}

/// The operations of a JSON patch (RFC 6902), each as JSON text.
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
    /// An operation is not valid JSON.
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

/// An entry of the audit log before it is sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The time of the operation.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
    /// The name of the actor.
    pub actor: String,
    /// The actor's role; none if nobody was signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The source of the request.
    pub source: ChangeSource,
    /// The id of the request.
    pub request_id: String,
    /// The audited event.
    pub event: Event,
    /// The outcome.
    pub outcome: Outcome,
    /// The flag of the event, if it is about one flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The org of the event, if it is about one org. The entry is then in the org's log too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The actor's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The justification of an urgent promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<Urgent>,
    /// The difference from before to after, as a JSON patch (RFC 6902).
    #[serde(default, skip_serializing_if = "Patch::is_empty")]
    pub patch: Patch,
    /// The inverse patch, from after to before.
    #[serde(default, skip_serializing_if = "Patch::is_empty")]
    pub inverse: Patch,
    /// Further facts: the codes of a refusal, counts, `from` and `to`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Entry {
    /// Creates the entry of an applied event. The fields that not every entry has (role, flag, org, reason, patch, ..)
    /// are empty; a caller sets those it knows.
    #[must_use]
    pub fn new(at: Timestamp, event: Event, source: ChangeSource, actor: String, request_id: String) -> Self {
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

    /// Sets the actor and its role, and the name that it displays as a detail.
    pub fn set_actor(&mut self, actor: &Actor) {
        self.actor.clone_from(&actor.name);
        self.role = Some(actor.role);
        if let Some(display_name) = &actor.display_name {
            self.details
                .insert("actor_name".to_owned(), display_name.as_str().into());
        }
    }

    /// Adds how far the clock ran back since the entry before, if it did. A store calls this before it seals the entry.
    pub fn note_clock(&mut self, before: Timestamp) {
        if let Some(back) = clock_ran_back(before, self.at) {
            self.details.insert("clock_ran_back_ms".to_owned(), back.into());
        }
    }

    /// Returns the stored record of the operators' fields of the flag, if this entry is that of its removal.
    #[must_use]
    pub fn removed_state(&self, flag: &str) -> Option<Value> {
        let pointer = format!("/states/{flag}");
        let operations = self.inverse.operations().ok()?.into_iter();
        let mut added = operations.filter(|operation| {
            operation.get("op").is_some_and(|op| op == "add")
                && operation.get("path").is_some_and(|path| *path == pointer)
        });
        added.next()?.get_mut("value").map(Value::take)
    }
}

/// An entry sealed at its position in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    /// Its position, from 1 without gaps.
    pub id: u64,
    /// The revision that the change created; for a refusal, the current revision.
    pub revision: Revision,
    /// The hash of the entry before it; [`GENESIS`] for the first.
    pub previous: EntryHash,
    /// The hash of this entry.
    pub hash: EntryHash,
    /// The hashed content: the entry as JSON text, as it is stored.
    pub text: String,
}

/// A difference between a log and the log that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TamperedAudit {
    /// An entry is missing or was inserted.
    #[error("entry {expected} is missing: entry {found} is in its place")]
    Gap {
        /// The id that follows the last verified one.
        expected: u64,
        /// The id found instead.
        found: u64,
    },
    /// An entry was altered.
    #[error("entry {id} was altered: its hash does not match its content")]
    Altered {
        /// Its id.
        id: u64,
    },
    /// An entry does not follow the one before it.
    #[error("entry {id} does not follow the entry before it: an entry was replaced or removed")]
    Unlinked {
        /// Its id.
        id: u64,
    },
}

impl Sealed {
    /// Seals an entry after the one whose hash is `previous`. A store calls this inside its commit.
    #[must_use]
    pub fn after(previous: EntryHash, id: u64, revision: Revision, entry: &Entry) -> Self {
        // Serialization fails only for map keys that are not strings; an entry has none.
        let text = serde_json::to_string(entry).unwrap_or_default();
        Self {
            id,
            revision,
            previous,
            hash: hash(&previous, id, revision, &text),
            text,
        }
    }

    /// Parses the text of the entry.
    ///
    /// # Errors
    /// The text is not an entry.
    pub fn entry(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

/// Verifies consecutive entries that follow (`id`, `hash`); from the beginning of a log these are 0 and [`GENESIS`].
/// Returns the id and hash of the last entry. Entries removed from the end are found only by comparing these with an
/// id and hash that were stored elsewhere.
///
/// # Errors
/// The first entry that differs from what was written.
pub fn verify<'e>(
    (mut last, mut hash_before): (u64, EntryHash),
    entries: impl IntoIterator<Item = &'e Sealed>,
) -> Result<(u64, EntryHash), TamperedAudit> {
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

/// Returns SHA-256 over the previous hash, id and revision (8 bytes each, big-endian), and the text.
fn hash(previous: &EntryHash, id: u64, revision: Revision, text: &str) -> EntryHash {
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
