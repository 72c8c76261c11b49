//! Traffics that were measured before: one with receipts and reports, and one without.

use control::{
    AttributeReceipt, CountedRouteReport, CoverageReport, DecisionDifference, DecisionNow, FlagReceipt,
    IdleFlagReport, ReadTraffic, ReceiptQuery, RequestReceipt, ShadowCauseReport, ShadowGateReport,
    ShadowTenantReport, UnmatchedReport,
};
use rules::Timestamp;

pub(crate) const OF_ACME: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const OF_GLOBEX: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const OF_NOBODY: &str = "cccccccccccccccccccccccccccccccc";

/// A time in the reports.
const AT: &str = "2026-11-20T12:00:00Z";

/// A traffic with three receipts: of acme, of globex, and of a request without a tenant whose path is hostile.
pub(crate) struct FixedTraffic;

/// A traffic of which nothing is known yet.
pub(crate) struct NoTraffic;

fn flag(key: &str, variant: &str, cause: &str) -> FlagReceipt {
    FlagReceipt {
        flag: key.to_owned(),
        variant: variant.to_owned(),
        cause: cause.to_owned(),
        bucket: Some(47_955),
        ..FlagReceipt::default()
    }
}

fn receipt(id: &str) -> Option<RequestReceipt> {
    let (tenant, path, outcome) = match id {
        OF_ACME => (Some("acme"), "/checkout/7", "rejected"),
        OF_GLOBEX => (Some("globex"), "/board", "limited"),
        OF_NOBODY => (None, "/<script>x</script>\u{202e}", "unmatched"),
        _ => return None,
    };
    Some(RequestReceipt {
        request_id: id.to_owned(),
        at: AT.to_owned(),
        method: "GET".to_owned(),
        host: "shop.example".to_owned(),
        path: path.to_owned(),
        route: tenant.map(|_| "checkout".to_owned()),
        outcome: outcome.to_owned(),
        status: 404,
        code: Some("NOT_FOUND".to_owned()),
        cause: Some("for operators".to_owned()),
        tenant: tenant.map(str::to_owned),
        user: tenant.map(|_| "u-1".to_owned()),
        issuer: Some("https://login.example".to_owned()),
        snapshot: "f406dffab663".to_owned(),
        gate: tenant.map(|_| "closed".to_owned()),
        flags: tenant
            .map(|_| flag("board", "off", "default"))
            .into_iter()
            .collect(),
        groups: vec!["testers".to_owned()],
        attributes: vec![AttributeReceipt {
            name: "country".to_owned(),
            value: "DE".to_owned(),
        }],
        ..RequestReceipt::default()
    })
}

fn difference(part: &str, then: &str, now: &str) -> DecisionDifference {
    DecisionDifference {
        part: part.to_owned(),
        then: then.to_owned(),
        now: now.to_owned(),
    }
}

impl ReadTraffic for FixedTraffic {
    fn receipt(&self, id: &str, _: Timestamp) -> Option<(RequestReceipt, DecisionNow)> {
        let now = match id {
            OF_ACME => DecisionNow {
                snapshot: "0c2f4be9a1d7".to_owned(),
                route: Some("checkout".to_owned()),
                gate_text: Some("board".to_owned()),
                outcome: Some("forwarded".to_owned()),
                gate: Some("open".to_owned()),
                flags: vec![flag("board", "on", "rollout")],
                differences: vec![
                    difference("outcome", "rejected", "forwarded"),
                    difference("gate", "closed", "open"),
                    difference("board: variant", "off", "on"),
                    difference("board: cause", "default", "rollout"),
                ],
                ..DecisionNow::default()
            },
            OF_GLOBEX => DecisionNow {
                snapshot: "f406dffab663".to_owned(),
                route: Some("checkout".to_owned()),
                outcome: Some("limited".to_owned()),
                status: Some(404),
                gate: Some("closed".to_owned()),
                flags: vec![flag("board", "off", "default")],
                ..DecisionNow::default()
            },
            _ => DecisionNow {
                not_decided: Some("the caller was not verified".to_owned()),
                ..DecisionNow::default()
            },
        };
        Some((receipt(id)?, now))
    }

    fn receipts(&self, query: &ReceiptQuery, limit: usize) -> Vec<RequestReceipt> {
        let matches = |wanted: &Option<String>, found: &[&str]| {
            wanted.as_deref().is_none_or(|wanted| found.contains(&wanted))
        };
        let all = [OF_ACME, OF_GLOBEX, OF_NOBODY].into_iter().filter_map(receipt);
        let found = all.filter(|receipt| {
            let flags: Vec<&str> = receipt.flags.iter().map(|flag| &*flag.flag).collect();
            matches(&query.tenant, &[receipt.tenant.as_deref().unwrap_or_default()])
                && matches(&query.flag, &flags)
                && matches(&query.outcome, &[&receipt.outcome])
        });
        found.take(limit).collect()
    }

    fn receipt_places(&self) -> usize {
        4096
    }

    fn shadow_gates(&self) -> Vec<ShadowGateReport> {
        let seen = Some(AT.to_owned());
        let tenant = |tenant: Option<&str>, requests, error| ShadowTenantReport {
            tenant: tenant.map(str::to_owned),
            requests,
            error,
        };
        vec![
            ShadowGateReport {
                route: "basket".to_owned(),
                gate: "board and not list".to_owned(),
                since: AT.to_owned(),
                requests: 120,
                refused: 3,
                undivided: 1,
                first_seen: seen.clone(),
                last_seen: seen,
                causes: vec![
                    ShadowCauseReport {
                        flag: Some("board".to_owned()),
                        cause: "default".to_owned(),
                        requests: 2,
                    },
                    ShadowCauseReport {
                        flag: None,
                        cause: "TOKEN_MISSING".to_owned(),
                        requests: 1,
                    },
                ],
                tenants: vec![tenant(Some("acme"), 2, 1), tenant(None, 1, 0)],
            },
            ShadowGateReport {
                route: "quiet".to_owned(),
                gate: "list".to_owned(),
                since: AT.to_owned(),
                ..ShadowGateReport::default()
            },
        ]
    }

    fn coverage(&self) -> Option<CoverageReport> {
        let counted = |route: &str, gate: Option<&str>, requests| CountedRouteReport {
            route: route.to_owned(),
            gate: gate.map(str::to_owned),
            requests,
            since: AT.to_owned(),
        };
        let idle = |flag: &str, routes: &[&str], in_header| IdleFlagReport {
            flag: flag.to_owned(),
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            in_header,
            since: AT.to_owned(),
        };
        Some(CoverageReport {
            ungated: vec![counted("start", None, 17)],
            unmatched: UnmatchedReport {
                requests: 5,
                since: AT.to_owned(),
            },
            idle_gates: vec![counted("quiet", Some("list"), 4)],
            idle_flags: vec![
                idle("list", &["quiet"], false),
                idle("headers.only", &[], true),
                idle("nowhere", &[], false),
            ],
        })
    }
}

impl ReadTraffic for NoTraffic {
    fn receipt(&self, _: &str, _: Timestamp) -> Option<(RequestReceipt, DecisionNow)> {
        None
    }

    fn receipts(&self, _: &ReceiptQuery, _: usize) -> Vec<RequestReceipt> {
        Vec::new()
    }

    fn receipt_places(&self) -> usize {
        0
    }

    fn shadow_gates(&self) -> Vec<ShadowGateReport> {
        Vec::new()
    }

    fn coverage(&self) -> Option<CoverageReport> {
        None
    }
}
