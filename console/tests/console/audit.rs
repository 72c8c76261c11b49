//! The audit log: entries with readable differences, filters, pages, verification, export.

use axum::http::{StatusCode, header};
use control::Role;

use crate::site::Site;

const DOCUMENT: &str = "
version: 1
tiers: [tier1, tier2]
flags:
  board: { lifecycle: ga, default: on }
  list: { lifecycle: alpha }
tenants:
  acme: { tier: tier1 }
  globex: { tier: tier2 }
";

fn change(site: &Site, fields: &[(&str, &str)]) {
    let applied = site.change("/platform/changes", fields);
    assert_eq!(applied.status, StatusCode::SEE_OTHER, "{}", applied.text);
}

fn kill(site: &Site, reason: &str) {
    let fields = [("operation", "kill"), ("flag", "board"), ("reason", reason)];
    change(site, &fields);
}

#[test]
fn an_entry_shows_who_changed_what_and_why() {
    let site = Site::new(DOCUMENT);
    kill(&site, "orders are lost");
    change(
        &site,
        &[("operation", "tiers"), ("flag", "list"), ("tier.tier1", "on")],
    );
    let page = site.get("/platform/audit");
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "Killed a flag",
        "<a href=\"/platform/feature-flags/board\"><code>board</code></a>",
        "<span class=\"field-name\">Enabled</span>",
        "<code>on</code> → <code>off</code>",
        "“<bdi>orders are lost</bdi>”",
        "Default of the tier tier1",
        "Applied a document",
    ]);
}

#[test]
fn an_entry_of_a_tenant_names_it_and_what_was_removed() {
    let site = Site::new(DOCUMENT);
    change(
        &site,
        &[("operation", "allow"), ("flag", "list"), ("tenants", "acme")],
    );
    change(
        &site,
        &[("operation", "disallow"), ("flag", "list"), ("tenants", "acme")],
    );
    let page = site.get("/platform/audit?tenant=acme");
    page.says(&[
        "Allowed at beta",
        "Removed from the beta allowlist",
        "<a href=\"/platform/tenants/acme\"><bdi>acme</bdi></a>",
        "added <code>list</code>",
        "removed <code>list</code>",
    ])
    .hides(&["globex"]);
}

#[test]
fn a_refused_change_is_marked_with_its_codes() {
    let site = Site::new(DOCUMENT);
    let refused = site.change(
        "/platform/changes",
        &[("operation", "state"), ("flag", "list"), ("state", "ga")],
    );
    assert!(refused.status.is_client_error());
    let page = site.get("/platform/audit?flag=list&action=platform.feature_flag_state_changed");
    page.says(&["<span class=\"tag bad\">refused</span>", "<code class=\"code\">"]);
}

#[test]
fn an_urgent_promotion_names_who_decided() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "state"),
        ("flag", "list"),
        ("state", "beta"),
        ("urgent_decision_maker", "cto"),
        ("urgent_incident", "INC-7"),
        ("urgent_reason", "outage"),
        ("reason", "outage"),
    ];
    change(&site, &fields);
    site.get("/platform/audit").says(&[
        "<span class=\"tag warn\">urgent</span>",
        "<bdi>cto</bdi>, <bdi>INC-7</bdi>: “<bdi>outage</bdi>”",
    ]);
}

#[test]
fn filters_narrow_the_log_and_are_kept() {
    let site = Site::new(DOCUMENT);
    kill(&site, "orders are lost");
    let query = "flag=board&actor=local&action=platform.feature_flag_killed&from=2026-11-20T00:00&until=2030-01-01T00:00";
    let page = site.get(&format!("/platform/audit?{query}"));
    page.says(&[
        "orders are lost",
        "name=\"flag\" value=\"board\"",
        "value=\"platform.feature_flag_killed\" selected",
        "value=\"2026-11-20T00:00\"",
    ]);
    let none = site.get("/platform/audit?flag=board&until=2020-01-01");
    none.says(&["No entry matches.", "Show all entries"])
        .hides(&["orders are lost"]);
}

#[test]
fn a_malformed_time_is_refused_and_kept() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/audit?from=yesterday%3Cb%3E&actor=ada");
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.says(&[
        "is not a time",
        "value=\"yesterday&#60;b&#62;\"",
        "name=\"actor\" value=\"ada\"",
    ]);
}

