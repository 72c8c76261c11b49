//! A console over a store of the largest size, and the requests of its pages: first pages, last pages, searches, filters
//! and orders. The measurement of the pages shares it with the tests.

use std::sync::Arc;

use axum::http::StatusCode;
use control::{
    Change, CoverageReport, DecisionNow, DocumentPlace, DocumentProblem, DocumentReport, FlagReceipt,
    FlagUses, LifecyclePolicy, NodeHealth, NodeReport, ReadNode, ReadTraffic, ReceiptQuery, ReloadReport,
    RequestReceipt, RouteMatchText, RouteUse, ShadowCauseReport, ShadowGateReport, ShadowTenantReport,
};
use rules::Timestamp;
use serde_json::{Map, Value, json};
use testkit::{ControlFixture, LargeDocument, START, admin_request};

use crate::site::{Received, Site};

/// The largest size of a page, in bytes.
pub(crate) const MAX_PAGE_BYTES: usize = 200 * 1024;

/// The page of the verification of the audit log, in tables.
pub(crate) const VERIFICATION: &str = "audit: verification";

/// The size of a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LargeSize {
    pub(crate) document: LargeDocument,
    /// The number of changes before the document is applied, which are audit entries.
    pub(crate) changes: usize,
    /// The number of flags and of tenants that these changes are about.
    pub(crate) changed: usize,
}

