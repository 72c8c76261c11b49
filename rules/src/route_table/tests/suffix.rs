//! Tests of the routes that a request matches by the format suffix of its path.

use super::*;

/// Returns the routes that decide a request of this method and path, the matching one first.
fn judging(reads: Reads, method: &str, path: &str) -> Vec<&'static str> {
    const ROUTES: [(&str, &str); 11] = [
        ("app", "/app"),
        ("app.js", "/app.js"),
        ("posted app.css", "/app.css"),
        ("style", "/style.css/"),
        ("styles", "/style"),
        ("admin", "/admin/**"),
        ("file", "/files/{id}"),
        ("report", "/files/report"),
        ("upper case", "/Page.html"),
        ("formatted", "/page"),
        ("rest", "/**"),
    ];
    let route = |(name, path): &(&str, &str)| {
        let methods: &[&str] = if name.starts_with("posted") {
            &["POST"]
        } else {
            &[]
        };
        route_of(&serde_json::json!({ "path": path, "methods": methods }))
    };
    let mut table = RouteTable::build(ROUTES.iter().map(route).collect()).unwrap();
    table.add_reading_indexes([reads]);
    let request = request_of(&serde_json::json!({ "path": path, "method": method }));
    let mut ids: Vec<RouteId> = table.find(&request).into_iter().collect();
    for id in table.readings(&request, reads).unwrap() {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.iter().map(|id| ROUTES[id.index()].0).collect()
}

#[track_caller]
fn check(path: &str, expected: &[&str]) {
    assert_eq!(judging(Reads::ALL, "GET", path), expected, "{path}");
}

#[test]
fn a_suffix_leads_to_the_route_of_the_name_before_it() {
    check("/app.json", &["rest", "app"]);
    check("/app.json/", &["rest", "app"]);
    check("/app.min.js", &["rest", "app"]);
    check("/app%252ejson", &["rest", "app"]);
    check("/APP.json;x=1", &["rest", "app"]);
    check("/admin.json", &["rest", "admin"]);
    check("/files/report.pdf", &["file", "report"]);
    check("/files/other.pdf", &["file"]);
    check("/other/app.json", &["rest"]);
}

#[test]
fn a_literal_route_with_the_suffix_is_another_resource() {
    check("/app.js", &["app.js"]);
    check("/app", &["app"]);
    check("/style.css/", &["style"]);
    assert_eq!(judging(Reads::ALL, "POST", "/app.css"), ["posted app.css"]);
}

#[test]
fn a_literal_route_of_another_path_keeps_the_suffix_reading() {
    check("/app.js/", &["app.js", "app"]);
    check("/style.css", &["style", "styles"]);
}

#[test]
fn unmatched_route_prevents_no_suffix_reading() {
    check("/app.css", &["rest", "app"]);
    check("/APP.js", &["rest", "app.js", "app"]);
    check("/app.js;x", &["rest", "app.js", "app"]);
}

#[test]
fn literal_suffix_route_keeps_other_readings() {
    check("/Page.html", &["upper case"]);
    check("/page.HTML", &["rest", "upper case", "formatted"]);
    let mut table = RouteTable::build(
        ["/A.js", "/a.js", "/a"]
            .map(|path| route_of(&serde_json::json!({ "path": path })))
            .into(),
    )
    .unwrap();
    table.add_reading_indexes([Reads::ALL]);
    let request = request_of(&serde_json::json!({ "path": "/A.js" }));
    let found = table.readings(&request, Reads::ALL).unwrap();
    let ids: Vec<usize> = found.iter().map(|id| id.index()).collect();
    assert_eq!(ids, [0, 1], "case is folded still");
}

#[test]
fn suffixes_are_cut_only_where_reads_has_suffix() {
    let reads = Reads::ALL.without(Read::Suffix);
    assert_eq!(judging(reads, "GET", "/app.json"), ["rest"]);
    assert_eq!(
        judging(Reads::EXACT.with(Read::Suffix), "GET", "/app.json"),
        ["rest", "app"]
    );
    assert_eq!(
        judging(Reads::EXACT.with(Read::Suffix), "GET", "/app.js"),
        ["app.js"]
    );
}
