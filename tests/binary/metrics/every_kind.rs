//! A process that shows series of every kind of metric.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testkit::{Client, Issuer, KeyServer, Request, Upstream, eventually, reply, response};
use tokens::Algorithm;

use crate::gateway_document::{self, LISTENERS};
use crate::process::{SluiceProcess, sluice};

const PLAN: &str = "\
stages: [{ name: all, percentage: 100, for: 1h }]
checks: [{ name: errors, error_rate: { above: 1% }, then: pause }]
breaker: { errors: 50%, requests: 3, for: 15m }
";
const FLAGS: &str = "\
version: 1
flags: { board: { lifecycle: ga, revertible: true } }
tenants: { acme: {}, globex: {} }
";

fn page(running: &SluiceProcess) -> String {
    let answer = Client::connect(running.admin()).ask(&Request::get_admin("/metrics"));
    assert_eq!(answer.status, 200);
    answer.text().to_owned()
}

/// Returns the content of `/metrics`, with requests by tenant.
pub(super) fn scrape() -> String {
    scrape_with("metrics: { tenants: { names: [acme] } }")
}

/// Returns the same of a process that does not count by tenant.
pub(super) fn scrape_without_tenants() -> String {
    scrape_with("")
}

fn scrape_with(section: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (upstream, failing) = (Upstream::named("app"), KeyServer::broken());
    let third = Issuer::new("https://third.example", Algorithm::Es256, "k3");
    let working = KeyServer::of(&[&third]);
    let receiver = Upstream::answering(|_, stream| reply(stream, &response(200, "OK", "")));
    let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
    let config = format!(
        "{LISTENERS}{section}
flags: {{ store: {{ sqlite: data, seed: flags.yaml }} }}
{issuers}  - issuer: https://other.example
    audiences: [api]
    algorithms: [ES256]
    keys: {{ jwks_url: '{keys}' }}
    claims: {{ tenant: tenant }}
  - issuer: https://third.example
    audiences: [api]
    algorithms: [ES256]
    keys: {{ jwks_url: '{working}' }}
    claims: {{ tenant: tenant }}
upstreams:
  app: {{ endpoints: ['{address}'], health: {{ path: /health, interval: 1s }} }}
  named: {{ endpoints: ['localhost:9'] }}
routes:
  - {{ name: board, match: /board, gate: board, upstream: app }}
  - {{ name: lenient, match: /lenient, auth: lenient, upstream: app }}
  - {{ name: gone, match: /gone, upstream: named }}
notify: [ {{ webhook: 'http://{receiver}/hook', secret: '${{HOOK_SECRET}}' }} ]
traces: {{ otlp: 'http://127.0.0.1:9' }}
",
        issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret"),
        keys = failing.url(),
        working = working.url(),
        address = upstream.address(),
        receiver = receiver.address(),
    );
    fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    fs::write(folder.path().join("plan.yaml"), PLAN).unwrap();
    let secret = format!("whsec_{}", STANDARD.encode([7; 32]));
    let running = SluiceProcess::start_with(&[("HOOK_SECRET", &secret)], folder.path(), ["run"]);
    let server = format!("http://{}", running.admin());
    for arguments in [
        &["rollout", "plan", "board", "-f", "plan.yaml"][..],
        &["rollout", "start", "board"],
    ] {
        sluice(folder.path(), [arguments, &["--server", &server]].concat(), "").exits(0);
    }
    let ask = |path: &str, token: &str| {
        let request = Request::get(path).token(token);
        Client::connect(running.listener()).ask(&request).status
    };
    let token = issuer.token("acme");
    eventually("the stage to be in force", || {
        (ask("/board", &token) == 200).then_some(())
    });
    assert_eq!(ask("/board", &issuer.token("globex")), 200);
    for path in ["/board", "/lenient", "/gone", "/unknown"] {
        ask(path, &token);
        ask(path, "not.a.token");
    }
    let waited_for = [
        "sluice_jwks_failing_since_timestamp_seconds{",
        "sluice_jwks_last_success_timestamp_seconds{",
        "sluice_notifications_delivered_total{",
        "sluice_upstream_health_checks_total{",
        "sluice_flag_request_duration_seconds_bucket{",
        "sluice_rollout_check{",
        "sluice_rollout_waiting_since_timestamp_seconds{",
    ];
    eventually("every kind of series", || {
        let page = page(&running);
        let has = |series: &&str| page.contains(&format!("\n{series}"));
        waited_for.iter().all(has).then_some(page)
    })
}
