//! `sluice eval`.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::sluice;

const FLAGS: &str = r##"
version: 1
tiers: [tier1, tier2]
flags:
  board: { lifecycle: beta, default: on }
  theme: { kind: experiment, lifecycle: ga, variants: { off: null, blue: "#00f", size: 12 }, default: size,
           rules: [{ name: gold, when: { attribute: plan, eq: gold }, serve: blue }] }
  later: { lifecycle: ga, default: on, schedule: { from: 2030-01-01T00:00:00Z } }
tenants:
  acme: { tier: tier2, channel: latest, beta: [board] }
"##;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    folder
}

/// Runs `sluice eval` with `lines`, and returns the exit code and the answers.
fn eval(arguments: &[&str], lines: &str) -> (i32, Vec<Value>) {
    let folder = folder();
    let all = ["eval", "--flags", "flags.yaml"].iter().chain(arguments);
    let output = sluice(folder.path(), all, lines.to_owned());
    let answers = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (output.code, answers)
}

#[test]
fn each_line_is_evaluated_in_order_with_its_explanation() {
    let lines = r#"{"flag":"board","tenant":"acme"}
{"flag":"theme","tenant":"nobody","attributes":{"plan":"gold"}}
{"flag":"theme","tenant":"acme","user":"u-1","groups":["a"],"attributes":{"plan":"silver"}}

{"flag":"no.such","tenant":"acme"}
{"flag":"board","tenant":null}
"#;
    let (code, answers) = eval(&[], lines);
    assert_eq!(code, 0);
    let expected = [
        json!({"flag":"board","tenant":"acme","variant":"on","value":true,"reason":"DEFAULT","cause":"default"}),
        json!({"flag":"theme","tenant":"nobody","variant":"blue","value":"#00f","reason":"TARGETING_MATCH","cause":"rule","rule":"gold"}),
        json!({"flag":"theme","tenant":"acme","variant":"size","value":12,"reason":"DEFAULT","cause":"default"}),
        json!({"flag":"no.such","tenant":"acme","variant":null,"value":null,"reason":"ERROR","cause":"unknown_flag","error":"FLAG_NOT_FOUND","detail":"no flag has this key"}),
        json!({"flag":"board","tenant":null,"variant":"off","value":false,"reason":"DISABLED","cause":"lifecycle"}),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_line_without_a_tenant_is_anonymous() {
    let lines = r#"{"flag":"theme"}
{"flag":"theme","attributes":{"plan":"gold"}}
{"flag":"theme","tenant":null,"user":"u-1"}
{"flag":"board"}
"#;
    let (code, answers) = eval(&[], lines);
    let served: Vec<_> = answers
        .iter()
        .map(|answer| json!([answer["tenant"], answer["variant"]]))
        .collect();
    let expected = [
        json!([null, "size"]),
        json!([null, "blue"]),
        json!([null, "size"]),
        json!([null, "off"]),
    ];
    assert_eq!((code, served), (0, expected.to_vec()));
}

#[test]
fn answers_have_no_control_or_invisible_character() {
    let line = "{\"flag\":\"a\u{9b}\u{202e}\u{a0}\",\"tenant\":\"acme\"}\n";
    let output = sluice(folder().path(), ["eval", "--flags", "flags.yaml"], line);
    assert!(
        output.stdout.starts_with(r#"{"flag":"a\u009b\u202e\u00a0","#),
        "{output}"
    );
}

#[test]
fn an_invalid_line_is_answered_and_the_others_are_evaluated() {
    let long = format!("{{\"flag\":\"{}\"}}", "x".repeat(2_000_000));
    let lines = [
        "{",
        "[]",
        r#"{"tenant":"acme"}"#,
        r#"{"flag":"board","tenant":"acme","surprise":1}"#,
        r#"{"flag":"board","tenant":"a b"}"#,
        r#"{"flag":"board","tenant":"acme","user":"u-1 "}"#,
        r#"{"flag":"board","tenant":"acme","attributes":{"tier":"tier2"}}"#,
        r#"{"flag":"board","tenant":"acme","attributes":{"x":{"y":1}}}"#,
        &long,
        r#"{"flag":"board","tenant":"acme","attributes":{"x":null}}"#,
    ];
    let (code, answers) = eval(&[], &lines.join("\n"));
    let errors: Vec<_> = answers
        .iter()
        .map(|answer| answer["error"].as_str().unwrap_or("none"))
        .collect();
    let expected = [
        "PARSE_ERROR",
        "PARSE_ERROR",
        "PARSE_ERROR",
        "PARSE_ERROR",
        "INVALID_CONTEXT",
        "INVALID_CONTEXT",
        "INVALID_CONTEXT",
        "PARSE_ERROR",
        "PARSE_ERROR",
        "none",
    ];
    assert_eq!(errors, expected);
    assert_eq!(code, 1);
}

#[test]
fn eval_takes_environment_lifecycle_and_time() {
    let variant = |arguments: &[&str], flag: &str| {
        let (_, answers) = eval(arguments, &json!({"flag": flag, "tenant": "nobody"}).to_string());
        answers[0]["variant"].as_str().unwrap().to_owned()
    };
    assert_eq!(variant(&[], "board"), "off");
    assert_eq!(variant(&["--environment", "staging"], "board"), "on");
    assert_eq!(
        variant(&["--environment", "staging", "--lifecycle", "enforced"], "board"),
        "off"
    );
    assert_eq!(variant(&["--lifecycle", "relaxed"], "board"), "on");
    assert_eq!(variant(&["--now", "2029-12-31T23:59:59Z"], "later"), "off");
    assert_eq!(variant(&["--now", "2030-01-01T00:00:00Z"], "later"), "on");
}

#[test]
fn invalid_flags_are_reported_and_nothing_is_evaluated() {
    let folder = folder();
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { a: { default: maybe }, b: { kind: odd } }\n",
    )
    .unwrap();
    let output = sluice(
        folder.path(),
        ["eval", "--flags", "flags.yaml"],
        "{\"flag\":\"a\",\"tenant\":\"t\"}\n",
    );
    assert_eq!((output.code, &*output.stdout), (1, ""));
    output
        .reports("unknown-variant")
        .reports("flags.yaml:2")
        .reports("2 errors");
}

#[test]
fn usage_error_exits_with_2() {
    let folder = folder();
    assert_eq!(sluice(folder.path(), ["eval"], "").code, 2);
    assert_eq!(
        sluice(
            folder.path(),
            ["eval", "--flags", "flags.yaml", "--now", "yesterday"],
            ""
        )
        .code,
        2
    );
    assert_eq!(sluice(folder.path(), ["frobnicate"], "").code, 2);
}

#[test]
fn an_invalid_subject_is_answered_with_flag_and_tenant() {
    let lines = r#"{"flag":"board","tenant":"a b"}
{"flag":"board","tenant":"acme","attributes":{"tier":"tier2"}}
{"flag":"board","tenant":null,"attributes":{"tier":"tier2"}}
"#;
    let (code, answers) = eval(&[], lines);
    let asked: Vec<_> = answers
        .iter()
        .map(|answer| json!([answer["flag"], answer["tenant"], answer["error"]]))
        .collect();
    let expected = [
        json!(["board", "a b", "INVALID_CONTEXT"]),
        json!(["board", "acme", "INVALID_CONTEXT"]),
        json!(["board", null, "INVALID_CONTEXT"]),
    ];
    assert_eq!(asked, expected);
    assert_eq!(code, 1);
}

#[test]
fn list_as_record_and_repeated_attribute_are_rejected() {
    for line in [
        r#"["board","acme"]"#,
        r#"["board","acme",null,[],{}]"#,
        r#"{"flag":"board","tenant":"acme","attributes":{"x":1,"y":2,"x":3}}"#,
        r#"{"flag":"board","tenant":"acme","attributes":{"x":null,"x":3}}"#,
    ] {
        let (code, answers) = eval(&[], line);
        assert_eq!((code, &answers[0]["error"]), (1, &json!("PARSE_ERROR")), "{line}");
    }
}

#[test]
fn empty_environment_name_is_rejected() {
    let folder = folder();
    let output = sluice(
        folder.path(),
        ["eval", "--flags", "flags.yaml", "--environment", ""],
        "",
    );
    output.exits(2);
}
