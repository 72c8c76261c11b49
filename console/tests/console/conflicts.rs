//! Confirmations after others changed something: what they did, in words.

use axum::http::StatusCode;
use control::Role;

use crate::site::{Received, Site};

const DOCUMENT: &str = "
version: 1
tiers: [tier1]
policy: { beta_opt_in: true }
flags:
  board: { lifecycle: ga, default: on }
tenants:
  acme: { tier: tier1 }
";

/// Previews a change, lets others kill and restore the flag, and confirms it.
fn conflict(site: &Site, kills: usize, reason: &str) -> Received {
    let fields = [
        ("operation", "override"),
        ("flag", "board"),
        ("tenants", "acme"),
        ("variant", "off"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    let revision = preview.value_of("revision");
    for _ in 0..kills {
        for operation in ["kill", "restore"] {
            let fields = [("operation", operation), ("flag", "board"), ("reason", reason)];
            site.change("/platform/changes", &fields).location();
        }
    }
    let mut confirmed = fields.to_vec();
    confirmed.push(("revision", &revision));
    let conflict = site.change("/platform/changes", &confirmed);
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    conflict
}

#[test]
fn a_conflict_shows_what_others_did_in_words() {
    let site = Site::new(DOCUMENT);
    let page = conflict(&site, 1, "it is broken");
    page.says(&[
        "Killed a flag",
        "Restored a flag",
        "<span class=\"field-name\">Enabled</span>",
        "<code>on</code> → <code>off</code>",
        "it is broken",
        "href=\"/platform/feature-flags/board/audit\"",
    ]);
    page.hides(&["platform.feature_flag_killed", "more changes"]);
}

#[test]
fn a_conflict_says_how_many_changes_it_leaves_out() {
    let site = Site::new(DOCUMENT);
    conflict(&site, 40, "again").says(&["60 more changes", "Killed a flag"]);
}

#[test]
fn a_conflict_with_long_reasons_is_a_small_page() {
    let site = Site::new(DOCUMENT);
    let page = conflict(&site, 30, &"\u{202e}".repeat(1_000));
    let bytes = page.text.len();
    assert!(bytes < 100 * 1_024, "{bytes} bytes");
}

#[test]
fn an_org_sees_what_its_people_chose_meanwhile() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    let page = site.get("/admin/feature-flags/board/report");
    let token = page.value_of("form_token");
    let send = |path: &str, more: &[(&str, &str)]| {
        let mut fields = vec![("form_token", &*token), ("org", "acme"), ("flag", "board")];
        fields.extend_from_slice(more);
        site.submit(path, &fields)
    };
    let preview = send("/admin/changes/preview", &[("operation", "opt-in")]);
    let revision = preview.value_of("revision");
    send("/admin/changes", &[("operation", "opt-out")]).location();
    let fields = [("operation", "opt-in"), ("revision", &*revision)];
    let conflict = send("/admin/changes", &fields);
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    conflict.says(&["Something was changed meanwhile", "Turned off by vera"]);
    conflict.hides(&["opted_out", "/platform/", "class=\"code\""]);
}
