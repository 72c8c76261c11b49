//! The list of tenants, the page of a tenant, tier defaults, and changes of many tenants.

use axum::http::StatusCode;

use crate::site::Site;

const DOCUMENT: &str = "
version: 1
tiers: [free, paid]
flags:
  board: { lifecycle: beta, owner: ops, description: New board }
  list: { lifecycle: ga, default: on, requires: [board] }
tenants:
  acme: { tier: paid, attributes: { seats: 7 } }
  globex: { tier: free, channel: latest, beta: [board] }
  hooli: { tier: free }
";

#[test]
fn tenants_are_listed_and_searched() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/tenants");
    page.says(&["3 tenants", "href=\"/platform/tenants/acme\"", "globex"]);
    let found = site.get("/platform/tenants?search=GLO");
    found.says(&["globex"]);
    assert!(!found.text.contains("tenants/acme"));
    site.get("/platform/tenants?tier=nobody")
        .says(&["No tenant matches."]);
}

#[test]
fn an_empty_list_of_tenants_shows_the_first_command() {
    let site = Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }");
    site.get("/platform/tenants")
        .says(&["There are no tenants yet", "sluice tenants import"]);
}

#[test]
fn a_tenant_has_each_flag_with_its_cause() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/tenants/hooli");
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "<h2>Flags</h2>",
        ">Choice</th>",
        "not eligible at the state of the flag",
        "a required flag is off",
        "Override to on",
        ">Add to the allowlist</button>",
    ]);
    let filtered = site.get("/platform/tenants/hooli?search=boa");
    assert!(!filtered.text.contains("feature-flags/list"));
}

#[test]
fn the_record_of_a_tenant_is_changed_by_a_form() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "record"),
        ("tenant", "acme"),
        ("tier", "free"),
        ("channel", "latest"),
        ("attributes", "region: eu"),
        ("attributes_before", "seats: 7"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    let applied = site.change("/platform/changes", &fields);
    assert_eq!(
        applied.location().split('?').next(),
        Some("/platform/tenants/acme")
    );
    let page = site.get("/platform/tenants/acme");
    page.says(&[
        "name=\"tier\" value=\"free\"",
        "<option selected>latest",
        "region: &#34;eu&#34;",
    ]);
    assert!(!page.text.contains("seats"));
}

#[test]
fn tier_defaults_are_set_after_a_preview() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/feature-flags/board/tiers");
    page.says(&[
        "name=\"tier.free\"",
        "name=\"was.paid\" value=\"\"",
        "Default for paid",
        "At beta only eligible tenants get it.",
    ]);
    let fields = [
        ("operation", "tiers"),
        ("flag", "board"),
        ("tier.free", "on"),
        ("was.free", ""),
        ("tier.paid", ""),
        ("was.paid", ""),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    preview.says(&["1 of 3 tenants changes", "globex"]);
    assert_eq!(
        site.change("/platform/changes", &fields).status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(site.fixture.served("globex", "board"), "on");
    let after = site.get("/platform/feature-flags/board/tiers");
    after.says(&["name=\"was.free\" value=\"on\""]);
}

#[test]
fn many_tenants_join_the_allowlist_in_one_change() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "allow"),
        ("flag", "board"),
        ("tenants", "acme hooli"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    preview.says(&[
        "Add 2 tenants to the beta allowlist of board",
        "0 of 3 tenants change",
        "Not eligible at beta without the channel latest: <bdi>acme</bdi> <bdi>hooli</bdi>",
    ]);
    let location = site.change("/platform/changes", &fields).location().to_owned();
    site.get(&location)
        .says(&["Added 2 tenants", "Remove the 2 tenants again"]);
    for id in ["acme", "hooli", "globex"] {
        site.get(&format!("/platform/tenants/{id}?search=board"))
            .says(&["Beta allowlist"]);
    }
    let fields = [
        ("operation", "disallow"),
        ("flag", "board"),
        ("tenants", "acme globex hooli"),
    ];
    assert_eq!(
        site.change("/platform/changes", &fields).status,
        StatusCode::SEE_OTHER
    );
    assert!(
        !site
            .get("/platform/tenants/globex?search=board")
            .text
            .contains("<span class=\"tag\">Beta allowlist")
    );
}

