//! The lists of flags in a tenant's record: allowlist, opt-ins and opt-outs.

use std::collections::BTreeSet;
use std::sync::Arc;

use config::OwnedTenant;

/// Returns the record without the repetitions of flags in its lists. A repetition has no meaning, and would have an audit
/// entry of its own.
pub(super) fn with_each_flag_once(record: &Arc<OwnedTenant>) -> Arc<OwnedTenant> {
    let mut once = Arc::clone(record);
    let repeats = [&record.beta, &record.opt_in, &record.opt_out].map(|list| {
        let mut seen = BTreeSet::new();
        !list.iter().flatten().all(|flag| seen.insert(&*flag.value))
    });
    if !repeats.contains(&true) {
        return once;
    }
    let changed = Arc::make_mut(&mut once);
    let lists = [&mut changed.beta, &mut changed.opt_in, &mut changed.opt_out];
    for list in lists.into_iter().flatten() {
        let mut seen = BTreeSet::new();
        list.retain(|flag| seen.insert(flag.value.clone()));
    }
    once
}
