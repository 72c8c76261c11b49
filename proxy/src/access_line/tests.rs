//! The exact text of lines, what a hostile request can't do to them, and that no secret in them is missed.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use rules::Cause;

use super::*;
use crate::access_entry::{AnsweredBy, GateVerdict};
use crate::outcome::RequestOutcome;

fn entry() -> AccessEntry<'static> {
    let time = UNIX_EPOCH + Duration::from_millis(1_795_228_445_067);
    AccessEntry {
        method: "GET",
        path: "/api/board",
        status: 404,
        duration_us: 41,
        response_bytes: 97,
        ..AccessEntry::new(time, "01f", RequestOutcome::Unmatched)
    }
}

fn full() -> AccessEntry<'static> {
    AccessEntry {
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
        client: Some(IpAddr::from([127, 0, 0, 1])),
        host: Some("api.example.com"),
        query: Some("page=2"),
        route: Some("dispatch-v2"),
        tenant: Some("acme"),
        user: Some("u-17"),
        gate: Some(GateEntry {
            verdict: GateVerdict::Closed,
            shadow: true,
            decision: Some(decision()),
        }),
        outcome: RequestOutcome::Shadowed,
        status: 200,
        answered_by: Some(AnsweredBy::Upstream),
        upstream: Some("dispatch"),
        upstream_us: Some(1_000),
        duration_us: 1_234,
        error: Some("CLIENT_GONE"),
        ..entry()
    }
}

fn decision() -> DecisionEntry<'static> {
    DecisionEntry {
        flag: "dispatch.v2Board",
        variant: "off",
        cause: Cause::Lifecycle,
    }
}

fn json(entry: AccessEntry<'_>) -> String {
    String::from_utf8(AccessLine::json(&entry).text).unwrap()
}

fn human(entry: AccessEntry<'_>) -> String {
    String::from_utf8(AccessLine::human(&entry).text).unwrap()
}

#[test]
fn json_line_omits_absent_fields() {
    let expected = concat!(
        r#"{"time":"2026-11-21T02:34:05.067Z","request_id":"01f","method":"GET","path":"/api/board","#,
        r#""outcome":"unmatched","status":404,"duration_us":41,"request_bytes":0,"response_bytes":97}"#,
        "\n"
    );
    assert_eq!(json(entry()), expected);
}

#[test]
fn json_line_contains_every_present_field() {
    let expected = concat!(
        r#"{"time":"2026-11-21T02:34:05.067Z","request_id":"01f","#,
        r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","client":"127.0.0.1","method":"GET","#,
        r#""host":"api.example.com","path":"/api/board","query":"page=2","route":"dispatch-v2","#,
        r#""tenant":"acme","user":"u-17","gate":{"verdict":"closed","shadow":true,"#,
        r#""decision":{"flag":"dispatch.v2Board","variant":"off","cause":"lifecycle"}},"#,
        r#""outcome":"shadowed","status":200,"answered_by":"upstream","upstream":"dispatch","#,
        r#""duration_us":1234,"upstream_us":1000,"request_bytes":0,"response_bytes":97,"#,
        r#""error":"CLIENT_GONE"}"#,
        "\n"
    );
    assert_eq!(json(full()), expected);
}

#[test]
fn client_input_is_escaped_in_log_lines() {
    for hostile in [
        "a\nb",
        "a\r\nb",
        "\",\"tenant\":\"root",
        "\\",
        "\u{0}\u{1b}[31m",
        "\u{2028}",
        "é",
    ] {
        let line = json(AccessEntry {
            path: hostile,
            host: Some(hostile),
            user: Some(hostile),
            ..entry()
        });
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        for field in ["path", "host", "user"] {
            assert_eq!(read[field], *hostile);
        }
        assert!(read.get("tenant").is_none());
        let line = human(AccessEntry {
            path: hostile,
            ..entry()
        });
        assert_eq!(line.matches(|c: char| c.is_control()).count(), 1, "{line:?}");
    }
}

#[test]
fn text_line_has_client_target_cause_and_duration() {
    let shown = AccessEntry {
        gate: Some(GateEntry {
            verdict: GateVerdict::Closed,
            shadow: false,
            decision: Some(decision()),
        }),
        outcome: RequestOutcome::Rejected,
        status: 404,
        ..full()
    };
    let gated = "dispatch.v2Board off (lifecycle) closed";
    let expected = format!(
        "02:34:05.067  {:<12} {:<24} {gated:<44} 404     1234 us\n",
        "acme", "dispatch-v2"
    );
    assert_eq!(human(shown), expected);
}

