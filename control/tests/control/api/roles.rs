//! The matrix of every route and every role, generated from the table of the router.

use control::api::{ApiRoute, ORG_CHANGE_BURST, routes};
use control::{Code, Damage, Role};
use control::{ORG_REFUSALS_NOTED_PER_MINUTE, REFUSALS_NOTED_PER_MINUTE};
use serde_json::{Value, json};

use crate::api::server::Server;

/// Returns a path of the route, with this org.
fn path(route: &ApiRoute, org: &str) -> String {
    route
        .path
        .replace("{org}", org)
        .replace("{flag}", "dispatch.v2Board")
        .replace("{report}", "1")
        .replace("{request}", "0123456789abcdef0123456789abcdef")
}

/// Returns a valid body for the route, if it has one.
fn body(route: &ApiRoute) -> Option<Value> {
    let body = match route.name {
        "setState" => json!({ "state": "ga" }),
        "setTiers" => json!({ "tiers": { "tier1": "on" } }),
        "setRollout" => json!({ "rollout": null }),
        "openIncident" | "closeIncident" => json!({ "incident": "INC-7" }),
        "signOff" | "approveRolloutPlan" => json!({ "role": "operations" }),
        "report" => json!({ "org": "acme", "cause": "no save" }),
        "reportOfOrg" => json!({ "cause": "no save" }),
        "checkRolloutItem" => json!({ "item": "tests passing" }),
        "setOverride" => json!({ "enabled": null }),
        // It has no body.
        "tickRollout" => return None,
        "importOrgs" => json!({ "tenants": {} }),
        "setLogLevel" => json!({ "level": "info" }),
        "explain" => json!({ "flag": "ui.shell" }),
        "applyDocument" => json!({ "version": 1, "flags": {} }),
        _ if ["POST", "PUT", "PATCH"].contains(&route.method.as_str()) && route.name != "allowBeta" => {
            json!({})
        }
        _ => return None,
    };
    Some(body)
}

#[test]
fn every_route_admits_the_roles_of_the_table_and_no_other() {
    let server = Server::start();
    for route in routes() {
        for role in Role::ALL {
            let (method, path) = (route.method.as_str(), path(route, "acme"));
            let response = server.send_as(role, method, &path, body(route).as_ref());
            let code = if response.status == 200 {
                String::new()
            } else {
                response.code()
            };
            let is_refused = response.status == 403 && code == "ROLE_MISSING";
            assert_eq!(
                is_refused,
                !route.allows(role),
                "{method} {path} as {}: {}",
                role.as_str(),
                response.status
            );
            assert!(
                response.status < 500
                    && !matches!(response.status, 400 | 401 | 405 | 415)
                    && code != "NOT_FOUND",
                "{method} {path}: {} {code}",
                response.status
            );
        }
    }
}

#[test]
fn no_route_answers_without_credentials() {
    let server = Server::start();
    for route in routes() {
        let (method, path) = (route.method.as_str(), path(route, "acme"));
        let response = server.send(crate::api::server::request(method, &path, body(route).as_ref()));
        assert_eq!(
            (response.status, response.code().as_str()),
            (401, "NOT_SIGNED_IN"),
            "{method} {path}"
        );
        assert_eq!(
            response.header("www-authenticate"),
            Some("Bearer realm=\"sluice\"")
        );
    }
}

/// The roles that may call each operation, written independently of the route table, so that a route opened to
/// further roles is noticed.
#[test]
fn the_table_matches_the_expected_roles() {
    for route in routes() {
        let own = route.path.starts_with("/orgs/{org}/");
        let for_all = ["/whoami", "/openapi.json", "/requests/{request}"].contains(&route.path);
        assert_eq!(route.allows(Role::OrgAdmin), own || for_all, "{}", route.path);
        let for_admins = ["applyDocument", "backup", "showLogLevel", "setLogLevel"].contains(&route.name);
        let is_read = (route.method.as_str() == "GET" && !for_admins) || route.name == "explain";
        assert_eq!(
            route.allows(Role::Viewer),
            is_read,
            "{} {}",
            route.method.as_str(),
            route.path
        );
        assert_eq!(route.allows(Role::Operator), !for_admins, "{}", route.name);
        assert!(route.allows(Role::PlatformAdmin), "{}", route.name);
    }
}

#[test]
fn an_org_admin_gets_one_answer_for_every_other_org() {
    let server = Server::start();
    for route in routes().filter(|route| route.path.starts_with("/orgs/{org}/")) {
        let ask = |org| {
            server.send_as(
                Role::OrgAdmin,
                route.method.as_str(),
                &path(route, org),
                body(route).as_ref(),
            )
        };
        let [there, nowhere] = ["globex", "no-such-org"].map(|org| {
            let response = ask(org);
            assert_eq!(response.status, 403, "{}", route.path);
            let mut problem = response.json();
            problem.as_object_mut().unwrap().remove("request_id");
            problem
        });
        assert_eq!(there, nowhere, "{}", route.path);
    }
}

