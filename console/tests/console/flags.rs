//! The list of flags, and the pages of a flag.

use axum::http::{StatusCode, header};
use control::{LifecyclePolicy, Role};

use crate::site::Site;

#[test]
fn a_hostile_description_is_shown_as_text() {
    let site = Site::new(
        "{ version: 1, tiers: [a], flags: { board: { lifecycle: ga, description: \"<script>x</script> \\u202e\" } } }",
    );
    let page = site.get("/platform/feature-flags/board");
    assert_eq!(page.status, StatusCode::OK);
    page.says(&["&#60;script&#62;", "\\u{202e}"]);
    assert!(!page.text.contains("<script>x"));
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
}

#[test]
fn an_unknown_flag_has_a_page_that_says_so() {
    let site = Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }");
    let page = site.get("/platform/feature-flags/bord");
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.says(&["no flag has the key `bord`"]);
}

const COMPANY: &str = "
version: 1
tiers: [free, paid]
flags:
  board: { lifecycle: beta, owner: dispatch, description: New board, tiers: { paid: on } }
  list: { lifecycle: ga, default: on, owner: billing }
  core: { kind: permission, default: on }
tenants:
  acme: { tier: paid, channel: latest, beta: [board] }
  globex: { tier: free, overrides: { list: off } }
";

#[test]
fn flags_are_listed_with_the_tenants_that_have_them() {
    let site = Site::new(COMPANY);
    let page = site.get("/platform/feature-flags");
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.says(&["3 flags", "1 of 2", "2 of 2", "New board", "dispatch", "beta"]);
}

#[test]
fn flags_are_searched_filtered_and_sorted() {
    let site = Site::new(COMPANY);
    for (query, found, missing) in [
        ("search=NEW+bo", "feature-flags/board", "feature-flags/list"),
        ("state=ga", "feature-flags/list", "feature-flags/board"),
        ("state=none", "feature-flags/core", "feature-flags/board"),
        ("owner=billing", "feature-flags/list", "feature-flags/core"),
    ] {
        let page = site.get(&format!("/platform/feature-flags?{query}"));
        page.says(&[&format!("href=\"/platform/{found}\"")]);
        assert!(
            !page.text.contains(&format!("href=\"/platform/{missing}\"")),
            "{query}"
        );
    }
    site.get("/platform/feature-flags?search=nothing")
        .says(&["No flag matches “nothing”."]);
    site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    let killed = site.get("/platform/feature-flags?state=killed");
    killed.says(&["one flag", "feature-flags/board", "killed"]);
}

#[test]
fn a_long_key_breaks_only_after_its_dots() {
    let site = Site::new(
        "{ version: 1, tiers: [a], flags: { dispatch.bulk.moveOfJobs: { lifecycle: ga }, short.one: { lifecycle: ga } } }",
    );
    let key = "<code>dispatch.<wbr>bulk.<wbr>moveOfJobs</code>";
    site.get("/platform/feature-flags")
        .says(&[key, "<code>short.one</code>"]);
    site.get("/platform/feature-flags/dispatch.bulk.moveOfJobs")
        .says(&[key]);
}

#[test]
fn a_list_names_the_roles_of_its_table() {
    let site = Site::new(COMPANY);
    for path in ["/platform/feature-flags", "/platform/tenants", "/platform/audit"] {
        let page = site.get(path);
        let (_, table) = page.text.split_once("<table").unwrap();
        let (table, _) = table.split_once("</table>").unwrap();
        assert!(table.starts_with(" role=\"table\""), "{path}");
        for element in ["<tr", "<td", "<tbody", "<thead"] {
            let named = format!("{element} role=");
            let (count, named) = (table.matches(element), table.matches(&named));
            assert_eq!(count.count(), named.count(), "{path} {element}");
        }
        let headers = table.matches("<th scope=").count();
        assert_eq!(headers, table.matches("header\"").count(), "{path}");
    }
}

