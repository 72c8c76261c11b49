//! The list of flags, and the pages of a flag.

use axum::http::{StatusCode, header};

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
