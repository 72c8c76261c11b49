//! The traffic of the proxy, as the control plane reads it.

use std::sync::OnceLock;

use control::{
    AttributeReceipt, CountedRouteReport, CoverageReport, DecisionDifference, DecisionNow, FlagReceipt,
    IdleFlagReport, ReadTraffic, ReceiptQuery, RequestReceipt, ShadowCauseReport, ShadowGateReport,
    ShadowTenantReport, UnmatchedReport, time_text,
};
use proxy::{Observations, ReceiptFilter};
use rules::Timestamp;

/// Reads the traffic of the proxy, once it runs.
#[derive(Default)]
pub(crate) struct TrafficReader {
    observed: OnceLock<Observations>,
}

impl TrafficReader {
    /// Sets the observations of the proxy, which starts after the control plane.
    pub(crate) fn attach(&self, observed: Observations) {
        let _ = self.observed.set(observed);
    }
}

impl ReadTraffic for TrafficReader {
    fn receipt(&self, id: &str, now: Timestamp) -> Option<(RequestReceipt, DecisionNow)> {
        let (receipt, again) = self.observed.get()?.receipt(id, now)?;
        Some((receipt_of(receipt), decision_now(again)))
    }

    fn receipts(&self, query: &ReceiptQuery, limit: usize) -> Vec<RequestReceipt> {
        let filter = ReceiptFilter {
            tenant: query.tenant.clone(),
            flag: query.flag.clone(),
            outcome: query.outcome.clone(),
        };
        let found = self
            .observed
            .get()
            .map(|observed| observed.receipts(&filter, limit));
        found.into_iter().flatten().map(receipt_of).collect()
    }

    fn receipt_places(&self) -> usize {
        self.observed.get().map_or(0, Observations::receipt_places)
    }

    fn shadow_gates(&self) -> Vec<ShadowGateReport> {
        let gates = self.observed.get().map(Observations::shadow_gates);
        gates.into_iter().flatten().map(shadow_gate).collect()
    }

    fn coverage(&self) -> Option<CoverageReport> {
        let coverage = self.observed.get()?.coverage();
        Some(CoverageReport {
            ungated: coverage.ungated.into_iter().map(counted_route).collect(),
            unmatched: UnmatchedReport {
                requests: coverage.unmatched.requests,
                since: time_text(coverage.unmatched.since),
            },
            idle_gates: coverage.idle_gates.into_iter().map(counted_route).collect(),
            idle_flags: coverage.idle_flags.into_iter().map(idle_flag).collect(),
        })
    }
}

fn receipt_of(receipt: proxy::Receipt) -> RequestReceipt {
    let attributes = receipt.attributes.into_iter();
    RequestReceipt {
        request_id: receipt.id,
        at: time_text(receipt.at),
        method: receipt.method,
        host: receipt.host,
        path: receipt.path,
        route: receipt.route,
        outcome: receipt.outcome.to_owned(),
        status: receipt.status,
        code: receipt.code.map(str::to_owned),
        cause: receipt.cause,
        tenant: receipt.tenant,
        user: receipt.user,
        issuer: receipt.issuer,
        snapshot: receipt.revision,
        gate: receipt.verdict.map(str::to_owned),
        shadow: receipt.is_shadow,
        shortened: receipt.is_shortened,
        flags: receipt.flags.into_iter().map(flag_receipt).collect(),
        groups: receipt.groups,
        attributes: attributes
            .map(|(name, value)| AttributeReceipt { name, value })
            .collect(),
    }
}

fn flag_receipt(flag: proxy::ReceiptFlag) -> FlagReceipt {
    FlagReceipt {
        flag: flag.flag,
        variant: flag.variant,
        reason: flag.reason.to_owned(),
        cause: flag.cause.to_owned(),
        bucket: flag.bucket,
        arm: flag.arm.map(str::to_owned),
        required: flag.is_required,
    }
}

fn decision_now(now: proxy::ReceiptNow) -> DecisionNow {
    let differences = now.differences.into_iter().map(|difference| DecisionDifference {
        part: difference.what,
        then: difference.then,
        now: difference.now,
    });
    DecisionNow {
        snapshot: now.revision,
        not_decided: now.undecided.map(str::to_owned),
        route: now.route,
        gate_text: now.gate,
        outcome: now.outcome.map(str::to_owned),
        status: now.status,
        gate: now.verdict.map(str::to_owned),
        flags: now.flags.into_iter().map(flag_receipt).collect(),
        differences: differences.collect(),
    }
}

fn shadow_gate(gate: proxy::ShadowGate) -> ShadowGateReport {
    let causes = gate.causes.into_iter().map(|cause| ShadowCauseReport {
        flag: cause.flag.map(Into::into),
        cause: cause.cause.to_owned(),
        requests: cause.requests,
    });
    let tenants = gate.tenants.into_iter().map(|tenant| ShadowTenantReport {
        tenant: (!tenant.name.is_empty()).then(|| tenant.name.into()),
        requests: tenant.count,
        error: tenant.error,
    });
    ShadowGateReport {
        route: gate.route.into(),
        gate: gate.gate,
        since: time_text(gate.since),
        requests: gate.requests,
        refused: gate.refused,
        undivided: gate.undivided,
        first_seen: gate.seen.map(|(first, _)| time_text(first)),
        last_seen: gate.seen.map(|(_, last)| time_text(last)),
        causes: causes.collect(),
        tenants: tenants.collect(),
    }
}

fn counted_route(route: proxy::CountedRoute) -> CountedRouteReport {
    CountedRouteReport {
        route: route.route.into(),
        gate: route.gate,
        requests: route.requests,
        since: time_text(route.since),
    }
}

fn idle_flag(idle: proxy::IdleFlag) -> IdleFlagReport {
    IdleFlagReport {
        flag: idle.flag.into(),
        routes: idle.routes.into_iter().map(Into::into).collect(),
        in_header: idle.is_in_header,
        since: time_text(idle.since),
    }
}