#[test]
fn a_killed_flag_is_restored_from_the_list() {
    let site = Site::new(COMPANY);
    let button = "aria-label=\"Restore board\"";
    site.get("/platform/feature-flags").hides(&[button]);
    site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    site.get("/platform/feature-flags")
        .says(&[button, "value=\"restore\""]);
}

#[test]
fn the_list_counts_tenants_that_opted_in_where_there_are_some() {
    let site = Site::new(COMPANY);
    site.get("/platform/feature-flags").hides(&["opted in"]);
    let site = Site::new(&COMPANY.replace("channel: latest", "opt_in: [board]"));
    site.get("/platform/feature-flags").says(&["1 opted in"]);
}

#[test]
fn met_conditions_are_folded_and_the_button_waits() {
    let site = Site::new(COMPANY);
    let page = site.get("/platform/feature-flags/board");
    page.says(&[
        "<details id=\"met\">",
        "are met</summary>",
        "<button>Promote to ga",
    ]);
    let policy = LifecyclePolicy {
        soak_ms: 0,
        ..LifecyclePolicy::default()
    };
    let site = Site::with_policy(policy, &COMPANY.replace("lifecycle: beta", "lifecycle: alpha"));
    let page = site.get("/platform/feature-flags/board");
    page.says(&["<button class=\"primary\">Promote to beta"]);
}

#[test]
fn an_empty_list_of_flags_shows_the_first_command() {
    let site = Site::new("{ version: 1, tiers: [a] }");
    site.get("/platform/feature-flags")
        .says(&["There are no flags yet", "sluice apply -f flags.yaml"]);
}

#[test]
fn the_next_step_has_its_conditions_and_the_table_its_tenants() {
    let site = Site::new(COMPANY);
    let page = site.get("/platform/feature-flags/board");
    page.says(&[
        "aria-current=\"step\"",
        "Next step: ga",
        "SOAK_NOT_ELAPSED",
        "possible from",
        "Promote to ga",
        "On for all tenants without another cause",
        "On for 1 of 2 tenants",
        "not eligible at the state of the flag",
        "the default of the tier",
        "Revert",
    ]);
    page.says(&["no problem that several tenants reported", ">Shortcuts</button>"]);
    let core = site.get("/platform/feature-flags/core");
    core.says(&["</svg>no lifecycle</span>"]);
    assert!(!core.text.contains("Lifecycle</h2>"));
}

#[test]
fn a_met_condition_has_no_code_of_an_error() {
    let site = Site::new(COMPANY);
    let page = site.get("/platform/feature-flags/board");
    page.says(&["no open incident</li>"]).hides(&["INCIDENT_OPEN"]);
}

#[test]
fn to_retire_a_flag_is_named_so_and_explained() {
    let site = Site::new(COMPANY);
    site.get("/platform/feature-flags/list")
        .says(&[
            "<button>Retire</button>",
            "Retired: every tenant gets the final variant",
        ])
        .hides(&["Promote to retired"]);
    let fields = [("operation", "state"), ("flag", "list"), ("state", "retired")];
    site.change("/platform/changes/preview", &fields)
        .says(&["<h1><bdi>Retire list</bdi></h1>"]);
}