/// A request of a page.
pub(crate) struct Visit {
    /// The page, for a table.
    pub(crate) page: &'static str,
    /// The path and query.
    pub(crate) path: String,
    /// The fields of the form that is submitted; none for a GET request.
    pub(crate) fields: Option<Vec<(&'static str, String)>>,
}

/// A data plane with a thousand routes, 200 problems of its documents, receipts and gates in shadow mode.
struct LargePlane;

/// Creates a console over a store of this size, with the document, plans and changes.
pub(crate) fn large_site(size: LargeSize) -> Site {
    let small = LargeDocument {
        flags: size.changed,
        tenants: size.changed,
    };
    let fixture = ControlFixture::open(Arc::default(), LifecyclePolicy::default());
    fixture.apply(small.change(&long_text)).unwrap();
    for at in 0..size.changed {
        let flag = LargeDocument::flag(at);
        fixture
            .apply(Change::SetRollout {
                flag: flag.clone(),
                rollout: None,
            })
            .unwrap();
        fixture.apply(Change::SetPlan { flag, plan: plan() }).unwrap();
    }
    for at in 0..size.changes {
        let mut request = admin_request(change(at, at % size.changed));
        request.reason = Some(long_text(at));
        request.at = Timestamp(START + i64::try_from(at).unwrap() * 1_000);
        fixture.control.apply(&request).unwrap();
    }
    let mut request = admin_request(size.document.change(&long_text));
    request.force = true;
    fixture.control.apply(&request).unwrap();
    Site::of_plane(fixture, Arc::new(LargePlane), Arc::new(LargePlane))
}

/// Returns a text of 1,000 characters, many of which are escaped in pages.
fn long_text(at: usize) -> String {
    let text = format!("<{at}> \u{202e}\"a long & hostile text\" ");
    text.chars().cycle().take(1_000).collect()
}

fn plan() -> Value {
    let stage = |at: usize| json!({ "name": format!("s{at:02}"), "percentage": at * 5 + 1, "for": "1h" });
    let check = |at: usize| json!({ "name": format!("errors{at:02}"), "error_rate": { "above": "1%" }, "then": "pause" });
    json!({
        "ticket": "REL-12",
        "stages": (0..19).map(stage).collect::<Vec<_>>(),
        "checks": (0..10).map(check).collect::<Vec<_>>(),
    })
}

/// Returns one of the changes; one in twelve is a large patch of attributes.
fn change(at: usize, of: usize) -> Change {
    let (flag, org) = (LargeDocument::flag(of), LargeDocument::tenant(of));
    match at % 12 {
        0 => {
            let attributes: Map<String, Value> = (0..40)
                .map(|name| {
                    (
                        format!("attribute{name:02}"),
                        Value::from(format!("{at} {}", "v".repeat(200))),
                    )
                })
                .collect();
            let patch = json!({ "attributes": attributes });
            Change::PatchTenant { org, patch }
        }
        1 | 3 => Change::Disallow { org, flag },
        2 | 4 => Change::Allow { org, flag },
        place => Change::SetOverride {
            org,
            flag,
            variant: Some(Value::Bool(place % 2 == 0)),
        },
    }
}

/// Returns the requests of staff.
pub(crate) fn visits(size: LargeSize, site: &Site) -> Vec<Visit> {
    let LargeDocument { flags, tenants } = size.document;
    let (flag, late_flag) = (LargeDocument::flag(flags / 2), LargeDocument::flag(flags - 100));
    let (tenant, late_tenant) = (
        LargeDocument::tenant(tenants / 2),
        LargeDocument::tenant(tenants - 100),
    );
    let planned = LargeDocument::flag(0);
    let last = flags.div_ceil(50);
    let of_flag = |suffix: &str| format!("/platform/feature-flags/{flag}{suffix}");
    let pages: Vec<(&'static str, String, Vec<String>)> = vec![
        (
            "flags",
            "/platform/feature-flags".to_owned(),
            vec![
                String::new(),
                "?search=LAG0123".into(),
                "?search=nothing".into(),
                "?search=text".into(),
                "?sort=changed".into(),
                format!("?sort=changed&page={last}"),
                "?sort=lifecycle".into(),
                format!("?sort=lifecycle&owner=team&page={}", last / 2),
                format!("?page={last}"),
                "?state=alpha".into(),
                "?state=killed".into(),
                "?state=stale".into(),
                "?state=stale&sort=changed&page=100".into(),
            ],
        ),
        ("flag", of_flag(""), vec![String::new()]),
        ("flag: tiers", of_flag("/tiers"), vec![String::new()]),
        (
            "flag: tenants",
            of_flag("/tenants"),
            vec![
                String::new(),
                "?search=99".into(),
                "?search=zzz".into(),
                "?on=true".into(),
                "?on=false".into(),
                "?standing=allowlisted".into(),
                "?standing=overridden".into(),
                "?standing=opted_in".into(),
                "?standing=opted_out".into(),
                "?cause=killed".into(),
                "?cause=rule&search=9".into(),
                format!("?after={late_tenant}"),
                format!("?after={late_tenant}&on=false"),
            ],
        ),
        (
            "flag: rollout",
            format!("/platform/feature-flags/{planned}/rollout"),
            vec![String::new()],
        ),
        (
            "flag: definition",
            of_flag("/definition"),
            vec![String::new(), "?page=20".into()],
        ),
        (
            "flag: audit",
            format!("/platform/feature-flags/{planned}/audit"),
            vec![String::new(), "?actor=nobody".into()],
        ),
        (
            "tenants",
            "/platform/tenants".to_owned(),
            vec![
                String::new(),
                "?search=9999".into(),
                "?search=zzz".into(),
                "?tier=large".into(),
                "?tier=none".into(),
                "?channel=stable".into(),
                format!("?after={late_tenant}"),
            ],
        ),
        (
            "tenant",
            format!("/platform/tenants/{tenant}"),
            vec![
                String::new(),
                "?search=LAG0999".into(),
                "?search=zzz".into(),
                "?on=true".into(),
                "?on=false".into(),
                format!("?after={late_flag}"),
            ],
        ),
        (
            "rollouts",
            "/platform/rollouts".to_owned(),
            vec![String::new(), format!("?after={flag}")],
        ),
        (
            "explain",
            "/platform/explain".to_owned(),
            vec![
                String::new(),
                format!("?about=flag&flag={flag}&tenant={tenant}"),
                "?method=GET&path=%2Fboard".into(),
            ],
        ),
        (
            "requests",
            "/platform/requests".to_owned(),
            vec![String::new(), "?outcome=rejected".into()],
        ),
        (
            "request",
            "/platform/requests/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
            vec![String::new()],
        ),
        ("shadow", "/platform/shadow".to_owned(), vec![String::new()]),
        ("nodes", "/platform/nodes".to_owned(), vec![String::new()]),
        ("health", "/platform/health".to_owned(), vec![String::new()]),
        (
            "audit",
            "/platform/audit".to_owned(),
            vec![
                String::new(),
                format!("?after={}", size.changes / 2),
                "?after=100".into(),
                format!("?flag={planned}"),
                format!("?flag={flag}"),
                format!("?tenant={}", LargeDocument::tenant(7)),
                "?actor=nobody".into(),
                "?action=platform.feature_flag_killed".into(),
                "?from=2026-11-21T01:00&until=2026-11-21T01:10".into(),
            ],
        ),
        (
            VERIFICATION,
            "/platform/audit/verification".to_owned(),
            vec![String::new()],
        ),
        (
            "org",
            "/admin/feature-flags".to_owned(),
            vec![
                format!("?org={tenant}"),
                format!("?org={tenant}&after={late_flag}"),
            ],
        ),
        (
            "org: report",
            format!("/admin/feature-flags/{flag}/report"),
            vec![format!("?org={tenant}")],
        ),
    ];
    let requested = pages.into_iter().flat_map(|(page, path, queries)| {
        queries.into_iter().map(move |query| Visit {
            page,
            path: format!("{path}{query}"),
            fields: None,
        })
    });
    requested.chain(previews(size, site)).collect()
}

/// Returns the previews of changes that many tenants are affected by.
fn previews(size: LargeSize, site: &Site) -> Vec<Visit> {
    let flag = LargeDocument::flag(size.document.flags / 2);
    let token = site
        .get(&format!("/platform/feature-flags/{flag}"))
        .value_of("form_token");
    let tenants: Vec<String> = (0..200).map(LargeDocument::tenant).collect();
    let tenants = tenants.join(" ");
    let fields = |operation: &str, more: &[(&'static str, &str)]| {
        let mut fields = vec![
            ("form_token", token.clone()),
            ("operation", operation.to_owned()),
            ("back", "/platform/feature-flags".to_owned()),
            ("flag", flag.clone()),
        ];
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Visit {
            page: "preview",
            path: format!("/platform/changes/preview#{operation}"),
            fields: Some(fields),
        }
    };
    vec![
        fields("kill", &[]),
        fields("override", &[("tenants", &tenants), ("variant", "off")]),
        fields("allow", &[("tenants", &tenants)]),
    ]
}

impl Visit {
    /// Requests the page.
    ///
    /// # Panics
    /// It is not answered with 200.
    pub(crate) fn request(&self, site: &Site) -> Received {
        let received = match &self.fields {
            None => site.get(&self.path),
            Some(fields) => {
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (*name, &**value)).collect();
                site.submit(self.path.split('#').next().unwrap(), &fields)
            }
        };
        assert_eq!(
            received.status,
            StatusCode::OK,
            "{}: {}",
            self.path,
            received.text
        );
        received
    }
}

impl ReadTraffic for LargePlane {
    fn receipt(&self, id: &str, _: Timestamp) -> Option<(RequestReceipt, DecisionNow)> {
        Some((receipt(id.to_owned()), DecisionNow::default()))
    }

