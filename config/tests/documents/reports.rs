//! Reports as a whole: counts, the form for machines, colours; and problems of files that are too large for a folder of
//! their own.

use std::fs;

use config::{Colour, MAX_PROBLEMS, Report, Severity};
use rules::Eligibility;
use tempfile::TempDir;

fn report(text: &str) -> (TempDir, Report) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flags.yaml");
    fs::write(&path, text).unwrap();
    let report = config::load_flags(&path, Eligibility::Enforced).expect_err("it is good");
    (folder, report)
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let flags: String = (0..MAX_PROBLEMS + 50)
        .map(|n| format!("  flag{n}: {{ colour: blue }}\n"))
        .collect();
    let (_folder, report) = report(&format!("version: 1\nflags:\n{flags}"));
    assert_eq!(
        (report.problems().len(), report.errors()),
        (MAX_PROBLEMS, MAX_PROBLEMS + 50)
    );
    assert!(
        report
            .to_string()
            .ends_with("flags.yaml (50 of them not shown)\n"),
        "{}",
        report.summary()
    );
}

#[test]
fn many_unknown_names_are_reported_quickly_and_counted() {
    let flags: String = (0..1_000)
        .map(|n| format!("  area.feature{n}: {{ }}\n"))
        .collect();
    let tenants: String = (0..20_000)
        .map(|n| format!("  t{n}: {{ beta: [area.featur{n}] }}\n"))
        .collect();
    let (_folder, report) = report(&format!("version: 1\nflags:\n{flags}tenants:\n{tenants}"));
    assert_eq!((report.problems().len(), report.errors()), (MAX_PROBLEMS, 20_000));
}

#[test]
fn problems_are_in_the_order_of_the_file() {
    let text = "version: 1\nflags:\n  a: { requires: [b] }\n  c: { kind: x }\n  d: { requires: [e] }\n";
    let (_folder, report) = report(text);
    let places: Vec<usize> = report
        .problems()
        .iter()
        .map(|p| report.place(p).unwrap().line)
        .collect();
    assert_eq!(places, [3, 4, 5]);
}

#[test]
fn json_report_has_code_message_place_and_help() {
    let (folder, report) = report("version: 1\nflags:\n  a: { kind: relase }\n");
    let file = folder.path().join("flags.yaml").display().to_string();
    let expected = serde_json::json!({
        "errors": 1,
        "warnings": 0,
        "problems": [{
            "severity": "error",
            "code": "unknown-value",
            "message": "`kind` must be `release`, `experiment`, `permission` or `ops`, not `relase`",
            "file": file,
            "line": 3,
            "column": 14,
            "help": "did you mean `release`?",
        }],
    });
    assert_eq!(report.to_json(), expected);
    assert_eq!(report.problems()[0].severity, Severity::Error);
}

#[test]
fn report_in_the_log_is_one_line() {
    let (folder, report) = report("version: 1\nflags:\n  a: { kind: x }\n  b: { kind: y }\n");
    let start = format!(
        "{}/flags.yaml:3:14: error[unknown-value]: ",
        folder.path().display()
    );
    let headline = report.headline();
    assert!(
        headline.starts_with(&start) && headline.ends_with("(and 1 more)"),
        "{headline}"
    );
    assert!(!headline.contains('\n'));
}

#[test]
fn invisible_characters_of_a_document_are_escaped() {
    for (escape, shown) in [
        ("\\n", "\\n"),
        ("\\e[2J", "\\u{1b}[2J"),
        ("\\N", "\\u{85}"),
        ("\\u202e", "<U+202E>"),
        ("\\_", "<U+00A0>"),
        ("\\u200b", "<U+200B>"),
    ] {
        let (_folder, report) = report(&format!(
            "version: 1\nflags:\n  a: {{ variants: {{ off: 0, on: 1 }}, default: \"x{escape}y\" }}\n"
        ));
        let said = [
            report.headline(),
            report.problems()[0].title.clone(),
            report.to_string(),
        ];
        for said in said {
            assert!(said.contains(&format!("x{shown}y")), "{said}");
        }
    }
}