#[test]
fn overrides_of_many_tenants_are_one_change() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "override"),
        ("flag", "board"),
        ("tenants", "acme, globex"),
        ("variant", "on"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    preview.says(&["Override board to on for 2 tenants"]);
    assert_eq!(
        site.change("/platform/changes", &fields).status,
        StatusCode::SEE_OTHER
    );
    site.get("/platform/tenants/acme?search=board")
        .says(&["override on"]);
}

#[test]
fn an_override_of_many_tenants_needs_its_variant() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/feature-flags/board/tenants");
    page.says(&["<option value=\"\">choose</option>", "value=\"remove-override\""]);
    let fields = [
        ("operation", "override"),
        ("flag", "board"),
        ("tenants", "acme, globex"),
        ("variant", ""),
    ];
    let rejected = site.change("/platform/changes/preview", &fields);
    assert_eq!(rejected.status, StatusCode::BAD_REQUEST);
    rejected.says(&["“Override to” is missing"]);
    let fields = [
        ("operation", "remove-override"),
        ("flag", "board"),
        ("tenants", "acme, globex"),
    ];
    site.change("/platform/changes/preview", &fields)
        .says(&["<h1><bdi>Remove the override of board for 2 tenants</bdi></h1>"]);
}

#[test]
fn a_pilot_is_added_and_removed_in_its_row() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/feature-flags/board/tenants");
    page.says(&[
        "aria-label=\"Add to the allowlist: acme\"",
        "aria-label=\"Remove from the allowlist: globex\"",
    ])
    .hides(&[
        "aria-label=\"Override to on for acme\"",
        "aria-label=\"Add to the allowlist: globex\"",
    ]);
    let fields = [("operation", "allow"), ("flag", "board"), ("tenants", "acme")];
    site.change("/platform/changes", &fields);
    site.get("/platform/feature-flags/board/tenants")
        .says(&["aria-label=\"Remove from the allowlist: acme\""]);
}

#[test]
fn pilots_that_are_served_the_same_are_named() {
    let site = Site::new(&DOCUMENT.replace("tier: paid,", "tier: paid, channel: latest,"));
    let fields = [("operation", "allow"), ("flag", "board"), ("tenants", "acme")];
    site.change("/platform/changes/preview", &fields)
        .says(&[
            "0 of 3 tenants change",
            "One tenant joins the allowlist. What it is served stays the same.",
        ])
        .hides(&["without the channel"]);
}

#[test]
fn a_killed_flag_is_killed_on_the_page_of_a_tenant() {
    let site = Site::new(DOCUMENT);
    site.change("/platform/changes", &[("operation", "kill"), ("flag", "list")]);
    site.get("/platform/tenants/acme?search=list")
        .says(&["killed</span>", "the flag is killed"])
        .hides(&["Override to"]);
    site.get("/platform/feature-flags/list/tenants")
        .hides(&["aria-label=\"Override to"]);
}

#[test]
fn the_definition_names_what_uses_the_flag() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/feature-flags/board/definition");
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.says(&[
        "&#34;owner&#34;: &#34;ops&#34;",
        "Flags that require it",
        "href=\"/platform/feature-flags/list\"",
    ]);
    assert!(!page.text.contains("tenants_on"));
}

#[test]
fn a_search_without_a_match_names_what_it_searched() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/tenants").says(&["tenants</span>"]);
    let tenants = site.get("/platform/tenants?search=zzz%3Cb%3E");
    tenants
        .says(&["No tenant matches “zzz&#60;b&#62;”."])
        .hides(&["tenants</span>"]);
    let flags = site.get("/platform/feature-flags?search=zzz");
    flags.says(&["No flag matches “zzz”."]).hides(&["0 flags"]);
    site.get("/platform/tenants/acme?search=zzz")
        .says(&["No flag matches “zzz”."]);
    site.get("/platform/feature-flags?state=stale")
        .says(&["No flag matches."]);
}

#[test]
fn staff_opens_the_page_that_a_tenant_has() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/tenants/acme")
        .says(&["<a href=\"/admin/feature-flags?org=acme\">The tenant’s own page</a>"]);
    site.get("/admin/feature-flags?org=acme")
        .says(&["<h1>Features of a tenant</h1>"])
        .hides(&["Your features"]);
}
