//! The rate limit of audit entries for rejected requests and failed sign-ins, so that no caller can flood the log, fill
//! the disk or displace the entries of others. The next entry of a caller says how many of its entries were omitted.

use std::collections::HashMap;
use std::num::NonZeroU32;

use changes::{Actor, Entry, Role};
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;

/// The maximum number of audit entries per minute for rejected requests of one actor, or for failed sign-ins from one
/// address (IPv6: one /64).
pub const REFUSALS_NOTED_PER_MINUTE: u32 = 60;
/// The maximum number of such entries per minute for all admins of one org together. It is lower, since they are
/// customers.
pub const ORG_REFUSALS_NOTED_PER_MINUTE: u32 = 6;
/// The maximum number of entries per minute for all addresses together, and for all orgs together: a caller that uses
/// many of them must not flood the log.
const ALL_NOTED_PER_MINUTE: u32 = 600;
/// The maximum number of callers that are counted separately. All further ones share one count.
const MAX_COUNTED: usize = 10_000;

/// The counts of logged and omitted entries, by caller.
pub(crate) struct AuditLimiter {
    operators: CallerLimiter,
    orgs: CallerLimiter,
    all_orgs: DefaultDirectRateLimiter,
    all_peers: DefaultDirectRateLimiter,
    omitted: Mutex<HashMap<String, u64>>,
}

type CallerLimiter = RateLimiter<String, HashMapStateStore<String>, DefaultClock>;

/// The caller of a rejected request.
pub(crate) enum LimitedCaller<'a> {
    /// A signed-in caller.
    Actor(&'a Actor),
    /// An address of a caller that is not signed in.
    Peer(String),
}

impl Default for AuditLimiter {
    fn default() -> Self {
        let per_minute = |number| Quota::per_minute(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN));
        Self {
            operators: RateLimiter::hashmap(per_minute(REFUSALS_NOTED_PER_MINUTE)),
            orgs: RateLimiter::hashmap(per_minute(ORG_REFUSALS_NOTED_PER_MINUTE)),
            all_orgs: RateLimiter::direct(per_minute(ALL_NOTED_PER_MINUTE)),
            all_peers: RateLimiter::direct(per_minute(ALL_NOTED_PER_MINUTE)),
            omitted: Mutex::default(),
        }
    }
}

impl AuditLimiter {
    /// Returns the entry with the number of the caller's entries that were omitted before it; none if the caller is over
    /// its limit.
    pub(crate) fn limited(&self, caller: &LimitedCaller<'_>, mut entry: Entry) -> Option<Entry> {
        let (each, all, caller) = match caller {
            LimitedCaller::Actor(actor) if actor.role == Role::OrgAdmin => {
                let org = actor.org.as_deref().unwrap_or_default();
                (&self.orgs, Some(&self.all_orgs), format!("org {org}"))
            }
            LimitedCaller::Actor(actor) => (&self.operators, None, format!("actor {}", actor.name)),
            LimitedCaller::Peer(peer) => (&self.operators, Some(&self.all_peers), format!("peer {peer}")),
        };
        if each.len() >= MAX_COUNTED {
            each.retain_recent();
        }
        let caller = match each.len() {
            MAX_COUNTED.. => String::new(),
            _ => caller,
        };
        let mut omitted = self.omitted.lock();
        if each.check_key(&caller).is_err() || all.is_some_and(|all| all.check().is_err()) {
            let is_known = omitted.contains_key(&caller) || omitted.len() < MAX_COUNTED;
            let caller = if is_known { caller } else { String::new() };
            let count = omitted.entry(caller).or_default();
            *count = count.saturating_add(1);
            return None;
        }
        if let Some(omitted) = omitted.remove(&caller) {
            entry.details.insert("omitted_before".into(), omitted.into());
        }
        Some(entry)
    }
}
