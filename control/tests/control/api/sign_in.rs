//! Authentication over HTTP: tokens, failures, and requests from other sites if no operators are configured.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use control::Role;
use control::operators::{FAILURES_PER_MINUTE, MAX_STATIC_TOKENS, StaticToken, TokenHash};
use proxy::MAX_ADMIN_CONNECTIONS_PER_CLIENT;
use serde_json::json;
use testkit::Client;

use crate::api::server::{Server, request};

#[test]
fn failed_sign_ins_are_reported_limited_and_audited() {
    let server = Server::start();
    let ask = || server.send(request("GET", "/whoami", None).token("sluice_wrong"));
    for _ in 0..FAILURES_PER_MINUTE {
        let response = ask();
        assert_eq!(
            (response.status, response.code().as_str()),
            (401, "SIGN_IN_FAILED")
        );
        assert!(
            response
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"invalid_token\"")
        );
    }
    let response = ask();
    assert_eq!(
        (response.status, response.code().as_str()),
        (429, "TOO_MANY_REQUESTS")
    );
    assert!(response.header("retry-after").is_some());
    // Valid credentials from the same address are still accepted.
    let log = server.send_ok("GET", "/platform/audit?action=platform.sign_in_failed", None);
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), FAILURES_PER_MINUTE as usize);
    assert_eq!(entries[0]["details"]["peer"], "127.0.0.1");
    assert_eq!(entries[0]["outcome"], "refused");
    assert!(!log.to_string().contains("sluice_wrong"));
}

#[test]
fn without_operators_a_local_client_is_platform_admin() {
    let server = Server::without_operators();
    let response = server.send(request("GET", "/whoami", None));
    assert_eq!(
        response.json(),
        json!({ "name": "local", "role": "platform-admin" })
    );
}

#[test]
fn without_operators_pages_of_other_sites_are_rejected() {
    let server = Server::without_operators();
    let here = server.address().to_string();
    let kill = || request("POST", "/platform/feature-flags/ui.shell/kill", Some(&json!({})));
    let foreign = [
        (kill().host("evil.example"), "FOREIGN_HOST"),
        (
            kill().host(&here).header("origin", "https://evil.example"),
            "FOREIGN_ORIGIN",
        ),
        (kill().host(&here).header("origin", "null"), "FOREIGN_ORIGIN"),
        (
            kill().host(&here).header("sec-fetch-site", "cross-site"),
            "FOREIGN_ORIGIN",
        ),
    ];
    for (ask, code) in foreign {
        let response = Client::connect(server.address()).ask(&ask);
        assert_eq!((response.status, response.code().as_str()), (403, code));
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
    let flag = server
        .send(request("GET", "/platform/feature-flags/ui.shell", None))
        .json();
    assert_eq!(flag["enabled"], true);
    let own = kill().header("origin", &format!("http://{here}"));
    assert_eq!(server.send(own).status, 200);
}

#[test]
fn with_operators_any_host_is_accepted() {
    let server = Server::start();
    let ask = request("GET", "/whoami", None).host("flags.internal.example");
    let response = Client::connect(server.address()).ask(&ask.token(server.token(Role::Viewer)));
    assert_eq!(response.status, 200);
}

/// Returns a token as an older version stored it, without an id.
fn token_without_id(name: usize) -> (String, StaticToken) {
    let (secret, hash) = TokenHash::issue().unwrap();
    let text = hash.to_string();
    let (text, _) = text.rsplit_once(':').unwrap();
    let known = StaticToken {
        name: format!("old {name}"),
        role: Role::Viewer,
        org: None,
        hash: TokenHash::parse(text).unwrap(),
        expires: None,
    };
    (secret, known)
}

/// Signs in with invalid tokens over one connection after the other until `stop`, from this address.
fn flood(server: SocketAddr, source: IpAddr, stop: &AtomicBool) {
    let (bogus, _) = TokenHash::issue().unwrap();
    let ask = request("GET", "/whoami", None).token(&bogus).bytes();
    while !stop.load(Ordering::Relaxed) {
        let Ok(client) = Client::try_connect_from(server, source) else {
            continue;
        };
        let (mut socket, mut answer) = (client.socket(), [0; 4096]);
        while !stop.load(Ordering::Relaxed)
            && socket.write_all(&ask).is_ok()
            && socket.read(&mut answer).is_ok_and(|read| read > 0)
        {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn floods_of_other_addresses_lock_no_token_out() {
    // As many as there may be, with those of the roles.
    let (secrets, known): (Vec<_>, Vec<_>) = (0..MAX_STATIC_TOKENS - 10).map(token_without_id).unzip();
    let server = Server::with_more_tokens(known);
    let address = |last: u8| IpAddr::from([127, 0, 0, last]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for source in 2..6 {
            for _ in 0..=MAX_ADMIN_CONNECTIONS_PER_CLIENT {
                let (server, source, stop) = (server.address(), address(source), &stop);
                scope.spawn(move || flood(server, source, stop));
            }
        }
        thread::sleep(Duration::from_secs(1));
        // Each with a connection of its own. No token without an id has signed in before.
        let with_id = server.token(Role::Viewer);
        let tokens = secrets.iter().take(20).flat_map(|secret| [with_id, secret]);
        let statuses: Vec<u16> = tokens.map(|token| whoami(&server, address(6), token)).collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [200; 40]);
    });
}

/// Returns the status of a request over a new connection; 0 if it was closed without an answer.
fn whoami(server: &Server, source: IpAddr, token: &str) -> u16 {
    let ask = request("GET", "/whoami", None).token(token).bytes();
    let status = || {
        let mut socket = Client::try_connect_from(server.address(), source)?.socket();
        let mut line = [0; "HTTP/1.1 200".len()];
        socket.write_all(&ask)?;
        socket.read_exact(&mut line)?;
        std::io::Result::Ok(line)
    };
    let line = status().unwrap_or_default();
    let digits = std::str::from_utf8(&line[line.len() - 3..]).unwrap();
    digits.parse().unwrap_or(0)
}
