//! The audit log: page by page, as a whole, and proven.

use std::sync::Arc;

use changes::{Event, GENESIS, Hash, Revision, Role, Sealed, verify};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::engine::Control;
use crate::store::{AuditFilter, Store, StoreError};

use super::Api;
use super::answer::Answer;
use super::ask::Ask;
use super::backup::no_store;
use super::change::unavailable;
use super::outgoing::outgoing;
use super::problem::Problem;
use super::query::DEFAULT_PAGE;

/// How many entries are read at a time where all are.
const PIECE: usize = 1_000;

/// An entry of the log.
#[derive(ToSchema)]
#[schema(as = AuditEntry)]
#[expect(dead_code, reason = "it is the form of what is written by hand")]
pub(crate) struct EntryBody {
    /// Its place in the log, from 1.
    id: u64,
    /// The revision that it made, or that stayed.
    revision: u64,
    #[schema(format = DateTime)]
    at: String,
    actor: String,
    #[schema(nullable = false)]
    role: Option<String>,
    /// `api`, `file`, `scheduler`, `rollback` or `break-glass`.
    source: String,
    request_id: String,
    /// What happened, by the name of this log: `platform.feature_flag_killed`; in an org's, `feature_flag.enabled`.
    action: String,
    /// `applied` or `refused`.
    outcome: String,
    #[schema(nullable = false)]
    flag: Option<String>,
    #[schema(nullable = false)]
    org: Option<String>,
    #[schema(nullable = false)]
    reason: Option<String>,
    /// From before to after, as a JSON patch.
    #[schema(nullable = false)]
    patch: Option<Vec<super::flags::AnyObject>>,
    /// SHA-256 of the entry before it, in hex.
    previous: String,
    /// Its own.
    hash: String,
}

/// A page of the log, the newest entry first.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditLog)]
pub(crate) struct AuditLog {
    #[schema(value_type = Vec<EntryBody>)]
    entries: Vec<Value>,
    /// To go on after; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// An entry with what it takes to prove it.
#[derive(Serialize, ToSchema)]
#[schema(as = SealedEntry)]
pub(crate) struct SealedBody<'s> {
    id: u64,
    revision: u64,
    /// SHA-256 of the entry before it, in hex.
    previous: String,
    /// SHA-256 of `previous`, `id` and `revision` (eight bytes each) and `text`, in hex.
    hash: String,
    /// The entry as JSON text, as it was hashed.
    text: &'s str,
}

/// Whether the log is what was written.
#[derive(Serialize, ToSchema)]
#[schema(as = Proof)]
pub(crate) struct Proof {
    /// Whether no entry is missing or altered.
    intact: bool,
    /// How many are in order, from the first on.
    entries: u64,
    /// Id and hash of the last of them: kept elsewhere, they prove that the log is not cut off.
    head: String,
    /// What is wrong with the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<String>,
}

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Platform,
    Org,
}

pub(crate) fn list(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let org = ask.query.text("org").map(str::to_owned);
    page(api, ask, org, Log::Platform)
}

pub(crate) fn list_of_org(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    match ask.actor.role {
        Role::OrgAdmin => super::own_log::list(api, ask),
        _ => page(api, ask, Some(ask.org().to_owned()), Log::Org),
    }
}

/// The store that keeps the log. Where files manage the flags there is none, and an empty log would be a lie. Of a
/// damaged one it is what can be read.
pub(crate) fn logged(control: &Control) -> Result<&dyn Store, Problem> {
    match control.is_read_only() && control.damage().is_none() {
        true => Err(no_store()),
        false => Ok(control.store()),
    }
}

fn page(api: &Api, ask: &Ask, org: Option<String>, log: Log) -> Result<Answer, Problem> {
    let query = &ask.query;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let events = query.text("action").map_or_else(Vec::new, Event::named);
    let filter = AuditFilter {
        flag: text("flag"),
        org,
        actor: text("actor"),
        events,
        from: query.time("from"),
        until: query.time("until"),
    };
    let limit = query.number("limit").unwrap_or(DEFAULT_PAGE);
    let before = query.number("after").and_then(|id| u64::try_from(id).ok());
    let page = logged(api.control())?
        .audit(&filter, before, limit)
        .map_err(|error| unreadable(api.control(), &error))?;
    let body = AuditLog {
        entries: page.entries.iter().map(|sealed| entry(sealed, log)).collect(),
        next: page.next.map(|next| next.to_string()),
    };
    Answer::json(&body)
}

