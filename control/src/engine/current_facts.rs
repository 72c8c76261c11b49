//! The facts that the policy needs, from the current snapshot and the observed history.

use std::collections::BTreeSet;

use changes::Facts;
use config::Compiled;
use parking_lot::Mutex;
use rules::{FlagId, Subject, Tenant, Timestamp, decide};

use crate::history::History;

/// The facts that the policy needs.
pub(super) struct CurrentFacts<'k> {
    pub(super) compiled: &'k Compiled,
    pub(super) history: &'k Mutex<History>,
    pub(super) now: Timestamp,
}

impl Facts for CurrentFacts<'_> {
    fn tenants_with(&self, flag: &str) -> usize {
        let Some(id) = self.compiled.flags.id(flag) else {
            return 0;
        };
        let tenants = self.compiled.tenants.scan();
        tenants.filter(|tenant| self.has(id, tenant)).count()
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

    fn errors_within(&self, flag: &str, window_ms: i64) -> u64 {
        self.history.lock().errors_within(flag, window_ms, self.now)
    }
}

impl CurrentFacts<'_> {
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
