//! Secrets are put into every place that can contain one, and no output shows any of them.

use std::{fs, net::TcpListener, path::Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testkit::{
    Authority, Client, H2Client, Issuer, KeyServer, Request, Upstream, eventually, reply, response,
};
use tokens::Algorithm;

use crate::files;
use crate::gateway_document;
use crate::operator_tokens::{self, OperatorToken};
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

/// The secrets of a gateway whose configuration is valid, each another one: by the place where it is planted.
struct Planted(Vec<(&'static str, String)>);

impl Planted {
    #[track_caller]
    fn check(&self, what: &str, text: &str) {
        for (place, secret) in &self.0 {
            assert!(
                !text.contains(secret.as_str()),
                "the secret of {place} is in {what}:\n{text}"
            );
        }
    }
}

#[test]
fn no_secret_of_a_working_gateway_is_printed_or_answered() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let (upstream, keys) = (Upstream::named("app"), KeyServer::broken());
    let receiver = Upstream::answering(|_, stream| reply(stream, &response(503, "Busy", "planted-echo")));
    let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
    let pair = Authority::new().server(&["localhost"]);
    let operator = OperatorToken::issue("ann", "platform-admin");
    operator_tokens::write_document(folder.path(), "operators.yaml", &[&operator]);
    let webhook = STANDARD.encode([0x5a; 32]);
    let signature = "planted-signature-secret-of-32-bytes-and-more";
    write("secret", issuer.key_file());
    write("signature", signature.as_bytes());
    write("tls.pem", pair.cert.as_bytes());
    write("tls.key", pair.key.as_bytes());
    write(
        "flags.yaml",
        b"version: 1\nflags: { board: { lifecycle: ga } }\ntenants: { acme: {} }\n",
    );
    let config = format!(
        "version: 1
listeners:
  - {{ name: public, address: '127.0.0.1:0' }}
  - {{ name: secure, address: '127.0.0.1:0', tls: {{ certificates: [{{ cert: tls.pem, key: tls.key }}] }} }}
admin: {{ address: '127.0.0.1:0', operators: {{ tokens: {{ file: operators.yaml }} }} }}
flags: {{ store: {{ sqlite: data, seed: flags.yaml }} }}
{issuers}  - issuer: https://other.example
    audiences: [api]
    algorithms: [ES256]
    keys: {{ jwks_url: '{keys}?key=planted-query-of-keys' }}
    claims: {{ tenant: tenant }}
upstreams: {{ app: '{app}' }}
headers: {{ signature: {{ secret_file: signature }} }}
routes:
  - {{ name: board, match: /board, gate: board, upstream: app }}
  - {{ name: needed, match: /needed, auth: required, upstream: app }}
  - {{ name: all, match: /**, auth: lenient, upstream: app }}
notify: [ {{ webhook: 'http://{receiver}/hook', secret: '${{HOOK_SECRET}}' }} ]
",
        issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret"),
        keys = keys.url(),
        app = upstream.address(),
        receiver = receiver.address(),
    );
    write("sluice.yaml", config.as_bytes());
    let mut claims = issuer.claims("acme");
    claims["email"] = "planted-email@example.com".into();
    let token = issuer.sign(&claims);
    let (message, tag) = token.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1;
    let key_line = pair.key.lines().nth(1).unwrap().to_owned();
    let planted = Planted(vec![
        ("the claims of a token", "planted-email".to_owned()),
        ("the payload of a token", payload.to_owned()),
        ("the signature of a token", tag.to_owned()),
        ("the cookie", "planted-cookie".to_owned()),
        ("the query", "planted-query".to_owned()),
        ("Basic", "cGxhbnRlZC11c2VyOnBsYW50ZWQtcGFzc3dvcmQ".to_owned()),
        ("Digest", "planted-digest".to_owned()),
        ("a header of the client", "planted-header".to_owned()),
        ("the body", "planted-body".to_owned()),
        ("the operator", operator.secret.clone()),
        ("the signature of requests", "planted-signature".to_owned()),
        ("the webhook", webhook.clone()),
        ("the key of the TLS listener", key_line),
        ("the answer of a receiver", "planted-echo".to_owned()),
        ("a directive", "planted-directive".to_owned()),
    ]);
    let secret = format!("whsec_{webhook}");
    let mut sluice = SluiceProcess::start_with(&[("HOOK_SECRET", &secret)], folder.path(), ["run"]);
    let admin = sluice.admin();
    let ask_admin = |method: &str, path: &str, body: &str| {
        let request = Request::new(method, path)
            .host("localhost")
            .token(&operator.secret)
            .header("content-type", "application/json");
        let answer = Client::connect(admin).ask(&request.with_body(body.to_owned()));
        planted.check(path, answer.text());
        answer.status
    };
    assert_eq!(
        ask_admin("PUT", "/api/v1/log-level", "{\"level\":\"trace\"}"),
        200
    );
    let directive = "{\"level\":\"password=planted-directive\"}";
    assert_eq!(ask_admin("PUT", "/api/v1/log-level", directive), 422);
    // Forwarded, and refused in each way.
    let forged = format!("{message}.AAAA");
    let expired = issuer.sign(&{
        let mut claims = claims.clone();
        claims["exp"] = 1.into();
        claims
    });
    let credentials = [
        format!("Bearer {token}"),
        format!("Bearer {forged}"),
        format!("Bearer {expired}"),
        "Basic cGxhbnRlZC11c2VyOnBsYW50ZWQtcGFzc3dvcmQ=".to_owned(),
        "Digest username=\"x\", response=\"planted-digest\"".to_owned(),
        format!("Bearer {}", operator.secret),
        String::new(),
    ];
    let mut statuses = std::collections::BTreeSet::new();
    for target in [
        "/board?token=planted-query",
        "/needed",
        "/other",
        "/a%2fb?planted-query",
        "/a\\b",
    ] {
        for credential in &credentials {
            let request = Request::post(target, "card=planted-body")
                .header("authorization", credential)
                .header("cookie", "sid=planted-cookie")
                .header("x-api-key", "planted-header");
            let answer = Client::connect(sluice.listener()).ask(&request);
            planted.check(&format!("the answer to {target}"), answer.text());
            statuses.insert(answer.status);
        }
    }
    assert!(statuses.len() >= 3 && statuses.contains(&200), "{statuses:?}");
    // The admin API, with and without a defect of the request; a change that a receiver is notified of.
    for (method, path, body) in [
        ("GET", "/api/v1/whoami", ""),
        ("GET", "/api/v1/planted-query", ""),
        ("POST", "/api/v1/platform/feature-flags/board/kill", "{}"),
        (
            "POST",
            "/api/v1/platform/feature-flags/board/kill",
            "{\"planted-body\":",
        ),
        ("PUT", "/api/v1/platform/document", "planted: [body"),
        ("GET", "/readyz?verbose", ""),
        ("GET", "/metrics", ""),
    ] {
        ask_admin(method, path, body);
    }
    let token_of_request = format!("{{\"method\":\"GET\",\"path\":\"/board\",\"token\":\"{token}\"}}");
    ask_admin("POST", "/api/v1/explain", &token_of_request);
    receiver.await_count(1);
    files::replace(
        folder.path(),
        "sluice.yaml",
        config + "password: planted-signature\n",
    );
    sluice.line("not reloaded");
    ask_admin("GET", "/readyz?verbose", "");
    sluice.signal("TERM");
    sluice.ended();
    let printed = sluice.printed().join("\n");
    planted.check("what was printed", &printed);
    assert!(printed.contains("the levels of the log were set"), "{printed}");
    assert!(
        printed.contains("TOKEN_BAD_SIGNATURE") && printed.contains("TOKEN_EXPIRED"),
        "{printed}"
    );
}
