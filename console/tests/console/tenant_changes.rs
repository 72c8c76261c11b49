//! Changes of tenants: unknown ids, ids with a comma, variants of all kinds, attributes, and records that others change.

use axum::http::StatusCode;

use crate::site::Site;

const DOCUMENT: &str = "
version: 1
tiers: [free, paid]
flags:
  board: { lifecycle: ga, default: on }
  list: { lifecycle: beta }
  theme:
    lifecycle: ga
    variants: { off: null, blue: 1, green: 2 }
    default: blue
tenants:
  acme: { tier: free, attributes: { seats: 5, region: eu } }
  globex: { tier: paid }
  acme,globex: { tier: free }
";

const PATHS: [&str; 2] = ["/platform/changes/preview", "/platform/changes"];

fn apply(site: &Site, fields: &[(&str, &str)]) -> String {
    let preview = site.change("/platform/changes/preview", fields);
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    let applied = site.change("/platform/changes", fields);
    applied.location().to_owned()
}

#[test]
fn an_unknown_tenant_in_bulk_is_refused() {
    let site = Site::new(DOCUMENT);
    for (operation, variant) in [("override", "off"), ("remove-override", ""), ("allow", "")] {
        for path in PATHS {
            let fields = [
                ("operation", operation),
                ("flag", "list"),
                ("tenants", "acme acmme globex globexx"),
                ("variant", variant),
            ];
            let refused = site.change(path, &fields);
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
            refused.says(&[
                "TENANT_NOT_FOUND",
                "`acmme`",
                "`globexx`",
                "acme acmme globex globexx</textarea>",
            ]);
        }
    }
    site.get("/platform/tenants").hides(&["acmme", "globexx"]);
}

#[test]
fn a_row_of_a_tenant_with_a_comma_is_about_it_alone() {
    let site = Site::new(DOCUMENT);
    let field = "name=\"tenant\" value=\"acme,globex\"";
    site.get("/platform/feature-flags/board/tenants").says(&[field]);
    site.get("/platform/tenants/acme%2Cglobex").says(&[field]);
    let id = ("tenant", "acme,globex");
    let fields = [
        ("operation", "override"),
        ("flag", "board"),
        id,
        ("variant", "off"),
    ];
    apply(&site, &fields);
    let served = |id: &str| site.fixture.served(id, "board");
    assert_eq!(["acme,globex", "acme", "globex"].map(served), ["off", "on", "on"]);
    let location = apply(&site, &[("operation", "allow"), ("flag", "list"), id]);
    site.get(&location).says(&[field]);
    site.get("/platform/feature-flags/list/tenants?standing=allowlisted")
        .says(&["acme,globex</bdi>"])
        .hides(&["<bdi>acme</bdi>", "<bdi>globex</bdi>"]);
}

#[test]
fn off_of_a_flag_with_variants_is_a_variant() {
    let site = Site::new(DOCUMENT);
    let served = |id: &str| site.fixture.served(id, "theme");
    let theme = [("operation", "override"), ("flag", "theme")];
    let with = |more: [(&'static str, &'static str); 2]| [theme[0], theme[1], more[0], more[1]];
    apply(&site, &with([("tenants", "acme"), ("variant", "off")]));
    assert_eq!(served("acme"), "off");
    apply(&site, &with([("tenants", "acme globex"), ("variant", "green")]));
    apply(&site, &with([("tenants", "acme globex"), ("variant", "off")]));
    assert_eq!([served("acme"), served("globex")], ["off", "off"]);
    let remove = [
        ("operation", "remove-override"),
        ("flag", "theme"),
        ("tenants", "acme globex"),
    ];
    apply(&site, &remove);
    let tiers = [
        ("operation", "tiers"),
        ("flag", "theme"),
        ("tier.paid", "off"),
        ("was.paid", ""),
    ];
    apply(&site, &tiers);
    assert_eq!([served("acme"), served("globex")], ["blue", "off"]);
}

#[test]
fn rows_offer_the_variants_of_the_flag() {
    let site = Site::new(DOCUMENT);
    let options = [
        "<option value=\"off\">off</option>",
        "<option value=\"blue\">blue</option>",
        "<option value=\"green\">green</option>",
    ];
    let page = site.get("/platform/feature-flags/theme/tenants");
    page.says(&options).hides(&["Override to on", "Override to off"]);
    let page = site.get("/platform/tenants/acme?search=theme");
    page.says(&options).hides(&["Override to on", "Override to off"]);
    let page = site.get("/platform/tenants/acme?search=board");
    page.says(&["Override to off"]).hides(&options);
}

#[test]
fn a_record_keeps_what_others_changed_meanwhile() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/tenants/acme");
    page.says(&[
        "name=\"was.tier\" value=\"free\"",
        "name=\"was.channel\" value=\"stable\"",
    ]);
    // Both pages were loaded before both changes.
    let form = |tier: &'static str, channel: &'static str, attributes: &'static str| {
        [
            ("operation", "record"),
            ("tenant", "acme"),
            ("tier", tier),
            ("was.tier", "free"),
            ("channel", channel),
            ("was.channel", "stable"),
            ("attributes", attributes),
            ("attributes_before", "region: \"eu\"\nseats: 5"),
        ]
    };
    apply(&site, &form("paid", "stable", "region: \"eu\"\nseats: 9"));
    apply(&site, &form("free", "latest", "region: \"us\"\nseats: 5"));
    site.get("/platform/tenants/acme").says(&[
        "name=\"tier\" value=\"paid\"",
        "<option selected>latest",
        "region: &#34;us&#34;\nseats: 9",
    ]);
}

#[test]
fn an_attribute_with_a_colon_in_its_name_is_kept() {
    let document = "{ version: 1, tiers: [a], flags: { board: {} }, tenants: { acme: { attributes: { 'a:b': v, 'x: y': 1 } } } }";
    let site = Site::new(document);
    let lines = "\"a:b\": \"v\"\n\"x: y\": 1";
    let shown = "&#34;a:b&#34;: &#34;v&#34;\n&#34;x: y&#34;: 1";
    let page = site.get("/platform/tenants/acme");
    page.says(&[shown]);
    let fields = [
        ("operation", "record"),
        ("tenant", "acme"),
        ("attributes_before", lines),
        ("attributes", &format!("{lines}\nseats: 3")),
    ];
    apply(&site, &fields);
    site.get("/platform/tenants/acme")
        .says(&["&#34;a:b&#34;: &#34;v&#34;\nseats: 3\n&#34;x: y&#34;: 1"]);
}

#[test]
fn a_record_with_a_field_that_others_changed_says_so() {
    let site = Site::new(DOCUMENT);
    let form = |tier: &'static str| {
        [
            ("operation", "record"),
            ("tenant", "globex"),
            ("tier", tier),
            ("was.tier", "paid"),
        ]
    };
    apply(&site, &form("free"));
    for path in PATHS {
        let conflict = site.change(path, &form(""));
        assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
        conflict.says(&[
            "Others changed this since you loaded the page",
            "<code>free</code>",
        ]);
        conflict.hides(&[">Confirm<"]);
    }
    site.get("/platform/tenants/globex")
        .says(&["name=\"tier\" value=\"free\""]);
}
