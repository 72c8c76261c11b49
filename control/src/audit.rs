//! The audit log: what happened, by whom and why, each entry sealed with the hash of the one before it, so that
//! none can be left out or altered without a trace.

use aws_lc_rs::digest;
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::actor::{Role, Source};
use crate::change::Urgent;
use crate::store::Revision;

/// SHA-256.
pub type Hash = [u8; 32];

/// What stands in the place of the entry before the first one.
pub const GENESIS: Hash = [0; 32];

/// What happened. Each has a name in the platform's log; what concerns one org has another in the org's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A flag was promoted or reverted.
    StateChanged,
    /// A flag was killed.
    FlagKilled,
    /// A flag is no longer killed.
    FlagRestored,
    /// Tier defaults were set.
    TiersChanged,
    /// The rollout was set or removed.
    RolloutChanged,
    /// An override that gives a tenant the flag was set.
    FlagEnabled,
    /// An override that takes the flag from a tenant was set.
    FlagDisabled,
    /// An override was removed.
    OverrideRemoved,
    /// A tenant was put on a beta allowlist.
    BetaAllowed,
    /// A tenant was taken off a beta allowlist.
    BetaDisallowed,
    /// A tenant opted in.
    OptedIn,
    /// A tenant opted out.
    OptedOut,
    /// A tenant's record was written.
    TenantChanged,
    /// A tenant's record was removed.
    TenantRemoved,
    /// Tenants' records were brought in.
    TenantsImported,
    /// A role signed off.
    SignedOff,
    /// A document was applied.
    DocumentApplied,
    /// A copy of the store was taken.
    BackupTaken,
    /// Somebody could not prove who he is.
    SignInFailed,
}

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

impl Event {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::StateChanged,
        Self::FlagKilled,
        Self::FlagRestored,
        Self::TiersChanged,
        Self::RolloutChanged,
        Self::FlagEnabled,
        Self::FlagDisabled,
        Self::OverrideRemoved,
        Self::BetaAllowed,
        Self::BetaDisallowed,
        Self::OptedIn,
        Self::OptedOut,
        Self::TenantChanged,
        Self::TenantRemoved,
        Self::TenantsImported,
        Self::SignedOff,
        Self::DocumentApplied,
        Self::BackupTaken,
        Self::SignInFailed,
    ];

    /// Those whose name is this, or ends with it: `platform.feature_flag_killed`, `feature_flag_killed`, `flag_killed`.
    #[must_use]
    pub fn named(name: &str) -> Vec<Self> {
        let is_named = |full: &str| {
            let rest = full.strip_suffix(name);
            !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '_']))
        };
        let all = Self::ALL.into_iter();
        all.filter(|event| is_named(event.platform_name()) || event.org_name() == name)
            .collect()
    }

    /// Its name in the platform's log.
    #[must_use]
    pub fn platform_name(self) -> &'static str {
        match self {
            Self::StateChanged => "platform.feature_flag_state_changed",
            Self::FlagKilled => "platform.feature_flag_killed",
            Self::FlagRestored => "platform.feature_flag_restored",
            Self::TiersChanged => "platform.feature_flag_tiers_changed",
            Self::RolloutChanged => "platform.feature_flag_rollout_changed",
            Self::FlagEnabled => "platform.feature_flag_enabled",
            Self::FlagDisabled => "platform.feature_flag_disabled",
            Self::OverrideRemoved => "platform.feature_flag_override_removed",
            Self::BetaAllowed => "platform.feature_flag_beta_allowed",
            Self::BetaDisallowed => "platform.feature_flag_beta_disallowed",
            Self::OptedIn => "platform.feature_flag_opted_in",
            Self::OptedOut => "platform.feature_flag_opted_out",
            Self::TenantChanged => "platform.org_changed",
            Self::TenantRemoved => "platform.org_removed",
            Self::TenantsImported => "platform.orgs_imported",
            Self::SignedOff => "platform.feature_flag_signed_off",
            Self::DocumentApplied => "platform.document_applied",
            Self::BackupTaken => "platform.backup_taken",
            Self::SignInFailed => "platform.sign_in_failed",
        }
    }

    /// Its name in the log of the org that it concerns.
    #[must_use]
    pub fn org_name(self) -> &'static str {
        match self {
            Self::FlagEnabled => "feature_flag.enabled",
            Self::FlagDisabled => "feature_flag.disabled",
            Self::OverrideRemoved => "feature_flag.override_removed",
            Self::BetaAllowed => "feature_flag.beta_allowed",
            Self::BetaDisallowed => "feature_flag.beta_disallowed",
            Self::OptedIn => "feature_flag.opted_in",
            Self::OptedOut => "feature_flag.opted_out",
            Self::TenantChanged => "org.changed",
            Self::TenantRemoved => "org.removed",
            other => other.platform_name(),
        }
    }
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
