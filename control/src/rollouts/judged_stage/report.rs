//! The report about the stage in force, for people.

use rules::Timestamp;
use verdicts::{Arm, Totals};

use super::JudgedStage;
use crate::rollouts::judged_check::{Judge, JudgedCheck};
use crate::stage_report::{ArmReport, CheckReport, Percentiles, RatioReport, ReportedOrgs, StageReport};

impl JudgedStage {
    /// Returns the report about the stage, as it was judged last. `reporting` is the largest number of orgs that reported the
    /// same cause, and `displaced_ms` the system clock minus the steady time.
    pub(in crate::rollouts) fn report(&self, reporting: usize, displaced_ms: i64) -> StageReport {
        let mut uncounted = self.test.uncounted();
        uncounted.beyond_maximum = uncounted.beyond_maximum.saturating_add(self.unattributed);
        uncounted.moved = uncounted.moved.saturating_add(self.moved);
        let (config, ratio) = (self.test.config(), self.test.sample_ratio());
        let (treatment, control) = self.test.totals();
        StageReport {
            run: self.run,
            stage: self.stage,
            since: self.since,
            inconclusive_since: self
                .inconclusive_since_ms
                .map(|since| Timestamp(since.saturating_add(displaced_ms))),
            looked_at: self.looked_at,
            checks: self
                .checks
                .iter()
                .map(|check| self.check_report(check, reporting))
                .collect(),
            minimum: config.minimum,
            has_control: config.has_control,
            treatment: self.arm(Arm::Treatment, treatment),
            control: self.arm(Arm::Control, control),
            excluded: self.excluded,
            uncounted,
            sample_ratio: RatioReport {
                treatment: ratio.treatment,
                control: ratio.control,
                share: config.share,
                is_mismatch: ratio.is_mismatch(),
            },
            tenants: self.tenant_errors.report(),
            confounded: self.confounding.report(),
        }
    }

    fn check_report(&self, check: &JudgedCheck, reporting: usize) -> CheckReport {
        let recovery = check.recovery.unwrap_or_default();
        let (mut test, mut query, mut reports) = (None, None, None);
        match check.judge {
            Judge::Test(index) => test = self.verdicts.get(index).map(|verdict| recovery.shown(*verdict)),
            Judge::Query(index) => query = self.queries.get(index).map(|query| query.report(self.steady)),
            Judge::Reports(same_cause) => {
                reports = Some(ReportedOrgs {
                    reporting,
                    same_cause,
                });
            }
        }
        CheckReport {
            name: check.name.clone(),
            verdict: self.result(check, reporting),
            test,
            opted_in: self.opted_in_verdict(check.judge),
            query,
            reports,
            recovered_at: recovery.recovered_at(),
        }
    }

    fn arm(&self, arm: Arm, totals: Totals) -> ArmReport {
        let latency = self.test.latency(arm);
        let percentiles = || {
            Some(Percentiles {
                p50: latency.quantile(0.5)?,
                p95: latency.quantile(0.95)?,
                p99: latency.quantile(0.99)?,
            })
        };
        ArmReport {
            totals,
            tenants: self.test.tenants(arm),
            latency: percentiles(),
        }
    }
}
