//! Documents that `sluice.yaml` includes: their order, conflicts between them, and changes of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use config::{Catalog, Colour, Files, JsonEdit, LoadedConfig, Reload, ReloadResponse, Report, WatchOptions};
use rules::Eligibility;
use tempfile::TempDir;

const GATEWAY: &str = "
version: 1
include: [ \"conf.d/*.yaml\", more.yaml ]
listeners: [ { name: public, address: \"127.0.0.1:0\" } ]
admin: off
flags: { file: flags.yaml }
upstreams: { api: 127.0.0.1:3000 }
routes: [ { name: first, match: /first, gate: a, upstream: api } ]
";

/// Creates a folder with a document that includes others, and these documents.
fn folder(documents: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    fs::write(folder.path().join("sluice.yaml"), GATEWAY).unwrap();
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: { a: {} }\n").unwrap();
    fs::write(folder.path().join("more.yaml"), "{}\n").unwrap();
    for (name, text) in documents {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<LoadedConfig, Report> {
    config::load(&folder.join("sluice.yaml"), &|_| None)
}

fn route(name: &str, upstream: &str) -> String {
    format!("routes: [ {{ name: {name}, match: /{name}, gate: a, upstream: {upstream} }} ]\n")
}

fn names(loaded: &LoadedConfig) -> Vec<String> {
    let routes = loaded.snapshot.routes.all().iter();
    routes.map(|route| route.name.to_string()).collect()
}

/// Checks that the documents are refused with these parts of the report.
#[track_caller]
fn check_refused(documents: &[(&str, &str)], expected: &[&str]) {
    let folder = folder(documents);
    let report = load(folder.path()).unwrap_err().render(Colour::Never);
    let report = report.replace(&format!("{}/", folder.path().display()), "");
    for part in expected {
        assert!(report.contains(part), "no {part:?} in\n{report}");
    }
}

#[test]
fn included_sections_are_added_in_the_order_of_list_and_names() {
    let folder = folder(&[
        ("conf.d/b.yaml", &route("b", "own")),
        (
            "conf.d/a.yaml",
            &(route("a", "api") + "version: 1\nheaders: { revision: off }\n"),
        ),
        ("conf.d/.hidden.yaml", "routes: 7"),
        ("conf.d/other.json", "7"),
        (
            "more.yaml",
            &(route("more", "api") + "upstreams: { own: 127.0.0.1:3001 }\n"),
        ),
    ]);
    let loaded = load(folder.path()).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(names(&loaded), ["first", "a", "b", "more"]);
    assert_eq!(loaded.snapshot.upstreams.len(), 2);
    assert_eq!(loaded.snapshot.headers.revision, None);
    let place = loaded
        .line_index
        .place(loaded.snapshot.routes.all()[2].site)
        .unwrap();
    assert!(
        place.file.ends_with("conf.d/b.yaml") && place.line == 1,
        "{place}"
    );
}

#[test]
fn problems_of_an_included_document_have_their_places() {
    check_refused(
        &[(
            "conf.d/a.yaml",
            "\nroutes:\n  - { name: x, match: /x, gate: b, upstream: apj, autth: none }\n",
        )],
        &[
            "no flag has the key `b`\n --> conf.d/a.yaml:3:33",
            "^ named by route `x`",
            "no upstream has the name `apj`\n --> conf.d/a.yaml:3:46",
            "a route has no field `autth`\n --> conf.d/a.yaml:3:51",
        ],
    );
    check_refused(
        &[("conf.d/a.yaml", "routes: [")],
        &["error[yaml-syntax]", "conf.d/a.yaml:1:9"],
    );
    check_refused(
        &[("conf.d/a.yaml", "7")],
        &["an included document is a mapping, not the number `7`"],
    );
}

#[test]
fn a_conflict_is_reported_with_both_places() {
    check_refused(
        &[("conf.d/a.yaml", "admin: off\n")],
        &[
            "error[include-conflict]: `admin` is in two documents",
            "conf.d/a.yaml:1:1",
            "sluice.yaml:5:1",
        ],
    );
    check_refused(
        &[("conf.d/a.yaml", "upstreams: { api: 127.0.0.1:1 }\n")],
        &[
            "error[include-conflict]: `api` is in `upstreams` of two documents",
            "conf.d/a.yaml:1:14",
            "sluice.yaml:7:14",
        ],
    );
    check_refused(
        &[
            ("conf.d/a.yaml", &route("same", "api")),
            ("conf.d/b.yaml", &route("same", "api")),
        ],
        &[
            "two routes are named `same`",
            "conf.d/b.yaml:1:19",
            "conf.d/a.yaml:1:19",
        ],
    );
    check_refused(
        &[("conf.d/a.yaml", "include: other.yaml\n")],
        &["an included document can't include others"],
    );
}

#[test]
fn a_missing_document_is_an_error_and_an_empty_match_is_none() {
    let folder = folder(&[]);
    assert_eq!(names(&load(folder.path()).unwrap()), ["first"]);
    fs::remove_file(folder.path().join("more.yaml")).unwrap();
    let report = load(folder.path()).unwrap_err().to_string();
    assert!(
        report.contains("file-missing") && report.contains("more.yaml"),
        "{report}"
    );
    for pattern in ["conf.d/*", "conf.d/*/a.yaml", "conf.d/[.yaml"] {
        let gateway = GATEWAY.replace("conf.d/*.yaml", pattern);
        fs::write(folder.path().join("sluice.yaml"), gateway).unwrap();
        let report = load(folder.path()).unwrap_err().to_string();
        assert!(report.contains("invalid-pattern"), "{pattern}: {report}");
    }
}

#[test]
fn with_flags_of_a_store_included_documents_are_kept_in_memory() {
    let folder = folder(&[("conf.d/a.yaml", &route("a", "api"))]);
    let path = folder.path().join("sluice.yaml");
    let flag = JsonEdit::Flag("a".to_owned(), Some(serde_json::json!({})));
    let catalog = Catalog::of_json(Eligibility::Enforced, &[flag]).unwrap();
    let load = |files| config::load_managed(files, &path, &|_| None, catalog.compiled(), 1);
    let loaded = load(Files::Disk).unwrap_or_else(|report| panic!("{report}"));
    // A change of flags must not apply a change of the files.
    fs::remove_file(folder.path().join("conf.d/a.yaml")).unwrap();
    let again = load(loaded.files.clone()).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(names(&again), ["first", "a"]);
    assert_eq!(names(&load(Files::Disk).unwrap()), ["first"]);
}

#[test]
fn added_changed_and_removed_documents_are_reloads() {
    let folder = folder(&[]);
    let path = folder.path().to_owned();
    let loaded = load(&path).unwrap();
    let (tell, heard) = channel();
    let options = WatchOptions {
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    let file = path.join("sluice.yaml");
    let _watcher = config::watch_with(
        options,
        file,
        &loaded,
        |_| None,
        move |reload| {
            let _ = tell.send(match reload {
                Reload::Applied(loaded) => names(&loaded).join(" "),
                other => format!("{other:?}"),
            });
            ReloadResponse::Served
        },
    )
    .unwrap();
    let check = |expected: &str| {
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)).unwrap(), expected);
    };
    let write = |name: &str, text: &str| fs::write(path.join(name), text).unwrap();
    write("conf.d/b.yaml", &route("b", "api"));
    check("first b");
    write("conf.d/a.yaml", &route("a", "api"));
    check("first a b");
    write("conf.d/b.yaml", &route("c", "api"));
    check("first a c");
    fs::remove_file(path.join("conf.d/a.yaml")).unwrap();
    check("first c");
    // The directory becomes a volume of a ConfigMap, and then the volume is updated.
    fs::remove_file(path.join("conf.d/b.yaml")).unwrap();
    check("first");
    let project = |version: &str, text: &str| {
        fs::create_dir(path.join("conf.d").join(version)).unwrap();
        write(&format!("conf.d/{version}/x.yaml"), text);
        symlink(version, path.join("conf.d/..next")).unwrap();
        fs::rename(path.join("conf.d/..next"), path.join("conf.d/..data")).unwrap();
    };
    project("..v1", &route("x", "api"));
    symlink("..data/x.yaml", path.join("conf.d/x.yaml")).unwrap();
    check("first x");
    project("..v2", &route("y", "api"));
    fs::remove_dir_all(path.join("conf.d/..v1")).unwrap();
    check("first y");
}

#[test]
fn an_escaped_include_is_read_like_any_other() {
    let folder = folder(&[("conf.d/a.yaml", &route("a", "api"))]);
    for key in ["\"incl\\u0075de\"", "\"\\x69nclude\""] {
        fs::write(
            folder.path().join("sluice.yaml"),
            GATEWAY.replace("include:", &format!("{key}:")),
        )
        .unwrap();
        let loaded = load(folder.path()).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(names(&loaded), ["first", "a"], "{key}");
    }
    let json = r#"{ "version": 1, "incl\u0075de": ["conf.d/*.yaml"], "listeners": [ { "name": "a", "address": "127.0.0.1:0" } ],
        "admin": "off", "flags": { "file": "flags.yaml" }, "upstreams": { "api": "127.0.0.1:3000" } }"#;
    fs::write(folder.path().join("sluice.json"), json).unwrap();
    let loaded = config::load(&folder.path().join("sluice.json"), &|_| None);
    assert_eq!(names(&loaded.unwrap_or_else(|report| panic!("{report}"))), ["a"]);
}
