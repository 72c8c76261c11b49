//! The facts that the policy needs, from the current snapshot, the observed history and the log.

use std::collections::BTreeSet;

use changes::{Event, Facts, Pilots, Standing};
use config::Compiled;
use parking_lot::Mutex;
use rules::{FlagId, Subject, Tenant, Timestamp, decide};
use serde_json::Value;

use crate::history::History;
use crate::operators::Operators;
use crate::store::{AuditFilter, Store};

/// The facts that the policy needs.
pub(super) struct CurrentFacts<'k> {
    pub(super) compiled: &'k Compiled,
    /// The store, whose log has the flags that were removed; none if it is empty.
    pub(super) store: Option<&'k dyn Store>,
    pub(super) history: &'k Mutex<History>,
    /// The operators; none if they are not known.
    pub(super) operators: Option<&'k Operators>,
    pub(super) now: Timestamp,
    /// The attributes that tokens and requests can have; none if they are not known.
    pub(super) request_attributes: Option<Vec<String>>,
    /// True if operators are configured, so that several people can approve a plan.
    pub(super) has_operators: bool,
}

impl Facts for CurrentFacts<'_> {
    fn pilots(&self, flag: &str, since: Timestamp, created_by: Timestamp) -> Pilots {
        let Some(id) = self.compiled.flags.id(flag) else {
            return Pilots::default();
        };
        let served = self.history.lock().tenants_served_since(flag, since);
        let mut pilots = Pilots::default();
        let having = self.compiled.tenants.scan().filter(|tenant| self.has(id, tenant));
        for tenant in having {
            let group = if tenant.is_internal() {
                &mut pilots.internal
            } else if !served.contains(tenant.id()) {
                &mut pilots.unserved
            } else if !self.existed(tenant.id(), created_by) {
                &mut pilots.young
            } else {
                &mut pilots.counted
            };
            *group = group.saturating_add(1);
        }
        pilots
    }

    fn is_served_since(&self, flag: &str, since: Timestamp) -> bool {
        let served = self.history.lock().last_served(flag);
        served.is_some_and(|served| served > since)
    }

    fn observed_since(&self) -> Option<Timestamp> {
        Some(self.history.lock().since())
    }

    fn standing(&self, operator: &str) -> Standing {
        match self.operators {
            Some(operators) => operators.standing(operator, self.now),
            None => Standing::Present { groups: None },
        }
    }

    fn tenants_naming(&self, flags: &BTreeSet<&str>) -> Option<Vec<String>> {
        let mut ids: Vec<FlagId> = flags
            .iter()
            .filter_map(|key| self.compiled.flags.id(key))
            .collect();
        ids.sort_unstable();
        let naming = self.compiled.tenants.scan().filter(|tenant| tenant.names(&ids));
        Some(naming.map(|tenant| tenant.id().to_owned()).collect())
    }

    fn removed_state(&self, flag: &str) -> Option<Value> {
        let filter = AuditFilter {
            flag: Some(flag.to_owned()),
            events: vec![Event::DocumentApplied],
            ..AuditFilter::default()
        };
        // A flag that does not exist was removed by the newest document that changed it.
        match self.store?.audit(&filter, None, 1) {
            Ok(page) => page.entries.first()?.entry().ok()?.removed_state(flag),
            Err(error) => {
                tracing::warn!(%error, flag, "the history of a removed flag can't be read; it starts as a new one");
                None
            }
        }
    }

    fn has_operators(&self) -> bool {
        self.has_operators
    }

    fn request_attributes(&self) -> Option<Vec<String>> {
        self.request_attributes.clone()
    }

    fn errors_within(&self, flag: &str, window_ms: i64) -> u64 {
        self.history.lock().errors_within(flag, window_ms, self.now)
    }
}

impl CurrentFacts<'_> {
    /// Returns true if the log has an entry about the tenant at or before this time. Its record was created then, or
    /// before. A log that can't be read is no reason to count the tenant.
    fn existed(&self, tenant: &str, at: Timestamp) -> bool {
        let filter = AuditFilter {
            org: Some(tenant.to_owned()),
            until: Some(Timestamp(at.0.saturating_add(1))),
            ..AuditFilter::default()
        };
        match self.store.map(|store| store.audit(&filter, None, 1)) {
            Some(Ok(page)) => !page.entries.is_empty(),
            Some(Err(error)) => {
                tracing::warn!(%error, tenant, "the log can't be read; the tenant does not count as a pilot");
                false
            }
            None => false,
        }
    }

    /// Returns true if the tenant opted in to the flag or is on its allowlist, and is served a variant other than
    /// off.
    fn has(&self, id: FlagId, tenant: &Tenant) -> bool {
        let subject = Subject {
            tenant: Some(tenant.id()),
            record: Some(tenant),
            ..Subject::default()
        };
        let flags = &self.compiled.flags;
        tenant.has_requested(id)
            && flags
                .flag(id)
                .is_some_and(|flag| decide(flags, id, &subject, self.now).variant != flag.off())
    }
}
