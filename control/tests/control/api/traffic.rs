//! Receipts of requests and reports about the traffic, and who may read them.

use control::{
    CoverageReport, DecisionDifference, DecisionNow, FlagReceipt, ReadTraffic, ReceiptQuery, RequestReceipt,
    Role, ShadowGateReport, UnmatchedReport,
};
use rules::Timestamp;

use crate::api::server::Server;

const OF_ACME: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OF_GLOBEX: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const OF_NOBODY: &str = "cccccccccccccccccccccccccccccccc";
/// Of acme, with a gate of more flags than a receipt has.
const OF_LARGE: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
const UNKNOWN: &str = "dddddddddddddddddddddddddddddddd";

/// A time in the reports.
const AT: &str = "2026-11-30T12:00:00Z";

/// A traffic with three receipts: of acme, of globex, and of a request without a tenant.
pub(crate) struct FixedTraffic;

fn flag(key: &str) -> FlagReceipt {
    FlagReceipt {
        flag: key.to_owned(),
        variant: "off".to_owned(),
        bucket: Some(7),
        ..FlagReceipt::default()
    }
}

fn receipt(id: &str) -> Option<RequestReceipt> {
    let tenant = match id {
        OF_ACME | OF_LARGE => Some("acme"),
        OF_GLOBEX => Some("globex"),
        OF_NOBODY => None,
        _ => return None,
    };
    let hidden = (id != OF_LARGE).then(|| flag("reports.export"));
    Some(RequestReceipt {
        request_id: id.to_owned(),
        tenant: tenant.map(str::to_owned),
        outcome: "rejected".to_owned(),
        cause: Some("for operators".to_owned()),
        flags: [flag("dispatch.v2Board")].into_iter().chain(hidden).collect(),
        at: AT.to_owned(),
        ..RequestReceipt::default()
    })
}

impl ReadTraffic for FixedTraffic {
    fn receipt(&self, id: &str, _: Timestamp) -> Option<(RequestReceipt, DecisionNow)> {
        let differences = ["outcome", "reports.export: cause", "dispatch.v2Board: cause"];
        if id == OF_LARGE {
            let now = DecisionNow {
                gate_text: Some("all(dispatch.v2Board is on, not reports.export)".to_owned()),
                flags: vec![flag("dispatch.v2Board")],
                ..DecisionNow::default()
            };
            return Some((receipt(id)?, now));
        }
        let now = DecisionNow {
            gate_text: Some("dispatch.v2Board and reports.export".to_owned()),
            flags: vec![flag("reports.export")],
            differences: differences
                .map(|part| DecisionDifference {
                    part: part.to_owned(),
                    ..DecisionDifference::default()
                })
                .into(),
            ..DecisionNow::default()
        };
        Some((receipt(id)?, now))
    }

    fn receipts(&self, query: &ReceiptQuery, limit: usize) -> Vec<RequestReceipt> {
        let all = [OF_ACME, OF_GLOBEX, OF_NOBODY].into_iter().filter_map(receipt);
        let of_tenant = all.filter(|receipt| query.tenant.is_none() || query.tenant == receipt.tenant);
        of_tenant.take(limit).collect()
    }

    fn receipt_places(&self) -> usize {
        4096
    }

    fn shadow_gates(&self) -> Vec<ShadowGateReport> {
        vec![ShadowGateReport {
            route: "board".to_owned(),
            refused: 3,
            since: AT.to_owned(),
            ..ShadowGateReport::default()
        }]
    }

    fn coverage(&self) -> Option<CoverageReport> {
        Some(CoverageReport {
            unmatched: UnmatchedReport {
                since: AT.to_owned(),
                ..Default::default()
            },
            ..CoverageReport::default()
        })
    }
}

fn path(id: &str) -> String {
    format!("/requests/{id}")
}

#[test]
fn staff_reads_the_receipt_of_any_request() {
    let server = Server::start();
    for role in [Role::Viewer, Role::Operator, Role::PlatformAdmin] {
        for id in [OF_ACME, OF_GLOBEX, OF_NOBODY] {
            let answer = server.send_as(role, "GET", &path(id), None);
            assert_eq!(answer.status, 200);
            let body = answer.json();
            assert_eq!(body["then"]["request_id"], id);
            assert_eq!(body["then"]["cause"], "for operators");
            assert_eq!(body["then"]["flags"][1]["bucket"], 7);
            assert_eq!(body["now"]["differences"].as_array().unwrap().len(), 3);
        }
    }
}

#[test]
fn an_org_admin_reads_only_receipts_of_its_org() {
    let server = Server::start();
    let ask = |id: &str| server.send_as(Role::OrgAdmin, "GET", &path(id), None);
    assert_eq!(ask(OF_ACME).status, 200);
    let unknown = ask(UNKNOWN);
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "RECEIPT_NOT_FOUND")
    );
    for id in [OF_GLOBEX, OF_NOBODY] {
        let other = ask(id);
        let without_ids = |response: &testkit::Response, id: &str| {
            let mut body = response.json();
            body.as_object_mut().unwrap().remove("request_id");
            body.to_string().replace(id, "ID")
        };
        assert_eq!(other.status, 404);
        assert_eq!(without_ids(&other, id), without_ids(&unknown, UNKNOWN));
    }
    assert_eq!(
        server.send_as(Role::OrgAdmin, "GET", "/requests", None).status,
        403
    );
}

#[test]
fn a_receipt_hides_flags_before_beta_from_an_org_admin() {
    let server = Server::start();
    let answer = server.send_as(Role::OrgAdmin, "GET", &path(OF_ACME), None);
    let text = answer.text();
    assert!(
        text.contains("dispatch.v2Board") && !text.contains("reports.export"),
        "{text}"
    );
    assert!(!text.contains("for operators"), "{text}");
    assert_eq!(answer.json()["now"]["differences"].as_array().unwrap().len(), 2);
    // A flag that was left out for its size is still in the text of the gate.
    let large = server.send_as(Role::OrgAdmin, "GET", &path(OF_LARGE), None);
    assert_eq!(large.status, 200);
    assert!(!large.text().contains("reports.export"), "{}", large.text());
}

#[test]
fn a_list_of_receipts_has_filters_and_a_limit() {
    let server = Server::start();
    let list = |query: &str| {
        server
            .send_as(Role::Viewer, "GET", &format!("/requests{query}"), None)
            .json()
    };
    let count = |query: &str| list(query)["receipts"].as_array().unwrap().len();
    assert_eq!(
        (
            count(""),
            count("?limit=2"),
            count("?tenant=acme&flag=board&outcome=rejected")
        ),
        (3, 2, 1)
    );
    assert_eq!(list("")["kept"], 4096);
}

#[test]
fn a_text_that_is_no_request_id_is_not_repeated() {
    let server = Server::start();
    let answer = server.send_as(Role::Viewer, "GET", "/requests/eyJhbGciOiJub25lIn0.e30.", None);
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_NAME"));
    assert!(!answer.text().contains("eyJ"), "{}", answer.text());
}

#[test]
fn reports_about_the_traffic_are_for_staff() {
    let server = Server::start();
    for (path, member) in [("/traffic/shadow", "gates"), ("/traffic/coverage", "idle_gates")] {
        let answer = server.send_as(Role::Viewer, "GET", path, None);
        assert!(answer.json()[member].is_array(), "{}", answer.text());
        assert_eq!(server.send_as(Role::OrgAdmin, "GET", path, None).status, 403);
    }
}