#[test]
fn older_entries_are_on_the_next_page() {
    let site = Site::new(DOCUMENT);
    for number in 0..30 {
        kill(&site, &format!("kill number {number}."));
        change(&site, &[("operation", "restore"), ("flag", "board")]);
    }
    let first = site.get("/platform/audit?flag=board");
    first
        .says(&["kill number 29.", "Older entries"])
        .hides(&["kill number 1.", "Newest entries"]);
    let (_, rest) = first
        .text
        .split_once("<a href=\"/platform/audit?flag=board&#38;after=")
        .unwrap();
    let after = rest.split_once('"').unwrap().0;
    let second = site.get(&format!("/platform/audit?flag=board&after={after}"));
    second
        .says(&[
            "kill number 1.",
            "<a href=\"/platform/audit?flag=board\">Newest entries</a>",
        ])
        .hides(&["kill number 29.", "Older entries"]);
}

#[test]
fn the_log_of_a_flag_has_its_entries_only() {
    let site = Site::new(DOCUMENT);
    kill(&site, "orders are lost");
    let page = site.get("/platform/feature-flags/board/audit");
    page.says(&[
        "<h1><code>board</code></h1>",
        "href=\"/platform/feature-flags/board/audit\" aria-current=\"page\"",
        "orders are lost",
    ]);
    site.get("/platform/feature-flags/list/audit")
        .hides(&["orders are lost"]);
    assert_eq!(
        site.get("/platform/feature-flags/bord/audit").status,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn the_verification_shows_its_result_and_the_head() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/audit")
        .says(&["hx-get=\"/platform/audit/verification\""]);
    let page = site.get("/platform/audit/verification");
    page.says(&["entries are present and unaltered", "Head of the log"]);
}

#[test]
fn an_export_is_the_whole_log_as_a_download() {
    let site = Site::new(DOCUMENT);
    kill(&site, "orders are lost");
    let export = site.get("/platform/audit/export");
    assert_eq!(export.status, StatusCode::OK);
    assert_eq!(
        export.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"audit.jsonl\""
    );
    assert!(export.text.lines().count() >= 2);
    assert!(export.text.lines().all(|line| line.starts_with('{')));
    export.says(&["orders are lost"]);
}

#[test]
fn hostile_texts_of_an_entry_are_shown_as_text() {
    let site = Site::new(DOCUMENT);
    let reason = format!("<b>x</b>\u{202e}\u{7}{}", "y".repeat(900));
    kill(&site, &reason);
    let page = site.get("/platform/audit?actor=%22%3E%3Cscript%3E");
    page.hides(&["<script>"]);
    let page = site.get("/platform/audit");
    page.says(&["&#60;b&#62;x&#60;/b&#62;\\u{202e}\\u{7}"])
        .hides(&["<b>x", "\u{202e}"]);
}

#[test]
fn a_page_of_large_entries_stays_small() {
    let tenants: String = (0..60)
        .map(|number| {
            let attributes: Vec<String> = (0..20)
                .map(|name| format!("a{name}: {}", "v".repeat(200)))
                .collect();
            format!(
                "  t{number}: {{ tier: tier1, attributes: {{ {} }} }}\n",
                attributes.join(", ")
            )
        })
        .collect();
    let site = Site::new(&format!(
        "version: 1\ntiers: [tier1]\nflags: {{ board: {{ lifecycle: ga }} }}\ntenants:\n{tenants}"
    ));
    let page = site.get("/platform/audit");
    assert!(page.text.len() < 200 * 1024, "{}", page.text.len());
    page.says(&["more fields changed: the export has them."]);
}

#[test]
fn a_page_of_long_hostile_reasons_stays_small() {
    let site = Site::new(DOCUMENT);
    let reason = "<\u{202e}".repeat(500);
    for _ in 0..30 {
        kill(&site, &reason);
        change(
            &site,
            &[("operation", "restore"), ("flag", "board"), ("reason", &reason)],
        );
    }
    let page = site.get("/platform/audit");
    assert!(page.text.len() < 200 * 1024, "{}", page.text.len());
    page.says(&["…</bdi>”"]);
}

#[test]
fn a_viewer_reads_the_log_and_an_org_admin_does_not() {
    let site = Site::new(DOCUMENT);
    for path in [
        "/platform/audit",
        "/platform/audit/export",
        "/platform/audit/verification",
    ] {
        site.visit_as(Role::Viewer, None);
        assert_eq!(site.get(path).status, StatusCode::OK, "{path}");
        site.visit_as(Role::OrgAdmin, Some("acme"));
        assert_eq!(site.get(path).status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn an_empty_log_shows_the_first_commands() {
    let site = Site::empty();
    site.get("/platform/audit")
        .says(&["Nothing was changed yet", "sluice audit list"]);
    site.get("/platform/audit/verification")
        .says(&["Intact: the log has no entry yet"]);
}
