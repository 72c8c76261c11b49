//! The health listener, and `sluice health`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;
use testkit::{Client, Request, Upstream};

use crate::process::{SluiceProcess, sluice, sluice_with};

/// Writes a configuration with these addresses of admin and health listener.
fn folder(upstream: &Upstream, admin: &str, health: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1
listeners: [{{ name: public, address: 127.0.0.1:0 }}]
admin: {admin}
{health}
access_log: {{ output: off }}
drain: {{ delay: 30s }}
flags: {{ file: flags.yaml }}
upstreams: {{ api: '{}' }}
routes:
  - {{ name: all, match: /**, upstream: api }}
",
        upstream.address()
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
    folder
}

/// Returns a port that is free at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Runs `sluice health` with the configuration of the folder.
fn health(folder: &Path, options: &[&str]) -> crate::process::CommandOutput {
    sluice(folder, ["health"].iter().chain(options).copied(), "")
}

#[test]
fn a_health_listener_has_no_operations() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "off", "health: { address: '0.0.0.0:0' }");
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let mut address = sluice.health();
    assert!(address.ip().is_unspecified());
    address.set_ip([127, 0, 0, 1].into());
    // A name that no field lists: probes and Prometheus need no configuration.
    for (path, status, start) in [
        ("/", 200, "Sluice: health listener\n"),
        ("/livez", 200, "ok\n"),
        ("/readyz", 200, "ready\n"),
        ("/metrics", 200, "# HELP "),
        ("/api/v1", 404, ""),
        ("/api/v1/flags", 404, ""),
    ] {
        let answer = Client::connect(address).ask(&Request::get(path).host("pod.example:9091"));
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().starts_with(start), "{path}: {}", answer.text());
    }
}

#[test]
fn health_on_loopback_refuses_foreign_hosts() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "off", "health: { address: '127.0.0.1:0' }");
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    for (host, status) in [("evil.example", 403), ("localhost", 200), ("127.0.0.1", 200)] {
        let answer = Client::connect(sluice.health()).ask(&Request::get("/metrics").host(host));
        assert_eq!(answer.status, status, "{host}");
    }
}

#[test]
fn the_health_address_of_an_option_comes_first() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "off", "");
    let port = free_port().to_string();
    let address = format!("127.0.0.1:{port}");
    let option = format!("--health-address={address}");
    let sluice = SluiceProcess::start(folder.path(), ["run", &option]);
    assert_eq!(sluice.health().to_string(), address);
    drop(sluice);
    let sluice = SluiceProcess::start_with(&[("SLUICE_HEALTH_ADDRESS", &address)], folder.path(), ["run"]);
    assert_eq!(sluice.health().to_string(), address);
    // The command honours it too.
    let variables = [("SLUICE_HEALTH_ADDRESS", &*address)];
    sluice_with(&variables, folder.path(), ["health"])
        .exits(0)
        .prints("ready\n");
}

#[test]
fn sluice_health_asks_the_listener_of_the_config() {
    let upstream = Upstream::named("api");
    for (admin, health_field) in [
        ("off", "health: { address: '0.0.0.0:PORT' }"),
        ("off", "health: { address: '[::]:PORT' }"),
        ("{ address: '127.0.0.1:PORT' }", ""),
    ] {
        let port = free_port().to_string();
        let replaced = |text: &str| text.replace("PORT", &port);
        let folder = folder(&upstream, &replaced(admin), &replaced(health_field));
        // Nothing listens yet.
        health(folder.path(), &[]).exits(1).reports("Connection refused");
        let sluice = SluiceProcess::start(folder.path(), ["run"]);
        sluice.line("listening");
        sluice.line("listening: /livez");
        health(folder.path(), &[]).exits(0).prints("ready\n");
        health(folder.path(), &["--live"]).exits(0).prints("ok\n");
        sluice.signal("TERM");
        sluice.line("draining");
        let output = health(folder.path(), &[]);
        output.exits(1);
        assert!(
            output.stdout.starts_with("not ready\n  serving: draining: "),
            "{output}"
        );
        health(folder.path(), &["--live"]).exits(0).prints("ok\n");
    }
}

#[test]
fn sluice_health_names_what_it_can_not_ask() {
    let upstream = Upstream::named("api");
    let none = folder(&upstream, "off", "");
    health(none.path(), &[])
        .exits(1)
        .reports("has no `health` listener and no `admin` listener");
    let any_port = folder(&upstream, "off", "health: { address: '127.0.0.1:0' }");
    health(any_port.path(), &[])
        .exits(1)
        .reports("is chosen by the system");
    // Another service.
    let server = format!("--server=http://{}", upstream.address());
    health(none.path(), &[&server])
        .exits(1)
        .reports("not as Sluice does");
    // A server that accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("--server=http://{}", silent.local_addr().unwrap());
    health(none.path(), &[&server, "--timeout=1s"]).exits(1);
}