#[test]
fn an_org_admin_may_not_explain_requests() {
    let server = Server::start();
    for tenant in ["acme", "globex"] {
        let request = json!({ "method": "GET", "path": "/", "tenant": tenant });
        let question = json!({ "request": request });
        let response = server.send_as(Role::OrgAdmin, "POST", "/explain", Some(&question));
        assert_eq!((response.status, response.code().as_str()), (403, "ROLE_MISSING"));
        let staff = server.send_as(Role::Viewer, "POST", "/explain", Some(&question));
        assert_eq!(staff.status, 200);
    }
}

#[test]
fn flags_before_beta_do_not_exist_for_an_org_admin() {
    let server = Server::start();
    let listed = server
        .send_as(Role::OrgAdmin, "GET", "/orgs/acme/feature-flags", None)
        .json();
    let keys: Vec<&str> = listed["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["dispatch.v2Board", "ui.shell"]);
    let choose = |flag: &str| {
        let path = format!("/orgs/acme/feature-flags/{flag}/opt-in");
        server.send_as(Role::OrgAdmin, "POST", &path, Some(&json!({})))
    };
    let [alpha, none] = ["reports.export", "no.such.flag"].map(|flag| {
        let response = choose(flag);
        (
            response.status,
            response
                .text()
                .replace(flag, "")
                .replace(&response.json()["request_id"].to_string(), ""),
        )
    });
    assert_eq!(alpha.0, 404);
    assert_eq!(alpha, none);
}

#[test]
fn a_rejected_privileged_action_is_in_the_audit_log() {
    let server = Server::start();
    let response = server.send_as(
        Role::Viewer,
        "POST",
        "/platform/feature-flags/ui.shell/kill",
        Some(&json!({})),
    );
    assert_eq!(response.status, 403);
    let log = server.send_ok("GET", "/platform/audit?actor=viewer", None);
    let entry = &log["entries"][0];
    assert_eq!(entry["action"], "platform.feature_flag_killed");
    assert_eq!(
        (&entry["outcome"], &entry["flag"]),
        (&json!("refused"), &json!("ui.shell"))
    );
    assert_eq!(entry["request_id"], response.header("x-request-id").unwrap());
}

#[test]
fn a_dry_run_shows_an_org_admin_its_org_and_visible_flags() {
    let server = Server::start();
    let document = json!({ "version": 1, "tiers": ["tier1", "tier2", "tier3"], "flags": {
        "board.next": { "lifecycle": "alpha", "default": "on", "requires": ["dispatch.v2Board"] },
        "board.extra": { "lifecycle": "beta", "default": "on", "requires": ["dispatch.v2Board"] },
    } });
    server.send_ok(
        "PUT",
        "/platform/document?adopt=true&decision_maker=carla&incident=MIG-1&reason=a%20test",
        Some(&document),
    );
    let tiers = json!({ "tiers": { "tier3": "on" } });
    server.send_ok(
        "PUT",
        "/platform/feature-flags/dispatch.v2Board/tiers",
        Some(&tiers),
    );
    let internal = json!({ "internal": true, "channel": "latest" });
    server.send_ok("PATCH", "/platform/orgs/acme", Some(&internal));
    let path = "/orgs/acme/feature-flags/dispatch.v2Board/opt-out?dry_run=true";
    let answer = |role| server.send_as(role, "POST", path, Some(&json!({}))).json()["preview"].clone();
    let staff = answer(Role::Operator);
    assert_eq!(staff["tenants_total"], 3, "{staff}");
    assert!(staff.to_string().contains("board.next"), "{staff}");
    let own = answer(Role::OrgAdmin);
    assert_eq!(
        (&own["tenants_total"], &own["unchanged"]),
        (&json!(1), &json!([]))
    );
    assert!(own.to_string().contains("dispatch.v2Board"), "{own}");
    assert!(!own.to_string().contains("board.next"), "{own}");
    assert_eq!(
        own["decisions_changed"],
        own["decisions"].as_array().unwrap().len()
    );
}

#[test]
fn an_org_admin_who_requests_a_hidden_flag_is_audited() {
    let server = Server::start();
    let path = "/orgs/acme/feature-flags/reports.export/opt-in";
    server.send_as(Role::OrgAdmin, "POST", path, Some(&json!({})));
    let log = server.send_ok("GET", "/platform/audit?actor=org-admin", None);
    let entry = &log["entries"][0];
    assert_eq!(
        (&entry["outcome"], &entry["flag"], &entry["details"]["codes"]),
        (
            &json!("refused"),
            &json!("reports.export"),
            &json!(["FLAG_NOT_FOUND"])
        )
    );
}

#[test]
fn rejections_of_one_actor_leave_room_for_those_of_others() {
    let server = Server::start();
    let kill = "/platform/feature-flags/ui.shell/kill";
    for _ in 0..REFUSALS_NOTED_PER_MINUTE + 20 {
        server.send_as(Role::Viewer, "POST", kill, Some(&json!({})));
    }
    server.send_as(Role::OrgAdmin, "POST", kill, Some(&json!({})));
    let of = |actor: &str| {
        let log = server.send_ok("GET", &format!("/platform/audit?actor={actor}&limit=1000"), None);
        log["entries"].as_array().unwrap().len()
    };
    assert_eq!(of("org-admin"), 1);
    let noisy = of("viewer");
    assert!((60..80).contains(&noisy), "{noisy}");
}

/// Returns the number of rejections of this actor in the log, and the number of omitted ones that the newest reports.
fn noted(server: &Server, actor: &str) -> (u32, Option<u64>) {
    let log = server.send_ok("GET", &format!("/platform/audit?actor={actor}&limit=1000"), None);
    let entries = log["entries"].as_array().unwrap();
    let refused = entries.iter().filter(|entry| entry["outcome"] == "refused");
    let omitted = entries
        .iter()
        .find_map(|entry| entry["details"]["omitted_before"].as_u64());
    (u32::try_from(refused.count()).unwrap(), omitted)
}

#[test]
fn rejected_changes_of_an_org_can_not_fill_the_log() {
    let server = Server::start();
    let closed = json!({ "version": 1, "policy": { "beta_opt_in": false },
        "flags": { "c.z": { "lifecycle": "beta" } } });
    server.send_ok(
        "PUT",
        "/platform/document?adopt=true&force=true&decision_maker=carla&incident=MIG-1&reason=a%20test",
        Some(&closed),
    );
    let opt_in = "/orgs/acme/feature-flags/c.z/opt-in";
    let reason = json!({ "reason": "r".repeat(1_000) });
    for _ in 0..10 * ORG_REFUSALS_NOTED_PER_MINUTE {
        let refused = server.send_as(Role::OrgAdmin, "POST", opt_in, Some(&reason));
        assert_eq!(refused.status, 409, "{}", refused.text());
    }
    let (few, _) = noted(&server, "org-admin");
    let most = ORG_REFUSALS_NOTED_PER_MINUTE;
    assert!((most..2 * most).contains(&few), "{few}");

    let kill = "/platform/feature-flags/nono/kill";
    for _ in 0..REFUSALS_NOTED_PER_MINUTE + 40 {
        assert_eq!(
            server
                .send_as(Role::Operator, "POST", kill, Some(&json!({})))
                .status,
            404
        );
    }
    let (some, _) = noted(&server, "operator");
    let most = REFUSALS_NOTED_PER_MINUTE;
    assert!((most..most + 30).contains(&some), "{some}");
    let left_out = testkit::eventually("an entry that tells how many were left out", || {
        server.send_as(Role::Operator, "POST", kill, Some(&json!({})));
        noted(&server, "operator").1
    });
    assert!(left_out > 0);
}

#[test]
fn changes_of_an_org_can_not_fill_the_log() {
    let server = Server::start();
    let document = json!({ "version": 1, "flags": { "c.z": { "lifecycle": "beta" } } });
    server.send_ok(
        "PUT",
        "/platform/document?adopt=true&force=true&decision_maker=carla&incident=MIG-1&reason=a%20test",
        Some(&document),
    );
    let choose = |role: Role, choice: &str| {
        let path = format!("/orgs/acme/feature-flags/c.z/{choice}");
        server.send_as(role, "POST", &path, Some(&json!({}))).status
    };
    let mut taken = 0;
    while ["opt-in", "opt-out"].map(|choice| choose(Role::OrgAdmin, choice)) == [200, 200] {
        taken += 2;
        assert!(taken < 3 * ORG_CHANGE_BURST, "{taken}");
    }
    assert!(taken >= ORG_CHANGE_BURST - 2, "{taken}");
    assert_eq!(
        choose(Role::Operator, "opt-out"),
        200,
        "staff is held up by nobody"
    );
}

#[test]
fn a_dry_run_tells_customers_no_cause_of_read_only() {
    let damage = Damage {
        code: Code::StoreDamaged,
        detail: "/var/lib/sluice/flags.db is malformed".into(),
        help: "sluice restore BACKUP --to /var/lib/sluice".into(),
    };
    let opt_in = "/orgs/acme/feature-flags/dispatch.v2Board/opt-in?dry_run=true";
    for (server, code, cause) in [
        (
            Server::with_damaged_store(damage),
            "STORE_DAMAGED",
            "/var/lib/sluice",
        ),
        (Server::with_files(), "READ_ONLY_SOURCE", "--socket"),
    ] {
        let read_only = |role| {
            let answer = server.send_as(role, "POST", opt_in, Some(&json!({})));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["read_only"].clone()
        };
        let shown = read_only(Role::Operator);
        assert_eq!(shown["code"], code);
        assert!(shown.to_string().contains(cause), "{shown}");
        let expected = json!({ "code": code, "detail": "changes are not possible now" });
        assert_eq!(read_only(Role::OrgAdmin), expected);
    }
}