#[test]
fn colours_are_escapes_and_plain_text_has_none() {
    let (_folder, report) = report("version: 1\nflags:\n  a: { kind: \"\\e[31m\" }\n");
    assert!(report.render(Colour::Always).contains("\u{1b}["));
    // The escape in the document is not printed either.
    assert!(!report.render(Colour::Never).contains('\u{1b}'));
}

#[test]
fn an_excerpt_of_a_very_long_line_is_not_printed() {
    let filler = "x".repeat(100_000);
    let (_folder, report) = report(&format!(
        "{{\"version\": 1, \"flags\": {{\"a\": {{\"owner\": \"{filler}\", \"kind\": 1}}}}}}"
    ));
    let text = report.to_string();
    assert!(text.len() < 1_000 && text.contains("flags.yaml:1:100"), "{text}");
}

#[test]
fn a_file_beyond_its_limit_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let text = "version: 1\nlisteners: [ { name: a, address: \"127.0.0.1:0\" } ]\nflags: { file: f.yaml }\n\
                upstreams: { api: api:80 }\nerrors: { 404: { file: large.html } }\n";
    fs::write(folder.path().join("sluice.yaml"), text).unwrap();
    fs::write(folder.path().join("f.yaml"), "version: 1").unwrap();
    fs::File::create(folder.path().join("large.html"))
        .unwrap()
        .set_len(1024 * 1024 + 1)
        .unwrap();
    let report = config::load(&folder.path().join("sluice.yaml"), &|_| None).expect_err("it is good");
    let codes: Vec<_> = report.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["file-too-large"]);
    assert!(report.problems()[0].help.is_some());
}

/// Returns the report about a gateway document and a flags document of this size, in KiB, with this line in the first.
fn report_of_kib(kib: usize, line: &str) -> Report {
    let folder = TempDir::new().unwrap();
    let gateway = format!(
        "version: 1\n{line}listeners: [ {{ name: a, address: \"127.0.0.1:0\" }} ]\nflags: {{ file: f.yaml }}\n\
         upstreams: {{ api: api:80 }}\n"
    );
    let flags = format!("version: 1\n{}", "# a tenant\n".repeat(kib * 1024 / 11));
    fs::write(folder.path().join("sluice.yaml"), gateway).unwrap();
    fs::write(folder.path().join("f.yaml"), flags).unwrap();
    config::check(&folder.path().join("sluice.yaml"), &|_| None, None).report
}

#[test]
fn documents_near_the_limit_of_a_config_map_are_noted() {
    let codes =
        |report: &Report| -> Vec<_> { report.problems().iter().map(|problem| problem.code).collect() };
    assert!(codes(&report_of_kib(890, "")).is_empty());
    let report = report_of_kib(901, "");
    assert_eq!(codes(&report), ["config-map-size"]);
    assert_eq!((report.errors(), report.warnings()), (0, 1));
    let text = report.to_string();
    assert!(
        text.contains("have 901 KiB; a Kubernetes ConfigMap holds 1,024 KiB")
            && text.contains("sluice.yaml:3:1"),
        "{text}"
    );
    assert!(codes(&report_of_kib(901, "allow: [config-map-size]\n")).is_empty());
}

#[test]
fn missing_config_file_is_named() {
    let report =
        config::load(std::path::Path::new("no-such/sluice.yaml"), &|_| None).expect_err("there is none");
    let text = report.to_string();
    assert!(
        text.starts_with("error[file-missing]: there is no file `no-such/sluice.yaml`"),
        "{text}"
    );
    assert!(text.ends_with("1 error in no-such/sluice.yaml\n"), "{text}");
}

#[test]
fn invalid_utf8_byte_has_line_and_column() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flags.yaml");
    fs::write(&path, b"\xef\xbb\xbfversion: 1\n# \xc3\xa4\xc3\xb6 \xff\n").unwrap();
    let report = config::load_flags(&path, Eligibility::Enforced).expect_err("it is good");
    let file = path.display();
    assert_eq!(
        report.headline(),
        format!("{file}:2:6: error[not-utf8]: `{file}` is not UTF-8 text")
    );
    let problem = &report.to_json()["problems"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&2.into(), &6.into()));
    assert!(
        report.to_string().contains(&format!("--> {file}:2:6\n")),
        "{report}"
    );
}
