//! Audit entries that the API itself writes: failed sign-ins, missing roles, backups.

use std::net::IpAddr;
use std::sync::Arc;

use changes::{Actor, ChangeSource, Entry, Event, Outcome};
use serde_json::json;
use tracing::error;

use crate::audit_limiter::LimitedCaller;
use crate::operators::{NotSignedIn, counted_as};

use super::Api;
use super::request::{ApiRequest, PathNames};
use super::route::{Access, ApiRoute};

/// Returns the entry of a failed sign-in. A request without credentials is not an attempt, and has none.
pub(crate) fn failed_sign_in(
    api: &Api,
    reason: &NotSignedIn,
    peer: IpAddr,
    request_id: &str,
) -> Option<Entry> {
    let (name, why) = match reason {
        NotSignedIn::Invalid { reason } => ("unknown", *reason),
        NotSignedIn::NoRole { name } => (name.as_str(), "has no role"),
        NotSignedIn::Missing
        | NotSignedIn::Unavailable
        | NotSignedIn::TooMany { .. }
        | NotSignedIn::TooManyWaiting
        | NotSignedIn::NotLocal => return None,
    };
    let details = [
        ("peer", json!(peer.to_canonical().to_string())),
        ("reason", json!(why)),
    ];
    let entry = Entry {
        actor: name.to_owned(),
        details: details
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..new_entry(api, Event::SignInFailed, request_id)
    };
    let who = LimitedCaller::Peer(counted_as(peer).to_string());
    api.control().refused().limited(&who, entry)
}

/// Returns the entry of a request whose role may not use a route; reads have none.
pub(crate) fn missing_role(
    api: &Api,
    route: &ApiRoute,
    actor: &Actor,
    names: &PathNames,
    request_id: &str,
    detail: &str,
) -> Option<Entry> {
    let (Access::Change(event) | Access::Audited(event)) = route.access else {
        return None;
    };
    let entry = rejection(api, event, (actor, names), request_id, ("ROLE_MISSING", detail));
    api.control()
        .refused()
        .limited(&LimitedCaller::Actor(actor), entry)
}

/// Returns the entry of an org's admin who requested a flag that orgs may not see.
pub(crate) fn hidden_flag(api: &Api, event: Event, request: &ApiRequest) -> Option<Entry> {
    let why = ("FLAG_NOT_FOUND", "the flag is not visible to an org-admin");
    let entry = rejection(
        api,
        event,
        (&request.actor, &request.names),
        &request.request_id,
        why,
    );
    api.control()
        .refused()
        .limited(&LimitedCaller::Actor(&request.actor), entry)
}

fn rejection(
    api: &Api,
    event: Event,
    (actor, names): (&Actor, &PathNames),
    request_id: &str,
    (code, detail): (&str, &str),
) -> Entry {
    let details = [("codes", json!([code])), ("refusals", json!([detail]))];
    let mut entry = Entry {
        flag: names.flag.as_ref().map(|flag| flag.as_str().to_owned()),
        org: names.org.as_ref().map(|org| org.as_str().to_owned()),
        details: details
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..new_entry(api, event, request_id)
    };
    entry.set_actor(actor);
    entry
}

/// Returns the entry of an operation that changes no state.
pub(crate) fn audited_operation(api: &Api, event: Event, request: &ApiRequest) -> Entry {
    let mut entry = Entry {
        outcome: Outcome::Applied,
        ..new_entry(api, event, &request.request_id)
    };
    entry.set_actor(&request.actor);
    entry
}

fn new_entry(api: &Api, event: Event, request_id: &str) -> Entry {
    Entry {
        outcome: Outcome::Refused,
        ..Entry::new(
            (api.clock)(),
            event,
            ChangeSource::Api,
            String::new(),
            request_id.to_owned(),
        )
    }
}

/// Writes an entry, if there is one, to the audit log.
pub(crate) async fn record(api: &Arc<Api>, entry: Option<Entry>) {
    let Some(entry) = entry else { return };
    let api = Arc::clone(api);
    let recording = tokio::task::spawn_blocking(move || {
        if let Err(error) = api.control().record(vec![entry]) {
            error!(%error, "a rejection could not be written to the audit log");
        }
    });
    let _ = recording.await;
}
