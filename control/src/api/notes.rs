//! What the API itself puts into the audit log: failed sign-ins, roles that did not suffice, backups. So many a
//! minute of each who asks and no more, so that nobody can flood the log or crowd others out of it; how many were
//! left out is in his next one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::actor::{Actor, Source};
use crate::audit::{Entry, Event, Outcome};
use crate::operators::{NotSignedIn, counted_as};

use super::Api;
use super::ask::{Ask, Names};
use super::route::{Does, Route};

/// How many refusals of one actor, or failed sign-ins of one address (IPv6: one /64), are put into the audit log in
/// a minute.
pub const NOTES_PER_MINUTE: u32 = 60;
/// The same of failed sign-ins from all addresses together: whoever has many of them must not flood the log.
const SIGN_INS_NOTED_PER_MINUTE: u32 = 600;
/// Most actors and addresses that are counted apart; beyond that all others count as one.
const MAX_COUNTED: usize = 10_000;

/// How many were put into the log, and how many were left out, by who asked.
pub(crate) struct Notes {
    limits: RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
    sign_ins: DefaultDirectRateLimiter,
    left_out: Mutex<HashMap<String, u64>>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        let most = |number| Quota::per_minute(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN));
        Self {
            limits: RateLimiter::hashmap(most(NOTES_PER_MINUTE)),
            sign_ins: RateLimiter::direct(most(SIGN_INS_NOTED_PER_MINUTE)),
            left_out: Mutex::new(HashMap::new()),
        }
    }

    /// The entry, unless there were too many of who asked; with the number of those that were left out before it.
    fn limited(&self, who: &str, mut entry: Entry) -> Option<Entry> {
        if self.limits.len() >= MAX_COUNTED {
            self.limits.retain_recent();
        }
        let who = match self.limits.len() {
            MAX_COUNTED.. => "",
            _ => who,
        };
        let is_sign_in = entry.event == Event::SignInFailed;
        let mut left_out = self.left_out.lock();
        if self.limits.check_key(&who.to_owned()).is_err() || (is_sign_in && self.sign_ins.check().is_err()) {
            let is_known = left_out.contains_key(who) || left_out.len() < MAX_COUNTED;
            let who = if is_known { who } else { "" };
            let count = left_out.entry(who.to_owned()).or_default();
            *count = count.saturating_add(1);
            return None;
        }
        if let Some(left_out) = left_out.remove(who) {
            entry.details.insert("left_out_before".into(), left_out.into());
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
    api.notes.limited(&format!("peer {}", counted_as(peer)), entry)
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
    let entry = refused(api, event, (actor, names), request_id, ("ROLE_MISSING", detail));
    api.notes.limited(&by(actor), entry)
}

/// An org's admin asked for a flag that he is not to know of.
pub(crate) fn hidden(api: &Api, event: Event, ask: &Ask) -> Option<Entry> {
    let why = (
        "FLAG_NOT_FOUND",
        "a flag that is not out is none to an org's admin",
    );
    let entry = refused(api, event, (&ask.actor, &ask.names), &ask.request_id, why);
    api.notes.limited(&by(&ask.actor), entry)
}

fn by(actor: &Actor) -> String {
    format!("actor {}", actor.name)
}

fn refused(
    api: &Api,
    event: Event,
    (actor, names): (&Actor, &Names),
    request_id: &str,
    (code, detail): (&str, &str),
) -> Entry {
    let details = [("codes", json!([code])), ("refusals", json!([detail]))];
    Entry {
        actor: actor.name.clone(),
        role: Some(actor.role),
        flag: names.flag.as_ref().map(|flag| flag.as_str().to_owned()),
        org: names.org.as_ref().map(|org| org.as_str().to_owned()),
        details: details
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..blank(api, event, request_id)
    }
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
