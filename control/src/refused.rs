//! How much of what was refused is put into the audit log: so many a minute of each who asks and no more, so that
//! nobody can flood it, fill the disk, or crowd others out of it; how many were left out is in his next entry.

use std::collections::HashMap;
use std::num::NonZeroU32;

use changes::{Actor, Entry, Role};
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;

/// How many refusals of one actor, or failed sign-ins of one address (IPv6: one /64), are put into the audit log in
/// a minute.
pub const REFUSALS_NOTED_PER_MINUTE: u32 = 60;
/// How many refusals of all admins of one org: they are the customers.
pub const ORG_REFUSALS_NOTED_PER_MINUTE: u32 = 6;
/// How many of failed sign-ins from all addresses, and as many of all orgs, together: whoever has many of them must not
/// flood the log.
const ALL_NOTED_PER_MINUTE: u32 = 600;
/// Most who are counted apart; beyond that all others count as one.
const MAX_COUNTED: usize = 10_000;

/// How many were put into the log, and how many were left out, by who asked.
pub(crate) struct Refused {
    ours: Keyed,
    orgs: Keyed,
    all_orgs: DefaultDirectRateLimiter,
    all_peers: DefaultDirectRateLimiter,
    left_out: Mutex<HashMap<String, u64>>,
}

type Keyed = RateLimiter<String, HashMapStateStore<String>, DefaultClock>;

/// Who asked for what was refused.
pub(crate) enum Who<'a> {
    /// Somebody who is signed in.
    Actor(&'a Actor),
    /// An address.
    Peer(String),
}

impl Default for Refused {
    fn default() -> Self {
        let most = |number| Quota::per_minute(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN));
        Self {
            ours: RateLimiter::hashmap(most(REFUSALS_NOTED_PER_MINUTE)),
            orgs: RateLimiter::hashmap(most(ORG_REFUSALS_NOTED_PER_MINUTE)),
            all_orgs: RateLimiter::direct(most(ALL_NOTED_PER_MINUTE)),
            all_peers: RateLimiter::direct(most(ALL_NOTED_PER_MINUTE)),
            left_out: Mutex::default(),
        }
    }
}

impl Refused {
    /// The entry, unless there were too many of who asked; with the number of those that were left out before it.
    pub(crate) fn limited(&self, who: &Who<'_>, mut entry: Entry) -> Option<Entry> {
        let (each, all, who) = match who {
            Who::Actor(actor) if actor.role == Role::OrgAdmin => {
                let org = actor.org.as_deref().unwrap_or_default();
                (&self.orgs, Some(&self.all_orgs), format!("org {org}"))
            }
            Who::Actor(actor) => (&self.ours, None, format!("actor {}", actor.name)),
            Who::Peer(peer) => (&self.ours, Some(&self.all_peers), format!("peer {peer}")),
        };
        if each.len() >= MAX_COUNTED {
            each.retain_recent();
        }
        let who = match each.len() {
            MAX_COUNTED.. => String::new(),
            _ => who,
        };
        let mut left_out = self.left_out.lock();
        if each.check_key(&who).is_err() || all.is_some_and(|all| all.check().is_err()) {
            let is_known = left_out.contains_key(&who) || left_out.len() < MAX_COUNTED;
            let who = if is_known { who } else { String::new() };
            let count = left_out.entry(who).or_default();
            *count = count.saturating_add(1);
            return None;
        }
        if let Some(left_out) = left_out.remove(&who) {
            entry.details.insert("omitted_before".into(), left_out.into());
        }
        Some(entry)
    }
}
