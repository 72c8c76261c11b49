//! Explanations of requests and flags: phases, lines, links, tokens.

use axum::http::StatusCode;
use control::Role;

use crate::site::{Received, Site};

const DOCUMENT: &str = "
version: 1
tiers: [tier1]
flags:
  board: { lifecycle: ga, default: on, rules: [{ name: pilots, when: { attribute: seats, gt: 50 }, serve: off }] }
tenants:
  acme: { tier: tier1 }
";

fn submit(site: &Site, fields: &[(&str, &str)]) -> Received {
    let token = site.get("/platform/explain").value_of("form_token");
    let mut all = vec![("form_token", &*token)];
    all.extend_from_slice(fields);
    site.submit("/platform/explain", &all)
}

#[test]
fn an_explanation_has_every_phase_and_line() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/explain?method=POST&path=/board&tenant=acme");
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "404 NOT_FOUND from Sluice: the gate is closed</h2>\n  <p class=\"dim\">`unmatched` answers unknown paths</p>",
        "<code>/board</code>",
        "as sent: <code>//board</code>",
        "<code>board</code> <span class=\"dim small\">sluice.yaml:13:13</span>",
        "not <code>board-post</code>: its method is not POST",
        "100 in 1 s",
        "tenant acme",
        "closed</span>",
        "<tr class=\"deciding\"><th scope=\"row\"><span class=\"mark\" aria-hidden=\"true\">⇒</span> lifecycle alpha",
        "would otherwise",
        "serves off",
        "not called",
    ]);
}

#[test]
fn an_open_gate_names_the_upstream() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/explain?path=/open&tenant=acme").says(&[
        "From the upstream",
        "<dd><code>api</code>",
        "open</span>",
    ]);
}

#[test]
fn a_question_becomes_a_link() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("method", "GET"),
        ("path", "/board?a=1&b"),
        ("tenant", "acme"),
        ("user", "u-1"),
        ("groups", "a\nb"),
        ("attributes", "seats=80"),
        ("host", "shop.example"),
        ("headers", "X-Variant: b"),
        ("at", "2026-11-20T00:00:00Z"),
        ("token", ""),
    ];
    let link = submit(&site, &fields).location().to_owned();
    assert!(!link.contains("token"), "{link}");
    let page = site.get(&link);
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "tenant acme, user Some(&#34;u-1&#34;), groups [&#34;a&#34;, &#34;b&#34;]",
        "host shop.example, headers [(&#34;x-variant&#34;, &#34;b&#34;)], at 1795132800000",
        "seats is Number",
        "name=\"path\" value=\"/board?a=1&#38;b\"",
        ">seats=80</textarea>",
        "Link to this question",
        "The link repeats the question with the flags of that moment.",
    ]);
}

#[test]
fn a_token_is_explained_and_never_in_a_link() {
    let site = Site::new(DOCUMENT);
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1LTEifQ.c2lnbmF0dXJl";
    let page = submit(&site, &[("path", "/board"), ("token", token)]);
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        &*format!("a token of {} bytes", token.len()),
        "<a href=\"/platform/explain?path=%2Fboard\">Link to this question without its secrets</a>",
        "never part of a link",
    ]);
    // A token in a link is neither used nor kept.
    let link = site.get(&format!("/platform/explain?path=/board&token={token}"));
    assert_eq!(link.location(), "/platform/explain?path=%2Fboard");
}

#[test]
fn credentials_in_headers_are_not_in_a_link() {
    let site = Site::new(DOCUMENT);
    let fields = [("path", "/board"), ("headers", "Cookie: session=1")];
    let page = submit(&site, &fields);
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "<a href=\"/platform/explain?path=%2Fboard\">",
        ">Cookie: session=1</textarea>",
    ]);
}

#[test]
fn a_flag_is_explained_without_a_request() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/explain?about=flag&flag=board&tenant=acme&attributes=seats%3D80");
    page.says(&[
        "<h3><code>board</code>: serves <strong>off</strong></h3>",
        "<code>seats gt 50</code>",
        "has 80",
        "⇒",
        "would otherwise",
        "href=\"/platform/explain?flag=board",
    ])
    .hides(&["no record"]);
    let stranger = site.get("/platform/explain?about=flag&flag=board&tenant=initech");
    stranger.says(&["The tenant has no record"]);
}

#[test]
fn an_invalid_question_keeps_the_input() {
    let site = Site::new(DOCUMENT);
    for (query, problem, kept) in [
        ("path=/a&attributes=seats", "NAME=VALUE", ">seats</textarea>"),
        (
            "path=/a&at=yesterday",
            "`at` is",
            "name=\"at\" value=\"yesterday\"",
        ),
        (
            "path=/a&client=here%3Cb%3E",
            "client",
            "value=\"here&#60;b&#62;\"",
        ),
        ("path=/a&method=G%20T", "method", "name=\"method\" value=\"G T\""),
        (
            "about=flag&flag=bord",
            "no flag has the key `bord`",
            "name=\"flag\" value=\"bord\"",
        ),
    ] {
        let page = site.get(&format!("/platform/explain?{query}"));
        assert!(page.status.is_client_error(), "{query}: {}", page.status);
        page.says(&["The question is invalid", problem, kept]);
    }
}

#[test]
fn a_hostile_question_is_shown_as_text() {
    let site = Site::new(DOCUMENT);
    let path = format!("/%3Cscript%3E{}%E2%80%AE", "x".repeat(1_000));
    let page = site.get(&format!("/platform/explain?path={path}&tenant=acme"));
    assert_eq!(page.status, StatusCode::OK);
    page.says(&["&#60;script&#62;xxx", "\\u{202e}"])
        .hides(&["<script>xxx"]);
}

#[test]
fn a_form_without_a_question_shows_the_command() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/explain")
        .says(&["sluice explain --tenant acme GET"]);
    site.get("/platform/explain?about=flag").says(&[
        "<label for=\"flag\">Flag</label>",
        "Name a flag and a tenant.",
        "sluice flags explain board.v2 --tenant acme",
    ]);
}

#[test]
fn a_viewer_may_ask_and_an_org_admin_may_not() {
    let site = Site::new(DOCUMENT);
    let path = "/platform/explain?path=/board&tenant=acme";
    assert_eq!(site.visit_as(Role::Viewer, None).get(path).status, StatusCode::OK);
    let refused = site.visit_as(Role::OrgAdmin, Some("acme")).get(path);
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}
