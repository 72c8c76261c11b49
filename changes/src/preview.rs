//! Previews a change: decides, with the data plane's `decide`, every flag that the change can affect for every tenant,
//! before and after it, and reports the decisions that differ.

mod collector;
mod outcome;
mod overrides;
mod reach;
mod requests;
mod scope;
mod side;
mod tenant_decision;
mod unknown_tenants;

use rules::{Flags, Tenants, Timestamp};

use self::collector::Collector;
pub use self::outcome::{
    ChangedDecision, MAX_LISTED_DECISIONS, MAX_PREVIEW_DECISIONS, Preview, PreviewPage, UnchangedTenants,
};
pub use self::overrides::{IneffectiveOverride, ineffective_overrides};
pub use self::reach::affects_more_than;
use self::scope::Scope;
use self::side::Side;
use crate::affected::Affected;

/// Previews a change that can affect `affected`, with the first page of changed decisions.
#[must_use]
pub fn preview(
    before: (&Flags, &Tenants),
    after: (&Flags, &Tenants),
    affected: &Affected,
    now: Timestamp,
) -> Preview {
    preview_page(before, after, affected, now, &PreviewPage::default())
}

/// Previews a change, with another page of changed decisions.
#[must_use]
pub fn preview_page(
    before: (&Flags, &Tenants),
    after: (&Flags, &Tenants),
    affected: &Affected,
    now: Timestamp,
    page: &PreviewPage,
) -> Preview {
    let (old, new) = (Side::new(before), Side::new(after));
    let scope = Scope::new(&old, &new, affected);
    let mut collector = Collector::new(&old, &new, now, page);
    collector.unknown_tenant(scope.of_unknown_tenant());
    // Tenants whose records change come first: they are decided for every flag, and must not be those that the limit
    // on decisions leaves out.
    for id in &affected.tenants {
        let records = (old.tenants.find(id), new.tenants.find(id));
        collector.tenant(id, records, &scope.every_flag);
    }
    if !scope.changed_flags.is_empty() {
        let others = new.tenants.iter();
        for tenant in others.filter(|tenant| !affected.tenants.contains(tenant.id())) {
            let records = (old.tenants.find(tenant.id()), Some(tenant));
            collector.tenant(tenant.id(), records, &scope.changed_flags);
        }
    }
    collector.finish()
}

#[cfg(test)]
mod tests;