    fn receipts(&self, _: &ReceiptQuery, limit: usize) -> Vec<RequestReceipt> {
        (0..limit.min(4_096))
            .map(|at| receipt(format!("{at:032x}")))
            .collect()
    }

    fn receipt_places(&self) -> usize {
        4_096
    }

    fn shadow_gates(&self) -> Vec<ShadowGateReport> {
        let gate = |at: usize| ShadowGateReport {
            route: format!("route-{at:04}"),
            gate: "board and not list".to_owned(),
            since: TIME.to_owned(),
            requests: 1_000,
            refused: 640,
            causes: (0..64)
                .map(|cause| ShadowCauseReport {
                    flag: Some(LargeDocument::flag(cause)),
                    cause: "default".to_owned(),
                    requests: 10,
                })
                .collect(),
            tenants: (0..64)
                .map(|tenant| ShadowTenantReport {
                    tenant: Some(LargeDocument::tenant(tenant)),
                    requests: 10,
                    error: 0,
                })
                .collect(),
            ..ShadowGateReport::default()
        };
        (0..1_000).map(gate).collect()
    }

    fn coverage(&self) -> Option<CoverageReport> {
        None
    }
}

/// A time in the reports.
const TIME: &str = "2026-11-20T12:00:00Z";

fn receipt(id: String) -> RequestReceipt {
    let flag = |at: usize| FlagReceipt {
        flag: LargeDocument::flag(at),
        variant: "on".to_owned(),
        cause: "rollout".to_owned(),
        ..FlagReceipt::default()
    };
    RequestReceipt {
        request_id: id,
        at: TIME.to_owned(),
        method: "GET".to_owned(),
        host: "shop.example".to_owned(),
        path: long_text(0),
        route: Some("checkout".to_owned()),
        outcome: "rejected".to_owned(),
        status: 404,
        tenant: Some(LargeDocument::tenant(7)),
        flags: (0..16).map(flag).collect(),
        ..RequestReceipt::default()
    }
}

impl ReadNode for LargePlane {
    fn flag_uses(&self, _: &str) -> Option<FlagUses> {
        let route = |at: usize| RouteUse {
            route: format!("a-route-with-a-long-name-{at:04}"),
            matched: RouteMatchText {
                host: "shop.example".to_owned(),
                path: format!("/a/long/path/of/an/api/{at:04}/{{id}}/**"),
                methods: vec!["GET".to_owned(), "POST".to_owned()],
                headers: vec!["x-version".to_owned()],
            },
            gate: Some(format!(
                "{} and not {}",
                LargeDocument::flag(0),
                LargeDocument::flag(1)
            )),
            place: Some(DocumentPlace {
                file: "conf/sluice.yaml".to_owned(),
                line: at + 1,
                column: 3,
            }),
            ..RouteUse::default()
        };
        Some(FlagUses {
            routes: (0..1_000).map(route).collect(),
            routes_total: 1_000,
            ..FlagUses::default()
        })
    }

    fn node(&self) -> Option<NodeReport> {
        Some(NodeReport {
            id: "node-1".to_owned(),
            started: TIME.to_owned(),
            ..NodeReport::default()
        })
    }

    fn health(&self) -> Option<NodeHealth> {
        let problem = |at: usize| DocumentProblem {
            severity: "error",
            code: "UNKNOWN_FIELD",
            message: "unknown field".to_owned(),
            line: Some(at),
            text: "  | a line of the document <with> \"marks\"\n".repeat(90),
            ..DocumentProblem::default()
        };
        let document = DocumentReport {
            file: "conf/sluice.yaml".to_owned(),
            problems: (0..200).map(problem).collect(),
        };
        Some(NodeHealth {
            node: self.node()?,
            reload: ReloadReport {
                at: TIME.to_owned(),
                accepted: TIME.to_owned(),
                errors: 200,
                documents: vec![document],
                ..ReloadReport::default()
            },
            ..NodeHealth::default()
        })
    }
}
