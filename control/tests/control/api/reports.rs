//! Reports from people over the API, by the sentences of docs/rollouts.md.

use control::Role;
use serde_json::{Value, json};

use crate::api::server::{DAY, Server};

const BOARD: &str = "/platform/feature-flags/dispatch.v2Board";
const OF_ACME: &str = "/orgs/acme/feature-flags/dispatch.v2Board/reports";

/// Reports as an operator, and returns the id.
fn report(server: &Server, body: &Value) -> u64 {
    let path = format!("{BOARD}/reports");
    let applied = server.send_ok("POST", &path, Some(body));
    applied["revision"].as_u64().unwrap()
}

fn list(server: &Server) -> Value {
    server.send_ok("GET", &format!("{BOARD}/reports"), None)
}

#[test]
fn reports_are_listed_and_closed() {
    let server = Server::start();
    assert_eq!(list(&server)["reports"], json!([]));
    let first = report(
        &server,
        &json!({ "org": "acme", "cause": "No save", "ticket": "SUP-1", "text": "since noon" }),
    );
    let second = report(&server, &json!({ "org": "globex", "cause": "no save" }));
    let listed = list(&server);
    assert_eq!(
        listed["reports"][0],
        json!({
            "id": first, "org": "acme", "cause": "No save", "ticket": "SUP-1", "text": "since noon",
            "by": "platform-admin", "at": listed["reports"][0]["at"],
        })
    );
    assert_eq!(listed["reports"][1]["id"], second);
    let causes = json!([{ "cause": "No save", "orgs": ["acme", "globex"], "blocks": true }]);
    assert_eq!(listed["causes"], causes);
    assert_eq!(server.send_ok("GET", BOARD, None)["open_reports"], causes);

    let close = |id: u64| format!("{BOARD}/reports/{id}/close");
    server.send_ok("POST", &close(first), None);
    assert_eq!(list(&server)["causes"][0]["blocks"], false);
    server.send_rejected(404, "REPORT_NOT_FOUND", "POST", &close(first), None);
    server.send_ok("POST", &close(second), Some(&json!({ "reason": "SUP-1" })));
    assert!(server.send_ok("GET", BOARD, None).get("open_reports").is_none());
    let not_an_id = format!("{BOARD}/reports/first/close");
    server.send_rejected(400, "INVALID_NAME", "POST", &not_an_id, None);
}

#[test]
fn the_same_report_again_has_the_same_answer() {
    let server = Server::start();
    let path = format!("{BOARD}/reports");
    let send = |org: &str, cause: &str| {
        let body = json!({ "org": org, "cause": cause });
        server.send_ok("POST", &path, Some(&body))
    };
    let first = send("acme", "No save");
    assert_eq!(
        (&first["changed"], &first["report"], first.get("notes")),
        (&json!(true), &first["revision"], None)
    );
    send("globex", "slow");
    let again = send("acme", " no  SAVE ");
    assert_eq!(
        (&again["changed"], &again["report"]),
        (&json!(false), &first["report"])
    );
    assert_eq!(list(&server)["reports"].as_array().unwrap().len(), 2);
    let unknown = send("hooli", "no save");
    let note = |answer: &Value| answer["notes"][0].clone();
    assert_eq!(
        note(&unknown),
        json!({
            "code": "UNKNOWN_ORG",
            "detail": "hooli has no record as a tenant; the report counts",
            "help": "check the spelling of the org; if it is right, create its record"
        })
    );
    let again = send("hooli", "no save");
    assert_eq!(
        (&again["changed"], &note(&again)["code"]),
        (&json!(false), &json!("UNKNOWN_ORG"))
    );
    assert_eq!(list(&server)["causes"][0]["blocks"], true);
    let body = json!({ "org": "acmee", "cause": "no save" });
    let dry = server.send_ok("POST", &format!("{path}?dry_run=true"), Some(&body));
    assert_eq!(
        (&note(&dry)["code"], dry.get("report")),
        (&json!("UNKNOWN_ORG"), None)
    );
}

