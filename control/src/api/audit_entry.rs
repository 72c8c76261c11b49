//! Entries of the audit log, as bodies have them.

use changes::{Entry, Hash, Outcome, Patch, Sealed, Urgent, timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::account::RoleName;

/// An entry as a page of the log has it. One whose text was altered so that it is no entry is as in an export.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnyAuditEntry)]
pub(crate) enum LogEntry {
    Readable(Box<EntryBody>),
    Altered(SealedBody),
}

/// An entry of the log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryBody {
    /// Its place in the log, from 1.
    id: u64,
    /// The revision that it made, or that stayed.
    revision: u64,
    /// What happened, by the name of this log: `platform.feature_flag_killed`; in an org's, `feature_flag.enabled`.
    action: &'static str,
    #[schema(format = DateTime)]
    at: String,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    role: Option<RoleName>,
    /// `api`, `file`, `scheduler`, `rollback` or `break-glass`.
    source: &'static str,
    request_id: String,
    /// `applied` or `refused`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    flag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// The record of an urgent promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    urgent: Option<UrgentRecord>,
    /// From before to after, as a JSON patch.
    #[serde(skip_serializing_if = "Patch::is_empty")]
    #[schema(value_type = Vec<Object>, required = false)]
    patch: Patch,
    /// From after to before, as a JSON patch.
    #[serde(skip_serializing_if = "Patch::is_empty")]
    #[schema(value_type = Vec<Object>, required = false)]
    inverse: Patch,
    /// Further facts, such as the codes of a refusal.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object, required = false)]
    details: Map<String, Value>,
    /// SHA-256 of the entry before it, in hex.
    previous: String,
    /// Its own.
    hash: String,
}

/// The record of an urgent promotion.
#[derive(Serialize, ToSchema)]
#[schema(as = UrgentRecord)]
struct UrgentRecord {
    /// Who decided.
    decision_maker: String,
    /// The incident.
    incident: String,
    /// The reason.
    reason: String,
}

/// An entry with what it takes to prove it.
#[derive(Serialize, ToSchema)]
#[schema(as = SealedEntry)]
pub(crate) struct SealedBody {
    id: u64,
    revision: u64,
    /// SHA-256 of the entry before it, in hex.
    previous: String,
    /// SHA-256 of `previous`, `id` and `revision` (eight bytes each) and `text`, in hex.
    hash: String,
    /// The entry as JSON text, as it was hashed.
    text: String,
}

/// The log that an entry is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    Platform,
    Org,
}

impl LogEntry {
    /// Returns the entry by its name in the log.
    pub(crate) fn of(sealed: &Sealed, log: Log) -> Self {
        match sealed.entry() {
            Ok(entry) => Self::Readable(Box::new(EntryBody::of(sealed, entry, log))),
            Err(_) => Self::Altered(SealedBody::from(sealed)),
        }
    }
}

impl EntryBody {
    fn of(sealed: &Sealed, entry: Entry, log: Log) -> Self {
        let Entry {
            at,
            actor,
            role,
            source,
            request_id,
            event,
            outcome,
            flag,
            org,
            reason,
            urgent,
            patch,
            inverse,
            details,
        } = entry;
        Self {
            id: sealed.id,
            revision: sealed.revision.0,
            action: match log {
                Log::Platform => event.platform_name(),
                Log::Org => event.org_name(),
            },
            at: timestamp::text(at),
            actor,
            role: role.map(RoleName::from),
            source: source.as_str(),
            request_id,
            outcome: outcome_name(outcome),
            flag,
            org,
            reason,
            urgent: urgent.map(UrgentRecord::from),
            patch,
            inverse,
            details,
            previous: hex(&sealed.previous),
            hash: hex(&sealed.hash),
        }
    }
}

impl From<Urgent> for UrgentRecord {
    fn from(urgent: Urgent) -> Self {
        let Urgent {
            decision_maker,
            incident,
            reason,
        } = urgent;
        Self {
            decision_maker,
            incident,
            reason,
        }
    }
}

impl From<&Sealed> for SealedBody {
    fn from(sealed: &Sealed) -> Self {
        Self {
            id: sealed.id,
            revision: sealed.revision.0,
            previous: hex(&sealed.previous),
            hash: hex(&sealed.hash),
            text: sealed.text.clone(),
        }
    }
}

/// Returns the name of an outcome in a body.
pub(crate) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Refused => "refused",
    }
}

/// Returns a hash in hex.
pub(crate) fn hex(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
