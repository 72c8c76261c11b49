//! `allow` of warnings: on the thing itself, or for a whole document.

use std::fs;
use std::path::{Path, PathBuf};

use config::{Report, Severity};

use crate::problems::variable;

/// Returns the report of `sluice check` for the documents in a folder.
fn check(folder: &Path) -> Report {
    config::check(&folder.join("sluice.yaml"), &variable, None).report
}

/// Returns the codes of the warnings, each with the line that it is about.
fn warnings(report: &Report) -> Vec<String> {
    assert_eq!(report.errors(), 0, "{report}");
    let line = |problem| report.place(problem).map_or(0, |place| place.line);
    let problems = report.problems().iter();
    problems
        .map(|problem| format!("{} {}", problem.code, line(problem)))
        .collect()
}

/// Adds `allow` with a code to a document.
fn allow(file: &Path, code: &str) {
    let text = fs::read_to_string(file).unwrap();
    let text = match text.strip_prefix('{') {
        Some(rest) => format!("{{\"allow\": [\"{code}\"], {rest}"),
        None => format!("{text}\nallow: [{code}]\n"),
    };
    fs::write(file, text).unwrap();
}

/// Copies the files of a folder, and of folders in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_warning_can_be_allowed_for_a_document() {
    let problems = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    // `reports.rs` makes the documents that are too large for a folder, and allows them.
    let codes = config::WARNINGS.into_iter();
    for code in codes.filter(|&code| code != "config-map-size") {
        let folder = tempfile::tempdir().unwrap();
        copy(&problems.join(code), folder.path());
        let report = check(folder.path());
        let files: Vec<PathBuf> = report
            .problems()
            .iter()
            .filter(|problem| problem.code == code)
            .map(|problem| {
                assert_eq!(problem.severity, Severity::Warning, "{code}");
                PathBuf::from(&*report.place(problem).unwrap().file)
            })
            .collect();
        assert!(!files.is_empty(), "{code}: {report}");
        let mut files: Vec<&PathBuf> = files.iter().collect();
        files.dedup();
        // The case of unused allowances has a list of its own.
        if code == "unused-allow" {
            for file in ["sluice.yaml", "flags.yaml"] {
                let file = folder.path().join(file);
                let text = fs::read_to_string(&file).unwrap();
                let text = text.replace("\nallow: [", "\nallow: [unused-allow, ");
                fs::write(file, text).unwrap();
            }
        } else {
            files.iter().for_each(|file| allow(file, code));
        }
        let report = check(folder.path());
        let left: Vec<_> = warnings(&report)
            .into_iter()
            .filter(|line| line.starts_with(code))
            .collect();
        assert_eq!(left, [""; 0], "{report}");
        assert!(!report.to_string().contains("unused-allow"), "{report}");
    }
}

