//! Bodies of audit entries.

use changes::{Entry, Outcome, Patch, Sealed, Urgent, hash_text, timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::account::RoleName;

/// An entry in a page of the log. An entry whose text is altered and can't be parsed has the form of the export.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnyAuditEntry)]
pub(crate) enum LogEntry {
    Readable(Box<EntryBody>),
    Altered(SealedBody),
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryBody {
    /// Its position in the log, from 1.
    id: u64,
    /// The revision after the entry: the one that its change created, or the current one if nothing was changed.
    revision: u64,
    /// The action, such as `platform.feature_flag_killed`, or `feature_flag.enabled` in the log of an org.
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
    /// The change, as a JSON patch (RFC 6902).
    #[serde(skip_serializing_if = "Patch::is_empty")]
    #[schema(value_type = Vec<Object>, required = false)]
    patch: Patch,
    /// The JSON patch that undoes the change.
    #[serde(skip_serializing_if = "Patch::is_empty")]
    #[schema(value_type = Vec<Object>, required = false)]
    inverse: Patch,
    /// Further facts, such as the codes of a rejection.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object, required = false)]
    details: Map<String, Value>,
    /// SHA-256 of the entry before it, in hex.
    previous: String,
    /// SHA-256 of this entry, in hex.
    hash: String,
}

/// The record of an urgent promotion.
#[derive(Serialize, ToSchema)]
#[schema(as = UrgentRecord)]
struct UrgentRecord {
    /// The person who decided.
    decision_maker: String,
    /// The incident.
    incident: String,
    /// The reason.
    reason: String,
}

/// An entry with the data that proves it.
#[derive(Serialize, ToSchema)]
#[schema(as = SealedEntry)]
pub(crate) struct SealedBody {
    id: u64,
    revision: u64,
    /// SHA-256 of the entry before it, in hex.
    previous: String,
    /// SHA-256 of `previous`, `id` and `revision` (eight bytes each) and `text`, in hex.
    hash: String,
    /// The entry as the JSON text that was hashed.
    text: String,
}

/// The log in which an entry is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogScope {
    Platform,
    Org,
}

impl LogEntry {
    /// Returns the body of an entry, with its action named as in this log.
    pub(crate) fn of(sealed: &Sealed, log: LogScope) -> Self {
        match sealed.entry() {
            Ok(entry) => Self::Readable(Box::new(EntryBody::of(sealed, entry, log))),
            Err(_) => Self::Altered(SealedBody::from(sealed)),
        }
    }
}

impl EntryBody {
    fn of(sealed: &Sealed, entry: Entry, log: LogScope) -> Self {
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
                LogScope::Platform => event.platform_name(),
                LogScope::Org => event.org_name(),
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
            previous: hash_text(&sealed.previous),
            hash: hash_text(&sealed.hash),
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
            previous: hash_text(&sealed.previous),
            hash: hash_text(&sealed.hash),
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
