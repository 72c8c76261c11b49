//! The state of this node in the admin API: the uses of flags in its documents, the traffic of
//! flags, and the health of the node.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Issuer, Request, Upstream, eventually, reply, response};
use tokens::Algorithm;

use crate::files;
use crate::gateway_document::{LISTENERS, issuers};
use crate::managed::get;
use crate::process::SluiceProcess;

const ROUTES: &str = "flags: { file: flags.yaml }
upstreams: { legacy: '127.0.0.1:9', next: '127.0.0.1:9' }
headers: { flags: { name: x-flags, include: [board] }, per_flag: { prefix: X-Is-, flags: [theme] } }
routes:
  - { name: open, match: /open, auth: none, upstream: legacy }
  - name: board
    match: { host: shop.example, path: '/board/**', methods: [GET], headers: { x-canary: s3cr3t } }
    gate: { all: [board, { not: export }] }
    auth: none
    upstream: next
  - { name: shadow, match: /shadow, gate: board, auth: none, mode: shadow, upstream: legacy }
  - { name: theme, match: /theme, gate: theme, auth: none, upstream: legacy, variants: { blue: next } }
";
const FLAGS: &str = "version: 1
segments: { dach: { attribute: country, in: [DE] } }
flags:
  board:
    lifecycle: ga
    rules: [{ when: { segment: dach }, serve: on }]
  export: { requires: [board] }
  theme: { variants: { red: 1, blue: 2 }, default: red, off: red }
";

/// Returns a folder with these routes and flags.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sluice.yaml"), format!("{LISTENERS}{ROUTES}")).unwrap();
    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    folder
}

fn run(folder: &Path) -> SluiceProcess {
    let sluice = SluiceProcess::start(folder, ["run"]);
    sluice.line("admin listening");
    sluice
}

