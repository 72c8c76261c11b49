//! What the API itself puts into the audit log: failed sign-ins, roles that did not suffice, backups. So many a
//! minute and no more, so that nobody can flood the log; how many were left out is in the next one.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::{Map, Value, json};

use crate::actor::{Actor, Source};
use crate::audit::{Entry, Event, Outcome};
use crate::operators::NotSignedIn;

use super::Api;
use super::ask::{Ask, Names};
use super::route::{Does, Route};

/// How many refusals the API puts into the audit log in a minute.
pub const NOTES_PER_MINUTE: u32 = 60;

/// How many were put into the log.
pub(crate) struct Notes {
    limit: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Notes {
    pub(crate) fn new() -> Self {
        let most = NonZeroU32::new(NOTES_PER_MINUTE).unwrap_or(NonZeroU32::MIN);
        Self {
            limit: RateLimiter::direct(Quota::per_minute(most)),
            left_out: AtomicU64::new(0),
        }
    }

    /// The entry, unless there were too many; with the number of those that were left out before it.
    fn limited(&self, mut entry: Entry) -> Option<Entry> {
        if self.limit.check().is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        match self.left_out.swap(0, Ordering::Relaxed) {
            0 => {}
            left_out => drop(entry.details.insert("left_out_before".into(), left_out.into())),
        }
        Some(entry)
    }
}

/// Somebody could not prove who he is. That nothing was sent at all is no attempt.
pub(crate) fn not_signed_in(
    api: &Api,
    reason: &NotSignedIn,
    peer: IpAddr,
    request_id: &str,
) -> Option<Entry> {
    let (name, why) = match reason {
        NotSignedIn::Invalid { reason } => ("unknown", *reason),
        NotSignedIn::NoRole { name } => (name.as_str(), "has no role here"),
        NotSignedIn::Missing
        | NotSignedIn::Unavailable
        | NotSignedIn::TooMany { .. }
        | NotSignedIn::NotLocal => return None,
    };
    let details = [
        ("peer", json!(peer.to_canonical().to_string())),
        ("why", json!(why)),
    ];
    let entry = Entry {
        actor: name.to_owned(),
        details: details
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..blank(api, Event::SignInFailed, request_id)
    };
    api.notes.limited(entry)
}

/// A role did not suffice for something that changes or gives away more than a look.
pub(crate) fn not_allowed(
    api: &Api,
    route: &Route,
    actor: &Actor,
    names: &Names,
    request_id: &str,
    detail: &str,
) -> Option<Entry> {
    let (Does::Changes(event) | Does::Acts(event)) = route.does else {
        return None;
    };
    let details = [("codes", json!(["ROLE_MISSING"])), ("refusals", json!([detail]))];
    let entry = Entry {
        actor: actor.name.clone(),
        role: Some(actor.role),
        flag: names.flag.as_ref().map(|flag| flag.as_str().to_owned()),
        org: names.org.as_ref().map(|org| org.as_str().to_owned()),
        details: details
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..blank(api, event, request_id)
    };
    api.notes.limited(entry)
}

/// Something was done that changes nothing.
pub(crate) fn done(api: &Api, event: Event, ask: &Ask) -> Entry {
    Entry {
        actor: ask.actor.name.clone(),
        role: Some(ask.actor.role),
        outcome: Outcome::Applied,
        ..blank(api, event, &ask.request_id)
    }
}

fn blank(api: &Api, event: Event, request_id: &str) -> Entry {
    Entry {
        at: (api.clock)(),
        actor: String::new(),
        role: None,
        source: Source::Api,
        request_id: request_id.to_owned(),
        event,
        outcome: Outcome::Refused,
        flag: None,
        org: None,
        reason: None,
        urgent: None,
        patch: Vec::<Value>::new(),
        inverse: Vec::new(),
        details: Map::new(),
    }
}