#[test]
fn open_reports_block_a_promotion() {
    let server = Server::start();
    server.advance_clock(30 * DAY);
    let of_alpha = "/platform/feature-flags/reports.export";
    let promote = || {
        let body = json!({ "state": "beta" });
        server.send_as(Role::Operator, "POST", &format!("{of_alpha}/state"), Some(&body))
    };
    for org in ["acme", "acme", "globex"] {
        let body = json!({ "org": org, "cause": "no save", "text": org });
        server.send_ok("POST", &format!("{of_alpha}/reports"), Some(&body));
    }
    let refused = promote();
    assert_eq!((refused.status, refused.code().as_str()), (409, "OPEN_REPORTS"));
    let reports = server.send_ok("GET", &format!("{of_alpha}/reports"), None);
    // The report of acme was sent twice, and is open once.
    assert_eq!(reports["reports"].as_array().unwrap().len(), 2);
    let id = &reports["reports"][1]["id"];
    server.send_ok("POST", &format!("{of_alpha}/reports/{id}/close"), None);
    assert_eq!(promote().status, 200);
}

#[test]
fn an_org_admin_reports_for_its_own_org() {
    let server = Server::start();
    let send = |path: &str, body: &Value| server.send_as(Role::OrgAdmin, "POST", path, Some(body));
    let body = json!({ "cause": "no save" });
    assert_eq!(send(OF_ACME, &body).status, 200);
    let reports = &list(&server)["reports"];
    assert_eq!(
        (&reports[0]["org"], &reports[0]["by"]),
        (&json!("acme"), &json!("org-admin"))
    );
    let other = send(&OF_ACME.replace("acme", "globex"), &body);
    assert_eq!((other.status, other.code().as_str()), (403, "ROLE_MISSING"));
    let named = json!({ "org": "acme", "cause": "no save" });
    assert_eq!(send(&format!("{BOARD}/reports"), &named).status, 403);
    // A flag before beta does not exist for an org.
    let hidden = send("/orgs/acme/feature-flags/reports.export/reports", &body);
    assert_eq!((hidden.status, hidden.code().as_str()), (404, "FLAG_NOT_FOUND"));
    let foreign = send(OF_ACME, &json!({ "org": "globex", "cause": "no save" }));
    assert_eq!(foreign.status, 400);
    let close = format!("{BOARD}/reports/{}/close", reports[0]["id"]);
    assert_eq!(send(&close, &json!({})).status, 403);

    // The log of the org has its own reports, and those that staff made and closed for it.
    server.send_ok("POST", &close, None);
    report(&server, &json!({ "org": "globex", "cause": "no save" }));
    let log = server
        .send_as(Role::OrgAdmin, "GET", "/orgs/acme/audit", None)
        .json();
    let entries = log["entries"].as_array().unwrap().iter();
    let applied = entries.filter(|entry| entry["outcome"] == "applied");
    let actions = applied.map(|entry| {
        (
            entry["action"].as_str().unwrap(),
            entry["actor"].as_str().unwrap(),
        )
    });
    let actions: Vec<(&str, &str)> = actions.take(2).collect();
    assert_eq!(
        actions,
        [
            ("feature_flag.report_closed", "platform"),
            ("feature_flag.reported", "org-admin")
        ]
    );
    let platform = server.send_ok("GET", "/platform/audit?org=globex&limit=1", None);
    assert_eq!(platform["entries"][0]["action"], "platform.feature_flag_reported");
}

#[test]
fn invalid_reports_are_rejected() {
    let server = Server::start();
    let path = format!("{BOARD}/reports");
    let rejected = |status, code: &str, body: Value| {
        server.send_rejected(status, code, "POST", &path, Some(&body));
    };
    rejected(422, "INVALID_REPORT", json!({ "org": "acme", "cause": " " }));
    rejected(
        422,
        "INVALID_REPORT",
        json!({ "org": "acme", "cause": "a", "ticket": "x".repeat(101) }),
    );
    rejected(422, "INVALID_REPORT", json!({ "org": "no org", "cause": "a" }));
    rejected(400, "MALFORMED_BODY", json!({ "org": "acme" }));
    let unknown = "/platform/feature-flags/none/reports";
    let body = json!({ "org": "acme", "cause": "a" });
    server.send_rejected(404, "FLAG_NOT_FOUND", "POST", unknown, Some(&body));
    server.send_rejected(404, "FLAG_NOT_FOUND", "GET", unknown, None);
}