/// Returns the warnings about a document with these routes and flags.
fn warnings_of(more: &str, routes: &[&str], flags: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\nflags: {{ file: flags.yaml }}\n\
         headers: {{ flags: {{ include: route }} }}\nupstreams: {{ api: \"127.0.0.1:1\" }}\n{more}routes:\n{}",
        routes
            .iter()
            .map(|route| format!("  - {{ {route}, upstream: api }}\n"))
            .collect::<String>()
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    let flags: String = flags.iter().map(|flag| format!("  {flag}\n")).collect();
    let flags = if flags.is_empty() {
        String::new()
    } else {
        format!("flags:\n{flags}")
    };
    fs::write(folder.path().join("flags.yaml"), format!("version: 1\n{flags}")).unwrap();
    warnings(&check(folder.path()))
}

#[test]
fn a_warning_is_allowed_on_the_thing_itself() {
    let closed = "beta: { lifecycle: beta, default: on }";
    for (routes, flags, expected) in [
        (
            ["name: a, match: /a", "name: b, match: /b, allow: [ungated-route]"],
            [closed, "old: { allow: [unused-flag] }"],
            ["ungated-route 7", "unused-flag 3"],
        ),
        (
            [
                "name: a, match: /a, auth: optional, gate: beta, allow: [never-open]",
                "name: b, match: /b, auth: optional, gate: beta",
            ],
            ["old: {}", closed],
            ["never-open 8", "unused-flag 3"],
        ),
    ] {
        assert_eq!(warnings_of("", &routes, &flags), expected);
    }
    let on = "on: { lifecycle: ga, default: on }";
    let idle = "name: a, match: /a, preflight: open, allow: [ungated-route, idle-preflight]";
    let closed = "old: { allow: [unused-flag, ambiguous-number], variants: { off: 0, on: 01 } }";
    assert_eq!(warnings_of("", &[idle], &[on, closed]), ["unused-flag 3"]);
}

#[test]
fn each_part_with_a_warning_of_its_own_can_allow_it() {
    let problems = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let warns = |code: &str, (from, to): (&str, &str)| {
        let folder = tempfile::tempdir().unwrap();
        copy(&problems.join(code), folder.path());
        let file = folder.path().join("sluice.yaml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replace(from, to)).unwrap();
        let report = check(folder.path());
        warnings(&report)
            .iter()
            .any(|line| line.starts_with(code) || line.starts_with("unused-allow"))
    };
    let own_key = "tls: { sni: board.example, client_certificate: { cert: old.pem, key: old.key } }";
    let upstream = format!("board: {{ endpoints: [\"127.0.0.1:8081\"], {own_key}, ALLOW }}");
    let of_upstream = |allow: &str| upstream.replace("ALLOW", allow);
    for (code, from, to) in [
        (
            "admin-without-tls",
            "  operators:",
            "  allow: [admin-without-tls]\n  operators:",
        ),
        (
            "no-usable-key",
            "    audiences:",
            "    allow: [no-usable-key]\n    audiences:",
        ),
        (
            "expired-certificate",
            "    tls: {",
            "    allow: [expired-certificate]\n    tls: {",
        ),
        (
            "everybody-trusted",
            "[10.0.0.0/8, 0.0.0.0/0]",
            "{ networks: [0.0.0.0/0], allow: [everybody-trusted] }",
        ),
    ] {
        assert!(warns(code, (from, from)), "{code}");
        assert!(!warns(code, (from, to)), "{code}");
    }
    let without_listener = "    tls: { certificates: [ { cert: old.pem, key: old.key } ] }\n";
    let written = |allow: &str| {
        let folder = tempfile::tempdir().unwrap();
        copy(&problems.join("expired-certificate"), folder.path());
        let file = folder.path().join("sluice.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replace(without_listener, "");
        fs::write(file, text.replace("board: 127.0.0.1:8081", &of_upstream(allow))).unwrap();
        let report = check(folder.path());
        warnings(&report)
            .iter()
            .filter(|line| !line.starts_with("ungated"))
            .count()
    };
    assert_eq!(written("retries: 0"), 1);
    assert_eq!(written("allow: [expired-certificate]"), 0);
}

#[test]
fn an_allowance_ends_with_its_thing() {
    // Before it, after it, and in a list in block style.
    let routes = [
        "name: a, match: /a",
        "allow: [ungated-route], name: b, match: /b",
        "name: c, match: /c",
    ];
    assert_eq!(
        warnings_of("", &routes, &[]),
        ["ungated-route 7", "ungated-route 9"]
    );
    let all = "allow: [ungated-route]\n";
    assert_eq!(warnings_of(all, &routes, &[]), [""; 0]);
}

#[test]
fn an_allowance_of_the_document_covers_included_ones() {
    let warned = |more: &str| {
        let folder = tempfile::tempdir().unwrap();
        let route = |name: &str| format!("routes:\n  - {{ name: {name}, match: /{name}, upstream: api }}\n");
        let config = format!(
            "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\ninclude: more.yaml\n{}flags: {{ \
             file: flags.yaml }}\nupstreams: {{ api: \"127.0.0.1:1\" }}\n{more}",
            route("a")
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        fs::write(folder.path().join("more.yaml"), route("b")).unwrap();
        fs::write(folder.path().join("flags.yaml"), "version: 1\n").unwrap();
        warnings(&check(folder.path()))
    };
    assert_eq!(warned(""), ["ungated-route 5", "ungated-route 2"]);
    assert_eq!(warned("allow: [ungated-route]\n"), [""; 0]);
}

#[test]
fn an_allowance_without_a_warning_is_reported() {
    let flags = ["f: { lifecycle: ga, default: on, allow: [unused-flag] }"];
    let gated = "name: a, match: /a, auth: optional, gate: f, allow: [never-open]";
    assert_eq!(
        warnings_of("", &[gated], &flags),
        ["unused-allow 7", "unused-allow 3"]
    );
    let expected = "name: a, match: /a, auth: optional, gate: f, allow: [never-open, unused-allow]";
    assert_eq!(warnings_of("", &[expected], &flags), ["unused-allow 3"]);
    // With an error not all warnings are known.
    let folder = tempfile::tempdir().unwrap();
    let broken = "version: 1\nlisteners: []\nallow: [ungated-route]\n";
    fs::write(folder.path().join("sluice.yaml"), broken).unwrap();
    assert!(!check(folder.path()).to_string().contains("unused-allow"));
}
