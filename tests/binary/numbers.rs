//! Numbers keep all of their digits wherever they are written, compared and printed: documents, the store, commands.

use std::fs;

use serde_json::Value;

use crate::managed_server::ManagedServer;
use crate::process::{CommandOutput, sluice};

const FLAGS: &str = "\
version: 1
flags:
  exact: { kind: permission, rules: [{ name: own, when: { attribute: account, eq: 1152921504606846977 }, serve: on }] }
  other: { kind: permission, rules: [{ name: not own, when: { attribute: account, ne: 1152921504606846977 }, serve: on }] }
  by.account: { lifecycle: ga, rollout: { percentage: 90, by: account } }
  value: { kind: ops, variants: { off: null, large: 12345678901234567890123, fine: 0.1000000000000000055 }, default: large,
           rules: [{ when: { attribute: account, lt: 0.10 }, serve: fine }] }
tenants:
  own: { attributes: { account: 1152921504606846977 } }
  near: { attributes: { account: 1152921504606846976 } }
";

/// Runs `sluice eval` and returns its answers.
fn eval(lines: &str) -> CommandOutput {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    sluice(folder.path(), ["eval", "--flags", "flags.yaml"], lines.to_owned())
}

/// Evaluates each question: flag, tenant and number; the number is `None` if only the record has one.
fn variants(questions: &[(&str, &str, Option<&str>)]) -> Vec<String> {
    let lines = questions.iter().map(|(flag, tenant, account)| {
        let attributes = account.map_or(String::new(), |account| format!("\"account\":{account}"));
        format!(r#"{{"flag":"{flag}","tenant":"{tenant}","attributes":{{{attributes}}}}}"#)
    });
    let output = eval(&lines.collect::<Vec<_>>().join("\n"));
    output.exits(0);
    let answers = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    answers
        .map(|answer| answer["variant"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn eval_distinguishes_64_bit_neighbours() {
    let (own, near) = (("on", "off"), ("off", "on"));
    for (tenant, account, (exact, other)) in [
        ("nobody", Some("1152921504606846977"), own),
        ("nobody", Some("1152921504606846977.0"), own),
        ("nobody", Some("1152921504606846975"), near),
        ("nobody", Some("1152921504606846976"), near),
        ("nobody", Some("1152921504606847100"), near),
        ("own", None, own),
        ("near", None, near),
        ("near", Some("1152921504606846977"), near),
    ] {
        let found = variants(&[("exact", tenant, account), ("other", tenant, account)]);
        assert_eq!(found, [exact, other], "{tenant} {account:?}");
    }
}

#[test]
fn eval_draws_buckets_by_the_published_ids() {
    // Buckets 79,933, 41,468, 2,691, 53,201 and 90,536 of 100,000 (rules/spec/number-ids.json); the rest has no id.
    for (account, expected) in [
        ("1", "on"),
        ("1.0", "on"),
        ("1e3", "on"),
        ("9007199254740992", "off"),
        ("9007199254740993", "off"),
        ("9007199254740994", "off"),
        ("1152921504606846977", "off"),
        ("18446744073709551615", "off"),
        ("0", "on"),
        ("-7", "on"),
        ("-9007199254740993", "on"),
        ("1.5", "off"),
    ] {
        assert_eq!(
            variants(&[("by.account", "nobody", Some(account))]),
            [expected],
            "{account}"
        );
    }
}

#[test]
fn eval_keeps_every_digit_and_rejects_incomparable_numbers() {
    let output = eval(
        r#"{"flag":"value","tenant":null}
{"flag":"value","tenant":null,"attributes":{"account":0.09999999999999999999}}"#,
    );
    output.exits(0);
    assert!(
        output.stdout.contains(r#""value":12345678901234567890123,"#),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains(r#""value":0.1000000000000000055,"#),
        "{}",
        output.stdout
    );
    for (account, detail) in [
        ("12345678901234567890123456789012345", "at most 34 digits"),
        ("0.00012345678901234567890123456789012345", "at most 34 digits"),
        ("1e309", "below 1e309"),
        ("-1e-325", "at least 1e-324"),
        ("1e99999999999", "below 1e309"),
        ("NaN", "expected"),
        ("Infinity", "expected"),
    ] {
        let output = eval(&format!(
            r#"{{"flag":"exact","tenant":null,"attributes":{{"account":{account}}}}}"#
        ));
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(
            (output.code, &answer["error"]),
            (1, &"PARSE_ERROR".into()),
            "{account}"
        );
        let text = answer["detail"].as_str().unwrap();
        assert!(
            text.contains(detail) && text.contains("line 1 column "),
            "{account}: {text}"
        );
    }
}

#[test]
fn check_rejects_incomparable_numbers_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    for (account, detail) in [
        ("12345678901234567890123456789012345", "at most 34 digits"),
        (".nan", "not a finite decimal number"),
        ("-.INF", "not a finite decimal number"),
        ("1e309", "below 1e309"),
    ] {
        let text = format!("version: 1\ntenants:\n  acme: {{ attributes: {{ account: {account} }} }}\n");
        fs::write(folder.path().join("flags.yaml"), text).unwrap();
        let output = sluice(folder.path(), ["eval", "--flags", "flags.yaml"], "");
        output.exits(1);
        for part in ["error[invalid-number]", "flags.yaml:3:34", detail] {
            output.reports(part);
        }
    }
}

/// Explains for `tenant`, or for an account of an anonymous subject, and returns all output.
fn explained(
    base: &[&str],
    tenant: &str,
    account: Option<&str>,
    run: impl Fn(&[&str]) -> CommandOutput,
) -> CommandOutput {
    let attribute = account.map(|account| format!("account={account}"));
    let mut arguments = [base, &["--tenant", tenant]].concat();
    if let Some(attribute) = &attribute {
        arguments.extend(["--attribute", attribute]);
    }
    run(&arguments)
}

#[test]
fn explain_distinguishes_64_bit_neighbours_and_shows_digits() {
    let managed = ManagedServer::start();
    fs::write(managed.path().join("flags.yaml"), FLAGS).unwrap();
    managed.done(&["apply", "-f", "flags.yaml", "--yes", "--force"]);
    let config = "version: 1\nlisteners: [{ name: public, address: \"127.0.0.1:0\" }]\nadmin: off\n\
                  flags: { file: flags.yaml }\nupstreams: { app: \"127.0.0.1:9\" }\n\
                  routes: [{ name: all, match: /**, gate: exact, upstream: app }]\n";
    fs::write(managed.path().join("files.yaml"), config).unwrap();
    let of_files = ["explain", "--json", "--config", "files.yaml", "GET", "/"];
    for (tenant, account, shown, holds) in [
        ("own", None, "1152921504606846977", true),
        ("near", None, "1152921504606846976", false),
        (
            "nobody",
            Some("1152921504606846977.0"),
            "1152921504606846977",
            true,
        ),
        (
            "nobody",
            Some("1152921504606846975"),
            "1152921504606846975",
            false,
        ),
        (
            "nobody",
            Some("1152921504606847100"),
            "1152921504606847100",
            false,
        ),
        (
            "nobody",
            Some("0.10000000000000000555"),
            "0.10000000000000000555",
            false,
        ),
    ] {
        let variant = if holds { "on" } else { "off" };
        let story = explained(&["flags", "explain", "exact"], tenant, account, |all| {
            managed.output(all)
        });
        assert!(
            story
                .stdout
                .starts_with(&format!("exact for {tenant}: {variant}")),
            "{}",
            story.stdout
        );
        let json = explained(&["flags", "explain", "exact", "--json"], tenant, account, |all| {
            managed.output(all)
        });
        let files = explained(&of_files, tenant, account, |all| sluice(managed.path(), all, ""));
        files.exits(i32::from(!holds));
        for text in [&json.stdout, &files.stdout] {
            assert!(
                text.contains("account eq 1152921504606846977") && text.contains(shown),
                "{text}"
            );
        }
    }
    let long = "account=12345678901234567890123456789012345";
    let output = managed.refused(&["flags", "explain", "exact", "--attribute", long]);
    output.reports("at most 34 digits");
}

/// Returns the numbers in `stored` as they are written, each once.
const WRITTEN: [&str; 6] = [
    "1152921504606846977",
    "0.10000000000000000555",
    "1.10",
    "-9223372036854775809",
    "1234567890123456789012345678901234",
    "98765432109876543210.5",
];

/// Returns a document with each number of `WRITTEN`: in a record, a rule and a variant.
fn stored() -> String {
    let [account, fine, rate, low, long, value] = WRITTEN;
    format!(
        "version: 1\nflags:\n  board:\n    variants: {{ off: null, large: {value} }}\n    default: off\n    opt_in_serves: large\n    \
         rules: [{{ when: {{ attribute: account, in: [{low}, {long}] }}, serve: large }}]\n\
         tenants:\n  hooli: {{ attributes: {{ account: {account}, fine: {fine}, rate: {rate} }} }}\n"
    )
}

fn assert_written(text: &str) {
    for number in WRITTEN {
        let times = text.split(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-'));
        assert!(
            times.clone().any(|found| found == number),
            "no {number} in {text}"
        );
    }
}

#[test]
fn a_number_goes_through_the_store_and_back_with_every_digit() {
    let managed = ManagedServer::start();
    fs::write(managed.path().join("numbers.yaml"), stored()).unwrap();
    managed.done(&["apply", "-f", "numbers.yaml", "--yes", "--force"]);
    let export = || {
        managed.done(&["export", "-o", "all.json", "--force"]);
        fs::read_to_string(managed.path().join("all.json")).unwrap()
    };
    let exported = export();
    assert_written(&exported);
    for file in ["all.json", "numbers.yaml"] {
        let output = managed.done(&["apply", "-f", file]);
        assert!(output.ends_with("nothing to change\n"), "{file}: {output}");
    }
    assert_written(&managed.done(&["audit", "export"]));
    assert!(
        managed
            .done(&["tenants", "show", "hooli"])
            .contains("account = 1152921504606846977\n")
    );
    managed.done(&["tenants", "set", "hooli", "--attribute", "rate=1.100"]);
    managed.done(&["tenants", "set", "hooli", "--attribute", "rate=1.10"]);
    assert_eq!(export(), exported);
    managed.done(&["audit", "verify"]);
    managed.done(&["backup", "-o", "copy"]);
    let restored = ManagedServer::with_store(&managed.path().join("copy"));
    restored.done(&["export", "-o", "all.json"]);
    assert_eq!(
        fs::read_to_string(restored.path().join("all.json")).unwrap(),
        exported
    );
    let managed = managed.restarted(|_| {});
    managed.done(&["export", "-o", "again.json"]);
    assert_eq!(
        fs::read_to_string(managed.path().join("again.json")).unwrap(),
        exported
    );
}

#[test]
fn an_incomparable_number_changes_no_record() {
    let managed = ManagedServer::start();
    let before = managed.revision();
    for account in ["12345678901234567890123456789012345", "1e309", "-1e-325"] {
        let output = managed.refused(&[
            "tenants",
            "set",
            "acme",
            "--attribute",
            &format!("account={account}"),
        ]);
        output.reports("can't be compared exactly");
        let document =
            format!("version: 1\ntenants: {{ acme: {{ attributes: {{ account: {account} }} }} }}\n");
        fs::write(managed.path().join("numbers.yaml"), document).unwrap();
        for command in [&["apply", "--yes", "-f"][..], &["tenants", "import", "-f"]] {
            let output = managed.refused(&[command, &["numbers.yaml"]].concat());
            let text = format!("{}{}", output.stdout, output.stderr);
            assert!(
                text.contains("can't be compared exactly") && text.contains("numbers.yaml:2"),
                "{text}"
            );
        }
        let attribute = format!("account={account}");
        let output = sluice(
            managed.path(),
            ["explain", "--attribute", &attribute, "GET", "/"],
            "",
        );
        output.exits(2).reports("`account` can't be an attribute: ");
    }
    assert_eq!(managed.revision(), before);
}

#[test]
fn numbers_that_are_not_finite_are_rejected() {
    let managed = ManagedServer::start();
    let before = managed.revision();
    for value in [".inf", "-.Inf", ".nan", "1e400", "[{ a: .inf }]", &"1".repeat(50)] {
        let document =
            format!("version: 1\nflags: {{ a: {{ variants: {{ off: 0, on: {value} }}, default: off }} }}\n");
        fs::write(managed.path().join("values.yaml"), document).unwrap();
        let output = managed.refused(&["apply", "--yes", "-f", "values.yaml"]);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(
            text.contains("invalid-number") && text.contains("values.yaml:2"),
            "{text}"
        );
    }
    for value in [".inf", "-.INF", ".nan", "NaN", "Infinity", "-Infinity"] {
        let attribute = format!("account={value}");
        for command in [
            &["tenants", "set", "acme"][..],
            &["flags", "explain", "dispatch.core", "--tenant", "acme"],
            &["explain", "GET", "/"],
        ] {
            let output = sluice(
                managed.path(),
                command.iter().chain(&["--attribute", &attribute]),
                "",
            );
            output.exits(2).reports("for a string, write it in quotes");
        }
    }
    assert_eq!(managed.revision(), before);
    managed.done(&["tenants", "set", "acme", "--attribute", "account=\"NaN\""]);
    assert!(
        managed
            .done(&["tenants", "show", "acme"])
            .contains("account = \"NaN\"\n")
    );
}
