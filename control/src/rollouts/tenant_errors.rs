//! The tenants with the most errors of a stage, in bounded memory: the Space-Saving algorithm (A. Metwally, D. Agrawal
//! and A. El Abbadi, "Efficient computation of frequent and top-k elements in data streams", ICDT 2005).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::observe::{ArmName, ObservedUnit};
use crate::stage_report::TenantErrorReport;

/// The tenants that are counted. Up to so many have exact counts.
const MAX_COUNTED: usize = 100;
/// The tenants that are reported.
const MAX_REPORTED: usize = 10;

/// The errors of a stage by tenant: those of treatment and of tenants that opted in.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TenantErrors(Vec<CountedTenant>);

#[derive(Debug, Serialize, Deserialize)]
struct CountedTenant {
    /// The hash of its id.
    hash: u64,
    /// None if it is not known: too many tenants, or a request without one.
    id: Option<String>,
    errors: u64,
    /// The errors that may be another tenant's, whose place it took.
    surplus: u64,
}

impl TenantErrors {
    /// Adds the errors of a slot. `ids` are those of tenants by their hashes.
    pub(super) fn add(&mut self, units: &[ObservedUnit], ids: &HashMap<u64, String>) {
        for unit in units {
            let is_treated = matches!(unit.arm, ArmName::Treatment | ArmName::OptedIn);
            if is_treated && unit.errors > 0 {
                self.count(unit.tenant, u64::from(unit.errors), ids);
            }
        }
    }

    fn count(&mut self, hash: u64, errors: u64, ids: &HashMap<u64, String>) {
        let id = || ids.get(&hash).cloned();
        if let Some(tenant) = self.0.iter_mut().find(|tenant| tenant.hash == hash) {
            tenant.errors = tenant.errors.saturating_add(errors);
            if tenant.id.is_none() {
                tenant.id = id();
            }
            return;
        }
        let mut new = CountedTenant {
            hash,
            id: id(),
            errors,
            surplus: 0,
        };
        if self.0.len() < MAX_COUNTED {
            self.0.push(new);
        } else if let Some(least) = self.0.iter_mut().min_by_key(|tenant| tenant.errors) {
            new.surplus = least.errors;
            new.errors = least.errors.saturating_add(errors);
            *least = new;
        }
    }

    /// Returns the tenants with the most errors, the most first.
    pub(super) fn report(&self) -> Vec<TenantErrorReport> {
        let mut tenants: Vec<&CountedTenant> = self.0.iter().collect();
        tenants.sort_by(|one, other| other.errors.cmp(&one.errors).then_with(|| one.id.cmp(&other.id)));
        let report = |tenant: &CountedTenant| TenantErrorReport {
            tenant: tenant.id.clone(),
            errors: tenant.errors,
            surplus: tenant.surplus,
        };
        tenants.into_iter().take(MAX_REPORTED).map(report).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(tenant: u64, arm: ArmName, errors: u32) -> ObservedUnit {
        ObservedUnit {
            unit: tenant,
            tenant,
            arm,
            requests: errors + 1,
            errors,
            counted: Vec::new(),
        }
    }

    #[test]
    fn the_ten_tenants_with_most_errors_are_reported() {
        let ids: HashMap<u64, String> = (0..20).map(|at| (at, format!("t{at:02}"))).collect();
        let mut errors = TenantErrors::default();
        let units: Vec<_> = (0..20_u32)
            .map(|at| unit(at.into(), ArmName::Treatment, at * 10))
            .collect();
        errors.add(&units, &ids);
        errors.add(
            &[unit(3, ArmName::OptedIn, 500), unit(4, ArmName::Control, 900)],
            &ids,
        );
        let reported = errors.report();
        assert_eq!(reported.len(), 10);
        let first = TenantErrorReport {
            tenant: Some("t03".into()),
            errors: 530,
            surplus: 0,
        };
        assert_eq!(reported[0], first);
        assert_eq!((reported[1].errors, reported[9].errors), (190, 110));
    }

    #[test]
    fn the_errors_of_ten_thousand_tenants_take_bounded_memory() {
        let mut errors = TenantErrors::default();
        for round in 0..20 {
            let many = (0..10_000_u64).map(|at| unit(at + 10, ArmName::Treatment, 1));
            let some = (0..5_u32).map(|at| unit(at.into(), ArmName::Treatment, 1_000 * (at + 1)));
            errors.add(&many.chain(some).collect::<Vec<_>>(), &HashMap::new());
            assert!(errors.0.len() <= MAX_COUNTED, "round {round}");
        }
        let reported = errors.report();
        for (report, expected) in reported.iter().zip([5, 4, 3].map(|at| 20_000 * at)) {
            assert!(report.errors >= expected && report.errors - report.surplus <= expected);
        }
    }
}
