//! The exact text of lines, and what a hostile request can't do to them.

use std::time::UNIX_EPOCH;

use super::*;

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
    String::from_utf8(entry.json()).unwrap()
}

fn human(entry: AccessEntry<'_>) -> String {
    String::from_utf8(entry.human()).unwrap()
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