fn entry(sealed: &Sealed, log: Log) -> Value {
    let mut body = Map::new();
    body.insert("id".into(), sealed.id.into());
    body.insert("revision".into(), sealed.revision.0.into());
    if let Ok(entry) = sealed.entry() {
        let action = match log {
            Log::Platform => entry.event.platform_name(),
            Log::Org => entry.event.org_name(),
        };
        body.insert("action".into(), action.into());
    }
    let text: Value = serde_json::from_str(&sealed.text).unwrap_or_default();
    for (name, value) in text.as_object().into_iter().flatten() {
        if name != "event" {
            body.insert(name.clone(), value.clone());
        }
    }
    body.insert("previous".into(), hex(&sealed.previous).into());
    body.insert("hash".into(), hex(&sealed.hash).into());
    Value::Object(body)
}

pub(crate) fn prove(api: &Api, _: &Ask) -> Result<Answer, Problem> {
    let control = api.control();
    let store = logged(control)?;
    let (mut last, mut problem) = ((0, GENESIS), None);
    let mut made = Revision::default();
    let before = revision(control).map_err(|error| unavailable(&error))?;
    loop {
        let page = store
            .audit_after(last.0, PIECE)
            .map_err(|error| unreadable(control, &error))?;
        if page.entries.is_empty() {
            break;
        }
        for sealed in &page.entries {
            match verify(last, [sealed]) {
                Ok(proven) => (last, made) = (proven, sealed.revision),
                Err(tampered) => {
                    problem = Some(tampered.to_string());
                    break;
                }
            }
        }
        if problem.is_some() || page.next.is_none() {
            break;
        }
    }
    let (id, hash) = last;
    let after = revision(control).map_err(|error| unavailable(&error))?;
    // What is committed meanwhile may be in the one and not yet in the other.
    if problem.is_none() && !(before..=after).contains(&Some(made)) {
        problem = Some(match control.damage() {
            Some(damage) => damage.detail.clone(),
            None => format!(
                "it ends at revision {}, and the store is at {}: its end is missing, or records are",
                made.0,
                after.unwrap_or_default().0
            ),
        });
    }
    Answer::json(&Proof {
        intact: problem.is_none(),
        entries: id,
        head: format!("{id}:{}", hex(&hash)),
        problem,
    })
}

pub(crate) fn export(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let control = Arc::clone(api.control());
    let after = ask
        .query
        .number("after")
        .and_then(|id| u64::try_from(id).ok())
        .unwrap_or(0);
    let store = logged(&control)?;
    let revision = revision(&control).map_err(|error| unavailable(&error))?;
    let (first, next) = lines(store, after).map_err(|error| unreadable(&control, &error))?;
    let body = outgoing(move |outgoing| {
        let (mut piece, mut next) = (first, next);
        loop {
            outgoing.put(piece.into())?;
            let Some(id) = next else { return Ok(()) };
            (piece, next) = lines(control.store(), id).map_err(std::io::Error::other)?;
        }
    });
    Ok(Answer {
        kind: "application/jsonl",
        body,
        revision,
    })
}

/// What the store was at before its log was read, for whoever compares; none of a damaged one.
fn revision(control: &Control) -> Result<Option<Revision>, StoreError> {
    if control.damage().is_some() {
        return Ok(None);
    }
    let newest = control.store().changes_since(Revision(u64::MAX))?;
    Ok(Some(newest.revision))
}

/// A log that can't be read; of a store that is known to be damaged, with what is known of that.
pub(crate) fn unreadable(control: &Control, error: &StoreError) -> Problem {
    match control.damage() {
        Some(damage) => Problem::refused(vec![damage.refusal()]),
        None => unavailable(error),
    }
}

/// The entries after one, a line each, and after which to go on.
fn lines(store: &dyn Store, after: u64) -> Result<(Vec<u8>, Option<u64>), StoreError> {
    let page = store.audit_after(after, PIECE)?;
    let mut text = Vec::new();
    for sealed in &page.entries {
        let line = SealedBody {
            id: sealed.id,
            revision: sealed.revision.0,
            previous: hex(&sealed.previous),
            hash: hex(&sealed.hash),
            text: &sealed.text,
        };
        text.extend_from_slice(json!(line).to_string().as_bytes());
        text.push(b'\n');
    }
    Ok((text, page.next))
}

fn hex(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