#[test]
fn a_kill_from_the_list_of_flags_is_one_step() {
    let site = Site::new(COMPANY);
    let list = site.get("/platform/feature-flags");
    list.says(&[
        "href=\"/platform/feature-flags/board/kill\" data-open=\"kill-row\" data-flag=\"board\"",
        "<dialog id=\"kill-row\"",
    ])
    .hides(&["/platform/changes/preview"]);
    let page = site.get("/platform/feature-flags/board/kill");
    page.says(&[
        "<h1 id=\"kill-title\">Kill <code data-flag-name>board</code></h1>",
        "action=\"/platform/changes\"",
        "name=\"flag\" value=\"board\"",
        "Kill now",
    ]);
    site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    let killed = site.get("/platform/feature-flags/board/kill");
    assert_eq!(killed.location(), "/platform/feature-flags/board");
    let unknown = site.get("/platform/feature-flags/bord/kill");
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[test]
fn a_page_behind_the_last_one_is_not_called_empty() {
    let site = Site::new(COMPANY);
    site.get("/platform/feature-flags?page=7")
        .says(&["This page is behind the last one of"])
        .hides(&["There are no flags yet"]);
    let empty = Site::new("version: 1\nflags: {}\n");
    empty
        .get("/platform/feature-flags")
        .says(&["There are no flags yet", "sluice apply -f flags.yaml"]);
    empty
        .get("/platform/tenants")
        .says(&["sluice tenants import -f tenants.yaml"]);
}

#[test]
fn the_reason_of_a_kill_may_follow() {
    let site = Site::new(COMPANY);
    let killed = site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    let page = site.get(killed.location());
    page.says(&[
        "Killed board",
        "name=\"operation\" value=\"kill-reason\"",
        "Add the reason",
    ]);
    let without = [("operation", "kill-reason"), ("flag", "board")];
    let refused = site.change("/platform/changes", &without);
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let with = [
        ("operation", "kill-reason"),
        ("flag", "board"),
        ("reason", "payouts twice"),
    ];
    let added = site.change("/platform/changes", &with);
    site.get(added.location())
        .says(&["Added the reason for the kill of board"])
        .hides(&["Add the reason</button>"]);
    site.get("/platform/feature-flags/board/audit")
        .says(&["payouts twice"]);

    let because = [("operation", "kill"), ("flag", "list"), ("reason", "known")];
    let killed = site.change("/platform/changes", &because);
    site.get(killed.location()).hides(&["Add the reason"]);
}

#[test]
fn who_may_not_kill_has_no_page_for_it() {
    let site = Site::new(COMPANY);
    site.visit_as(Role::Viewer, None);
    site.get("/platform/feature-flags").hides(&["kill-row"]);
    let page = site.get("/platform/feature-flags/board/kill");
    assert_eq!(page.location(), "/platform/feature-flags/board");
}

#[test]
fn tenants_of_a_flag_are_filtered_by_their_standing() {
    let site = Site::new(COMPANY);
    let all = site.get("/platform/feature-flags/list/tenants");
    all.says(&["acme", "globex", "override off", "an override"]);
    let overridden = site.get("/platform/feature-flags/list/tenants?standing=overridden");
    overridden.says(&["tenants/globex"]);
    assert!(!overridden.text.contains("tenants/acme"));
}

#[test]
fn incidents_are_opened_and_closed_by_forms() {
    let site = Site::new(COMPANY);
    let open = [
        ("operation", "open-incident"),
        ("flag", "board"),
        ("incident", "INC-1"),
    ];
    assert_eq!(
        site.change("/platform/changes", &open).status,
        StatusCode::SEE_OTHER
    );
    site.get("/platform/feature-flags/board")
        .says(&["INC-1", "INCIDENT_OPEN", "close"]);
    let close = [
        ("operation", "close-incident"),
        ("flag", "board"),
        ("incident", "INC-1"),
    ];
    assert_eq!(
        site.change("/platform/changes", &close).status,
        StatusCode::SEE_OTHER
    );
    site.get("/platform/feature-flags/board")
        .says(&["No open incident."]);
}

#[test]
fn a_path_without_a_page_leads_back() {
    let site = Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }");
    assert_eq!(site.get("/platform").location(), "/platform/feature-flags");
    let missing = [
        "/platform/nosuch",
        "/platform/feature-flags/board/nosuch",
        "/admin/nosuch",
    ];
    let leads_back = |path: &str| {
        let page = site.get(path);
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.says(&[
            "There is no such page",
            "<a href=\"/console\">To the first page</a>",
        ]);
    };
    missing.iter().for_each(|path| leads_back(path));
    // The pages of staff do not exist for the admins of orgs.
    site.visit_as(Role::OrgAdmin, Some("acme"));
    assert_eq!(site.get("/platform").location(), "/admin/feature-flags");
    missing.iter().for_each(|path| leads_back(path));
    leads_back("/platform/feature-flags");
}