fn read(sluice: &SluiceProcess, path: &str) -> Value {
    let answer = get(&mut Client::connect(sluice.admin()), path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn usage(sluice: &SluiceProcess, flag: &str) -> Value {
    read(sluice, &format!("/platform/feature-flags/{flag}/usage"))
}

#[test]
fn the_uses_of_a_flag_have_their_places() {
    let folder = folder();
    let sluice = run(folder.path());
    let first_line = LISTENERS.lines().count() + 1;
    let board = usage(&sluice, "board");
    let routes = board["routes"].as_array().unwrap();
    assert_eq!(routes.len(), 2, "{board}");
    let matched = json!({
        "host": "shop.example", "path": "/board/**", "methods": ["GET"], "headers": ["x-canary"],
    });
    assert_eq!(routes[0]["match"], matched);
    assert_eq!(
        (&routes[0]["gate"], &routes[0]["shadow"]),
        (&json!("all(board, not export)"), &json!(false))
    );
    assert_eq!(
        (&routes[1]["route"], &routes[1]["shadow"]),
        (&json!("shadow"), &json!(true))
    );
    assert_eq!(routes[0]["place"]["file"], "sluice.yaml");
    assert_eq!(routes[0]["place"]["line"], first_line + 5);
    assert_eq!(
        (&board["place"]["file"], &board["place"]["line"]),
        (&json!("flags.yaml"), &json!(4))
    );
    assert_eq!(
        board["headers"],
        json!([{ "header": "x-flags", "reason": "listed" }])
    );
    assert_eq!(board["required_by"], json!(["export"]));
    assert_eq!(board["segments"], json!([{ "segment": "dach", "direct": true }]));
    assert!(!board.to_string().contains("s3cr3t"), "{board}");
    let theme = usage(&sluice, "theme");
    assert_eq!(
        theme["headers"],
        json!([{ "header": "x-is-theme", "reason": "own" }])
    );
    let route = &theme["routes"][0];
    assert_eq!(
        (&route["variants"], &route["gate"]),
        (&json!(true), &json!("theme"))
    );
    // In a store flags have no place.
    drop(sluice);
    let store = "flags: { store: { sqlite: data, seed: flags.yaml } }";
    files::edit(folder.path(), "sluice.yaml", "flags: { file: flags.yaml }", store);
    let sluice = run(folder.path());
    let stored = usage(&sluice, "board");
    assert_eq!((stored.get("place"), &stored["routes_total"]), (None, &json!(2)));
}

#[test]
fn traffic_of_a_flag_has_its_requests_and_errors() {
    let upstream = Upstream::answering(|request, stream| match request.target() {
        "/board/broken" => reply(stream, &response(500, "Internal Server Error", "")),
        _ => reply(stream, &response(200, "OK", "")),
    });
    let folder = folder();
    files::edit(
        folder.path(),
        "sluice.yaml",
        "next: '127.0.0.1:9'",
        &format!("next: '{}'", upstream.address()),
    );
    files::edit(
        folder.path(),
        "flags.yaml",
        "    rules:",
        "    default: on\n    rules:",
    );
    let sluice = run(folder.path());
    eventually("the begin of the counting", || {
        read(&sluice, "/traffic/flags").get("since").map(drop)
    });
    let mut client = Client::connect(sluice.listener());
    for path in ["/board/a", "/board/b", "/board/broken"] {
        let request = Request::get(path)
            .host("shop.example")
            .header("x-canary", "s3cr3t");
        let status = client.ask(&request).status;
        assert_eq!(status, if path == "/board/broken" { 500 } else { 200 });
    }
    let sum = |numbers: &Value| -> u64 { numbers.as_array().unwrap().iter().filter_map(Value::as_u64).sum() };
    let board = eventually("the traffic of `board`", || {
        let traffic = read(&sluice, "/traffic/flags");
        let mut flags = traffic["flags"].as_array().unwrap().iter();
        flags.find(|flag| flag["flag"] == "board").cloned()
    });
    assert_eq!(
        (sum(&board["requests"]), sum(&board["errors"])),
        (3, 1),
        "{board}"
    );
    let one = read(&sluice, "/traffic/flags?flag=theme");
    assert_eq!(sum(&one["flags"][0]["requests"]), 0);
}

#[test]
fn health_has_documents_upstreams_and_the_source_of_flags() {
    let folder = folder();
    let sluice = run(folder.path());
    let health = || read(&sluice, "/platform/health");
    let started = health();
    let node = &started["node"];
    assert_eq!((&node["state"], &node["reasons"]), (&json!("ready"), &json!([])));
    assert_eq!(node["listeners"][0]["name"], "public");
    assert_eq!(node["admin"], sluice.admin().to_string());
    assert!(
        node["id"]
            .as_str()
            .unwrap()
            .ends_with(&format!(":{}", sluice.id())),
        "{node}"
    );
    assert!(
        node["revision"].is_string() && node["since"].is_string(),
        "{node}"
    );
    let nodes = read(&sluice, "/platform/nodes");
    assert_eq!(
        (&nodes["answered_by"], &nodes["nodes"]),
        (&node["id"], &json!([node]))
    );
    let endpoint = json!({ "address": "127.0.0.1:9", "health": "fit", "in_flight": 0 });
    assert_eq!(
        started["upstreams"][0],
        json!({ "upstream": "legacy", "in_flight": 0, "endpoints": [endpoint] })
    );
    assert_eq!(
        (&started["flags"], &started["issuers"]),
        (&json!({ "source": "files" }), &json!([]))
    );
    let documents = started["reload"]["documents"].as_array().unwrap();
    assert_eq!(
        (&documents[0]["file"], &documents[1]["file"]),
        (&json!("sluice.yaml"), &json!("flags.yaml"))
    );
    assert_eq!(documents[0]["problems"][0]["code"], "ungated-route");

    // A rejected document has its problems with source lines; a secret beside them is masked.
    let secret = "Bearer sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    let broken = format!("lifecycle: gaa, description: '{secret}'");
    files::edit(
        folder.path(),
        "flags.yaml",
        "export: { requires",
        &format!("export: {{ {broken}, requires"),
    );
    let rejected = eventually("the rejection", || {
        let health = health();
        (health["reload"]["result"] == "rejected").then_some(health)
    });
    assert_eq!(rejected["reload"]["accepted"], started["reload"]["at"]);
    assert_eq!(rejected["node"]["state"], "degraded");
    assert_eq!(rejected["node"]["reasons"][0]["name"], "reload");
    let documents = rejected["reload"]["documents"].as_array().unwrap();
    let flags = documents
        .iter()
        .find(|document| document["file"] == "flags.yaml")
        .unwrap();
    let problem = &flags["problems"][0];
    assert_eq!(
        (&problem["severity"], &problem["line"]),
        (&json!("error"), &json!(7)),
        "{flags}"
    );
    let text = problem["text"].as_str().unwrap();
    assert!(
        text.contains("--> flags.yaml:7:") && text.contains("lifecycle: gaa"),
        "{text}"
    );
    assert!(!rejected.to_string().contains("sk_live_4eC39"), "{rejected}");

    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    eventually("the former documents", || {
        let health = health();
        let is_unchanged = health["reload"]["result"] == "unchanged";
        (is_unchanged && health["node"]["state"] == "ready").then_some(())
    });
}

#[test]
fn health_has_the_failures_of_an_issuer() {
    let folder = folder();
    let issuer = Issuer::new("https://login.example", Algorithm::Es256, "k1");
    let section = issuers(&issuer, "ES256", "jwks_url: 'http://127.0.0.1:9/keys'");
    files::edit(
        folder.path(),
        "sluice.yaml",
        "upstreams:",
        &format!("{section}upstreams:"),
    );
    let sluice = run(folder.path());
    let health = eventually("a failed fetch", || {
        let health = read(&sluice, "/platform/health");
        health["issuers"][0]["failure"].is_string().then_some(health)
    });
    let keys = &health["issuers"][0];
    assert_eq!(
        (&keys["keys"], &keys["fetched"]),
        (&Value::Null, &Value::Null),
        "{keys}"
    );
    assert!(
        keys["failed"].is_string() && keys["failing_since"].is_string(),
        "{keys}"
    );
    assert_eq!(health["node"]["state"], "starting");
    let name = format!("keys {}", keys["issuer"].as_str().unwrap());
    assert_eq!(health["node"]["reasons"][0]["name"], name);
}
