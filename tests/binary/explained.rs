//! `sluice explain --server`, and the answer of the admin API behind it: the explanation by the active configuration.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Issuer, Request, Response, Upstream};
use tokens::Algorithm;

use crate::gateway_document::{self, LISTENERS};
use crate::process::{CommandOutput, SluiceProcess, sluice};

const FLAGS: &str = "\
version: 1
flags:
  board: { kind: permission, default: on }
  extra: { lifecycle: alpha }
  near: { kind: ops, rules: [ { when: { attribute: addr, ip_in: [192.0.2.0/24] }, serve: on } ] }
tenants:
  acme: {}
";

struct ExplainedServer {
    folder: TempDir,
    issuer: Issuer,
    running: SluiceProcess,
    _upstream: Upstream,
}

impl ExplainedServer {
    fn start() -> Self {
        let upstream = Upstream::named("app");
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "{LISTENERS}flags: {{ file: flags.yaml }}
{issuers}upstreams: {{ app: '{address}' }}
identity: {{ attributes: {{ addr: {{ client: address }} }} }}
break_glass: {{ socket: bg.sock, journal: bg.json }}
routes:
  - {{ name: board, match: {{ path: /board, methods: [GET] }}, gate: board, upstream: app, limit: {{ rate: 100/m, burst: 7, by: tenant }} }}
  - {{ name: write, match: {{ path: /board, methods: [POST] }}, gate: extra, upstream: app }}
  - {{ name: open, match: {{ path: /open, methods: [OPTIONS, GET] }}, gate: extra, upstream: app, preflight: open }}
  - {{ name: near, match: /near, auth: none, gate: near, upstream: app }}
  - {{ name: rest, match: /**, auth: none, upstream: app }}
",
            issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret"),
            address = upstream.address(),
        );
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
        let running = SluiceProcess::start(folder.path(), ["run"]);
        running.admin();
        Self {
            folder,
            issuer,
            running,
            _upstream: upstream,
        }
    }

    fn output(&self, arguments: &[&str]) -> CommandOutput {
        sluice(self.folder.path(), ["explain"].iter().chain(arguments), "")
    }

    /// Returns the output of `sluice explain --server`.
    fn served(&self, arguments: &[&str]) -> CommandOutput {
        let server = format!("http://{}", self.running.admin());
        self.output(&[&["--server", &server], arguments].concat())
    }

    fn post(&self, body: &Value) -> Response {
        let request = Request::new("POST", "/api/v1/explain").host("localhost");
        let request = request.header("content-type", "application/json");
        Client::connect(self.running.admin()).ask(&request.with_body(body.to_string()))
    }
}

#[test]
fn server_and_offline_explanations_are_equal() {
    let served = ExplainedServer::start();
    for (question, code) in [
        (&["--tenant", "acme", "GET", "//board?a=b"][..], 0),
        (&["--tenant", "acme", "POST", "/board"], 1),
        (&["--token", &served.issuer.token("acme"), "GET", "/board"], 0),
        (&["--token", "a.b.c", "GET", "/board"], 1),
        (&["GET", "/board"], 1),
        (&["--header", "a: b", "--host", "shop.example:81", "GET", "/"], 0),
        (&["GET", "/%2F"], 1),
        (&["GET", "/near"], 1),
        (&["--client", "::ffff:192.0.2.9", "GET", "/near"], 0),
        (&["--client", "2001:db8::1", "GET", "/near"], 1),
    ] {
        for form in [&[][..], &["--json"]] {
            let question = [form, question].concat();
            let (files, server) = (served.output(&question), served.served(&question));
            assert_eq!(
                (files.code, server.code),
                (code, code),
                "{question:?}: {}",
                server.stderr
            );
            // A second may pass between the two commands, and a token of 10 minutes has 9 minutes left then.
            let remaining = |text: &str| text.replace("10 min left", "9 min left");
            assert_eq!(
                remaining(&server.stdout),
                remaining(&files.stdout),
                "{question:?}"
            );
        }
    }
}

#[test]
fn an_unknown_listener_is_an_invalid_question() {
    let served = ExplainedServer::start();
    let question = json!({ "request": { "method": "GET", "path": "/", "listener": "other" } });
    let answer = served.post(&question);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "INVALID_QUESTION"),
        "{}",
        answer.text()
    );
    for output in [
        served.output(&["--listener", "other", "GET", "/"]),
        served.served(&["--listener", "other", "GET", "/"]),
    ] {
        output
            .exits(1)
            .reports("no listener is named `other`; the listeners are: public");
    }
    assert_eq!(served.served(&["--listener", "public", "GET", "/"]).code, 0);
}

#[test]
fn a_flag_killed_on_the_server_is_explained_as_killed() {
    let served = ExplainedServer::start();
    let ask = || served.served(&["--tenant", "acme", "GET", "/board"]);
    assert_eq!(ask().code, 0);
    let kill = [
        "flags", "kill", "board", "--socket", "bg.sock", "--reason", "INC-1",
    ];
    let output = sluice(served.folder.path(), kill, "");
    output.exits(0);
    let after = ask();
    after.exits(1);
    assert!(after.stdout.contains("no, killed"), "{}", after.stdout);
    assert_eq!(served.output(&["--tenant", "acme", "GET", "/board"]).code, 0);
}

#[test]
fn rejected_candidate_routes_are_listed_with_their_reason() {
    let served = ExplainedServer::start();
    let story = served.post(&json!({ "request": { "method": "GET", "path": "/board", "tenant": "acme" } }));
    let story = story.json();
    assert_eq!(story["route"], "board");
    assert_eq!(
        story["rejected_candidates"],
        json!([
            { "route": "write", "reason": "accepts only POST" },
            { "route": "rest", "reason": "`board` has precedence" },
        ])
    );
    assert_eq!(story["other_routes"], 2);
}

#[test]
fn limits_are_shown_and_not_counted() {
    let served = ExplainedServer::start();
    for _ in 0..20 {
        let output = served.served(&["--tenant", "acme", "GET", "/board"]);
        output.exits(0);
        let line = output
            .stdout
            .lines()
            .find(|line| line.starts_with("limit"))
            .unwrap();
        assert!(line.contains("100 in 1 min, 7 at once"), "{line}");
        assert!(
            line.contains("of board, by tenant; its current use is not known here"),
            "{line}"
        );
    }
}

#[test]
fn preflights_are_explained() {
    let served = ExplainedServer::start();
    let preflight = |path| {
        let headers = [
            "--header",
            "Origin: https://a.example",
            "--header",
            "Access-Control-Request-Method: PUT",
        ];
        served.served(&[&headers[..], &["OPTIONS", path]].concat())
    };
    let open = preflight("/open");
    open.exits(0);
    assert!(open.stdout.contains("preflight open: passes"), "{}", open.stdout);
    let rest = preflight("/other");
    assert!(
        rest.stdout
            .contains("preflight gated: decided like any other request"),
        "{}",
        rest.stdout
    );
    let upgrade = served.served(&[
        "--header",
        "Origin: a",
        "--header",
        "Access-Control-Request-Method: PUT",
        "--header",
        "Upgrade: x",
        "OPTIONS",
        "/open",
    ]);
    assert_eq!(
        (upgrade.code, upgrade.stdout.contains("preflight")),
        (1, false),
        "{}",
        upgrade.stdout
    );
}

#[test]
fn explained_token_is_not_printed_or_returned() {
    let served = ExplainedServer::start();
    let token = served.issuer.token("acme");
    let response = served.post(&json!({ "request": { "method": "GET", "path": "/board", "token": token } }));
    assert_eq!(
        response.json()["identity"],
        "tenant acme, user u-1",
        "{}",
        response.text()
    );
    let wrong = served.post(&json!({ "request": { "method": "GET", "path": "/board", "token": [token] } }));
    assert_eq!(wrong.status, 400);
    let (_, signature) = token.rsplit_once('.').unwrap();
    let printed = served.running.printed().join("\n");
    assert!(!printed.contains(signature), "{printed}");
    assert!(!response.text().contains(signature) && !wrong.text().contains(signature));
}
