//! The circuit breaker of a rollout plan, in the process that users run.

use std::fs;
use std::path::Path;

use testkit::{Client, Issuer, Request, eventually};
use tokens::Algorithm;

use crate::gateway_document::{self, LISTENERS};
use crate::process::{CommandOutput, SluiceProcess, sluice};

const PLAN: &str = "\
stages: [{ name: all, percentage: 100, for: 1h }]
breaker: { errors: 50%, requests: 3, for: 15m }
";

/// Starts a server whose only upstream is not there.
fn start(folder: &Path, issuer: &Issuer) -> SluiceProcess {
    let config = format!(
        "{LISTENERS}flags: {{ store: {{ sqlite: data, seed: flags.yaml }} }}
{issuers}upstreams: {{ app: '127.0.0.1:9' }}
routes: [{{ name: board, match: /board, gate: board, upstream: app }}]
",
        issuers = gateway_document::issuers(issuer, "HS256", "secret_file: secret"),
    );
    fs::write(folder.join("secret"), issuer.key_file()).unwrap();
    fs::write(folder.join("sluice.yaml"), config).unwrap();
    fs::write(
        folder.join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: ga, revertible: true } }\ntenants: { acme: {}, globex: {} }\n",
    )
    .unwrap();
    fs::write(folder.join("plan.yaml"), PLAN).unwrap();
    SluiceProcess::start(folder, ["run"])
}

#[test]
fn an_open_breaker_is_explained_listed_and_logged() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
    let running = start(folder.path(), &issuer);
    let server = format!("http://{}", running.admin());
    let run = |arguments: &[&str]| -> CommandOutput {
        let arguments = [arguments, &["--server", &server]].concat();
        sluice(folder.path(), arguments, "")
    };
    run(&["rollout", "plan", "board", "-f", "plan.yaml"]).exits(0);
    run(&["rollout", "start", "board"]).exits(0);
    let ask = |tenant: &str| {
        let request = Request::get("/board").token(&issuer.token(tenant));
        Client::connect(running.listener()).ask(&request).status
    };
    let list = |tenant: &str| {
        let request = Request::get_admin("/api/v1/me/feature-flags").token(&issuer.token(tenant));
        Client::connect(running.admin()).ask(&request).text().to_owned()
    };
    assert!(list("acme").contains("\"board\""));
    run(&["explain", "GET", "/board", "--tenant", "acme"]).exits(0);
    eventually("the breaker to open", || (ask("acme") == 404).then_some(()));
    let explained = run(&["explain", "GET", "/board", "--tenant", "acme"]);
    explained.exits(1);
    let step = explained
        .stdout
        .lines()
        .find(|line| line.contains("=> circuit breaker"));
    assert!(
        step.is_some_and(|step| step.ends_with("open for this tenant")),
        "{}",
        explained.stdout
    );
    run(&["explain", "GET", "/board", "--tenant", "globex"]).exits(0);
    assert!(!list("acme").contains("\"board\"") && list("globex").contains("\"board\""));
    let logged = running.line("circuit breaker: opened");
    assert!(logged.contains("acme") && logged.contains("board"), "{logged}");
}
