//! Secrets are put into every place that can contain one, and no output shows any of them.

use std::{fs, net::TcpListener, path::Path};

use testkit::{Client, H2Client, KeyServer, Request, Upstream, eventually};

use crate::files;
use crate::process::{CommandOutput, SluiceProcess, sluice};

const JWT: &str =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InBsYW50ZWQifQ.eyJvcmciOiJwbGFudGVkLW9yZyJ9.cGxhbnRlZC1zaWduYXR1cmU";
const OPERATOR: &str = "sluice_UGxhbnRlZFBsYW50ZWRQbGFudGVkUGxhbnRlZFBsYW4";
const PASSWORD: &str = "planted-horse-battery-staple-and-more";
/// Texts that no output may contain: parts of each secret, so that a truncated secret is found, too.
const PLANTED: [&str; 7] = [
    "eyJvcmciOiJwbGFudGVk",
    "cGxhbnRlZC1zaWduYXR1cmU",
    "UGxhbnRlZFBsYW50",
    "planted-horse",
    "planted_horse",
    "planted-cookie",
    "planted-body",
];
/// Unknown fields with names like those of secrets.
const NAMES: [&str; 13] = [
    "signing_secret",
    "webhook_secret",
    "jwt_secret",
    "db_password",
    "admin_password",
    "auth_token",
    "adminToken",
    "api-token",
    "X-Api-Key",
    "hmac_key",
    "secretKey",
    "bearer",
    "cookie",
];
/// The most verbose directive of `RUST_LOG`.
const EVERYTHING: &str = "trace,h2=trace,hyper=trace,hyper_util=trace,pingora_core=trace,pingora_proxy=trace,\
    reqwest=trace,rustls=trace,tokio_rustls=trace,proxy=trace,[{name=x}]=trace";

fn check(what: &str, text: &str) {
    for planted in PLANTED {
        assert!(!text.contains(planted), "`{planted}` is in {what}:\n{text}");
    }
}