#[test]
fn text_line_of_an_unmatched_request_shows_its_path() {
    let expected = format!(
        "02:34:05.067  {:<12} {:<24} {:<44} 404       41 us\n",
        "-", "/api/board", "unmatched"
    );
    assert_eq!(human(entry()), expected);
}

#[test]
fn text_line_marks_a_shadow_gate() {
    assert!(human(full()).contains("dispatch.v2Board off (lifecycle) closed, shadow "));
    let gate = Some(GateEntry {
        verdict: GateVerdict::Undecided,
        shadow: false,
        decision: None,
    });
    assert!(human(AccessEntry { gate, ..full() }).contains("gate undecided "));
}

#[test]
fn addresses_and_retries_are_written_as_usual() {
    for (client, endpoint) in [
        ("192.0.2.255", "10.0.0.7:65535"),
        ("2001:db8::1", "[2001:db8::2]:80"),
        ("::ffff:192.0.2.1", "[::1]:8080"),
    ] {
        let line = json(AccessEntry {
            client: Some(client.parse().unwrap()),
            endpoint: Some(endpoint.parse().unwrap()),
            retries: 2,
            ambiguous_target: true,
            ..entry()
        });
        assert!(
            line.contains(&format!(r#","client":"{client}","method":"#)),
            "{line}"
        );
        let expected = format!(r#","endpoint":"{endpoint}","retries":2,"duration_us":"#);
        assert!(line.contains(&expected), "{line}");
        assert!(line.contains(r#","ambiguous_target":true,"outcome":"#), "{line}");
    }
}

#[test]
fn times_have_all_their_digits() {
    for (millis, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_827_696_789, "2000-02-29T12:34:56.789Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] {
        let line = json(AccessEntry {
            time: UNIX_EPOCH + Duration::from_millis(millis),
            ..entry()
        });
        assert!(line.starts_with(&format!(r#"{{"time":"{expected}","#)), "{line}");
    }
}

/// Secrets, and parts of what ends or announces them.
const PARTS: &[&str] = &[
    "eyJhbGciOiJFUzI1NiJ9.eyJvcmciOiJhY21lIn0.c2ln",
    "Bearer ",
    "s3cret",
    "Basic dTpw",
    "://",
    "ops:pw",
    "@",
    "\"",
    "\\",
    "'",
    "=",
    ":",
    " ",
    "\n",
    "token",
    "password",
    "authorization",
    "cookie",
    "set-cookie",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "sluice_",
    "AbC123dEf456GhI789",
    "\u{e9}",
    ",",
    "{",
    "&",
    "/",
    "?",
];

fn texts() -> impl Strategy<Value = [String; 12]> {
    let parts = prop::collection::vec(prop::sample::select(PARTS), 0..10);
    prop::array::uniform12(parts.prop_map(|parts| parts.concat()))
}

/// Returns an entry with a text in each field that can hold one from outside.
fn planted(texts: &[String; 12]) -> AccessEntry<'_> {
    let [
        method,
        host,
        path,
        query,
        route,
        tenant,
        user,
        flag,
        variant,
        upstream,
        error,
        cause,
    ] = texts;
    AccessEntry {
        method,
        host: Some(host),
        path,
        query: Some(query),
        route: Some(route),
        tenant: Some(tenant),
        user: Some(user),
        gate: Some(GateEntry {
            verdict: GateVerdict::Open,
            shadow: false,
            decision: Some(DecisionEntry {
                flag,
                variant,
                cause: Cause::Lifecycle,
            }),
        }),
        upstream: Some(upstream),
        error: Some(error),
        cause: Some(cause),
        ..full()
    }
}

fn masked_whole(line: &AccessLine) -> Vec<u8> {
    let mut text = line.text.clone();
    redact::mask_bytes(&mut text, line.form);
    text
}

proptest! {
    #[test]
    fn masked_line_equals_one_that_is_searched_whole(texts in texts()) {
        let entry = planted(&texts);
        for line in [AccessLine::json(&entry), AccessLine::human(&entry)] {
            let searched = String::from_utf8(masked_whole(&line)).unwrap();
            prop_assert_eq!(String::from_utf8(line.masked()).unwrap(), searched);
        }
    }

    #[test]
    fn texts_are_read_back_from_a_line(texts in texts()) {
        let line: serde_json::Value = serde_json::from_str(&json(planted(&texts))).unwrap();
        let decision = &line["gate"]["decision"];
        let names = ["method", "host", "path", "query", "route", "tenant", "user"];
        let mut read: Vec<_> = names.iter().map(|name| &line[name]).collect();
        read.extend([&decision["flag"], &decision["variant"]]);
        read.extend(["upstream", "error", "cause"].iter().map(|name| &line[name]));
        prop_assert_eq!(read, texts.iter().collect::<Vec<_>>());
    }
}