fn config(upstream: &Upstream, keys: &KeyServer) -> String {
    format!(
        "version: 1
listeners: [{{ name: public, address: '127.0.0.1:0', h2c: true }}]
admin: {{ address: '127.0.0.1:0' }}
flags: {{ file: flags.yaml }}
issuers:
  - issuer: https://login.example
    audiences: [a]
    algorithms: [ES256]
    keys: {{ jwks_url: '{}?access_token={PASSWORD}' }}
    claims: {{ tenant: org }}
upstreams: {{ app: '{}' }}
routes:
  - {{ name: board, match: /board/**, gate: board, upstream: app }}
  - {{ name: all, match: /**, upstream: app }}
access_log: {{ output: stdout, query: true }}
receipts: {{ keep: 64, sample: 1 }}
",
        keys.url(),
        upstream.address()
    )
}

/// Documents with secrets in fields that accept none, one mistake each.
fn mistaken(good: &str) -> Vec<String> {
    let replaced = |from: &str, to: String| {
        assert!(good.contains(from), "{from}");
        good.replace(from, &to)
    };
    let variable = PASSWORD.replace('-', "_");
    vec![
        replaced("version: 1\n", format!("version: 1\npassword: {PASSWORD}\n")),
        replaced("claims: {", format!("client_secret: {PASSWORD}\n    claims: {{")),
        replaced("algorithms: [ES256]", format!("algorithms: ['{OPERATOR}']")),
        replaced(
            "upstream: app }\n  - ",
            format!("upstream: 'Bearer {JWT}' }}\n  - "),
        ),
        replaced("http://", format!("https://ops:{PASSWORD}@")),
        replaced("    keys: {", format!("    keys: {PASSWORD} # {{")),
        replaced("    keys: {", format!("    keys: {{ secret: {PASSWORD} # {{")),
        replaced("    keys: {", format!("    keys: {{ secret:{PASSWORD} }} # {{")),
        replaced("    keys: {", format!("    keys: {{ {PASSWORD} }} # {{")),
        replaced(
            "    keys: {",
            format!("    keys: {{ secret: {{ x: {PASSWORD} }} }} # {{"),
        ),
        replaced(
            "    keys: {",
            format!("    keys: {{ secret: '${{{variable}}}' }} # {{"),
        ),
        replaced("algorithms: [ES256]", format!("algorithms: {PASSWORD}")),
        replaced(
            "audiences: [a]",
            format!("audiences: [a]\n    leeway: {PASSWORD}"),
        ),
        replaced("admin: { address: '", format!("admin: {PASSWORD} # '")),
        replaced(
            "admin: { address: '",
            format!("admin: {{ address: 'ops:{PASSWORD}@"),
        ),
        replaced(
            "name: public, address: '",
            format!("name: public, address: 'ops:{PASSWORD}@"),
        ),
        replaced("app: '", format!("app: 'ops:{PASSWORD}@")),
        replaced("app: '", format!("app: 'ops:{PASSWORD}@x' # '")) + "}",
        replaced("app: '", format!("'ops:{PASSWORD}@127.0.0.1:80': 1, app: '")),
        replaced("version: 1\n", format!("version: 1\nsecret:\n  {PASSWORD}\n}}\n")),
        replaced(
            "version: 1\n",
            format!("version: 1\nsecrets:\n- {PASSWORD}\n}}\n"),
        ),
        replaced("version: 1\n", format!("version: x # password: {PASSWORD}\n")),
        format!("secret = {PASSWORD}\n"),
        replaced("app: '", format!("app: 'http:/ops:{PASSWORD}@")),
        replaced("app: '", format!("app: '//ops:{PASSWORD}@")),
        replaced("jwks_url: 'http://", format!("jwks_url: 'ops:{PASSWORD}@")),
        replaced("jwks_url: 'http://", format!("jwks_url: 'https:/ops:{PASSWORD}@")),
        replaced("jwks_url: 'http://", format!("jwks_url: '//ops:{PASSWORD}@")),
        replaced(
            "issuer: https://",
            format!("issuer: ops:{PASSWORD}@login.example\n    typ: ['a'] # "),
        ),
        replaced(
            "access_log:",
            format!("unmatched: {{ redirect: 'ops:{PASSWORD}@login.example' }}\naccess_log:"),
        ),
    ]
    .into_iter()
    .chain(NAMES.map(|name| replaced("version: 1\n", format!("version: 1\n{name}: {PASSWORD}\n"))))
    .collect()
}

fn traffic(sluice: &SluiceProcess) {
    let address = sluice.listener();
    let asks = [
        Request::get("/board/1")
            .token(JWT)
            .header("cookie", "sid=planted-cookie"),
        Request::post("/upload", "card=planted-body").header("authorization", &format!("Basic {JWT}")),
        Request::get(&format!("/?access_token={PASSWORD}&a={JWT}")),
        Request::get(&format!("/%2F{OPERATOR}")),
        Request::get("/board/2").token(OPERATOR),
    ];
    for ask in &asks {
        Client::connect(address).ask(ask);
        let _ = H2Client::connect(address).try_ask(ask);
    }
    let admin = sluice.admin();
    Client::connect(admin).ask(&Request::get("/api/v1/whoami").token(OPERATOR));
    Client::connect(admin)
        .ask(&Request::post("/api/v1/explain", format!("{{\"token\": \"{JWT}\"}}")).token(OPERATOR));
}

/// Reads the receipts of the traffic, of which one is a sample and the others are refused, each with the decision now.
fn check_receipts(sluice: &SluiceProcess) {
    let read = |path: &str| Client::connect(sluice.admin()).ask(&Request::get_admin(path));
    let list = eventually("the receipts", || {
        let list = read("/api/v1/requests?limit=1000");
        let count = list.json()["receipts"].as_array().unwrap().len();
        (count >= 10).then_some(list)
    });
    check("the list of receipts", list.text());
    assert!(list.text().contains("***"), "{}", list.text());
    for receipt in list.json()["receipts"].as_array().unwrap() {
        let id = receipt["request_id"].as_str().unwrap();
        let answer = read(&format!("/api/v1/requests/{id}"));
        assert_eq!(answer.status, 200);
        check("a receipt", answer.text());
    }
}

fn refused(sluice: &SluiceProcess) -> u64 {
    let page = Client::connect(sluice.admin()).ask(&Request::get_admin("/metrics"));
    let series = "sluice_reloads_total{result=\"refused\"} ";
    let value = page
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(series)?.parse().ok());
    value.unwrap_or(0)
}

#[test]
fn planted_secrets_are_never_printed_at_any_log_level() {
    let (upstream, keys) = (Upstream::named("app"), KeyServer::broken());
    let folder = tempfile::tempdir().unwrap();
    let good = config(&upstream, &keys);
    fs::write(folder.path().join("sluice.yaml"), &good).unwrap();
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: ga } }\n",
    )
    .unwrap();
    let mut sluice = SluiceProcess::start_with(&[("RUST_LOG", EVERYTHING)], folder.path(), ["run"]);
    traffic(&sluice);
    check_receipts(&sluice);
    for (number, text) in mistaken(&good).iter().enumerate() {
        files::replace(folder.path(), "sluice.yaml", text);
        eventually(&format!("the refusal of\n{text}"), || {
            (refused(&sluice) > number as u64).then_some(())
        });
        let ready = Client::connect(sluice.admin()).ask(&Request::get_admin("/readyz?verbose"));
        assert!(
            ready.text().contains("the last reload was rejected"),
            "{}",
            ready.text()
        );
        check("/readyz?verbose", ready.text());
        fs::write(folder.path().join("other.yaml"), text).unwrap();
        for arguments in [
            &["check", "--config", "other.yaml"][..],
            &["check", "--json", "--config", "other.yaml"],
        ] {
            let output = output(folder.path(), arguments);
            assert_ne!(output.code, 0, "{text}");
            check(
                &format!("the answer to {arguments:?}"),
                &(output.stderr + &output.stdout),
            );
        }
    }
    check(
        "/metrics",
        Client::connect(sluice.admin())
            .ask(&Request::get_admin("/metrics"))
            .text(),
    );
    sluice.signal("TERM");
    assert_eq!(sluice.ended().code(), Some(0));
    let printed = eventually("the last line of the access log", || {
        let printed = sluice.printed();
        let logged = printed.iter().filter(|line| line.starts_with('{')).count();
        (logged >= 10).then_some(printed)
    });
    let text = printed.join("\n");
    check("what was printed", &text);
    assert!(text.contains("RUST_LOG: `h2=trace` counts as `error`"), "{text}");
    assert!(text.contains("\"query\":\"access_token=***"), "{text}");
    for line in printed.iter().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

fn output(folder: &Path, arguments: &[&str]) -> CommandOutput {
    sluice(folder, arguments, "")
}

#[test]
fn command_errors_contain_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://ops:{PASSWORD}@{nobody}");
    let bare = format!("ops:{PASSWORD}@{nobody}");
    let (relative, misspelt) = (format!("//{bare}"), format!("https:/{bare}"));
    let bearer = format!("Bearer {JWT}");
    for arguments in [
        &["whoami", "--tokn", OPERATOR][..],
        &["whoami", OPERATOR],
        &["whoami", "--server", &server],
        &["whoami", "--server", &bare],
        &["whoami", "--server", &relative],
        &["whoami", "--server", &misspelt],
        &["flags", "show", OPERATOR, "--server", &server],
        &["explain", "GET", "/", "--at", &bearer],
        &["check", "--config", OPERATOR],
        &[OPERATOR],
    ] {
        let output = output(folder.path(), arguments);
        assert_ne!(output.code, 0, "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        check(
            &format!("the answer to {arguments:?}"),
            &(output.stderr + &output.stdout),
        );
    }
}
