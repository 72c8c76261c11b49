#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::SocketAddr;
use std::thread;

use axum::http::{HeaderMap, header};
use control::LifecyclePolicy;
use control::operators::TokenHash;
use rules::Timestamp;
use testkit::{ControlFixture, eventually};

use super::*;
use crate::environment::variable;

const GATEWAY: &str = "version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: { address: '127.0.0.1:0', operators: { tokens: { file: tokens.yaml } } }
flags: { file: flags.yaml }
upstreams: { legacy: '127.0.0.1:3000' }
routes: [{ name: open, match: /open, upstream: legacy }]
";

/// Returns true if the token is accepted.
fn is_accepted(operators: &Operators, token: &str) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    runtime
        .block_on(operators.sign_in(&headers, peer, Timestamp(0)))
        .is_ok()
}

#[test]
fn a_removed_token_is_revoked_before_the_reload_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    fs::write(&path, GATEWAY).unwrap();
    fs::write(folder.path().join("flags.yaml"), "version: 1\n").unwrap();
    let [(vic, vic_hash), (ann, ann_hash)] = [TokenHash::issue().unwrap(), TokenHash::issue().unwrap()];
    let entry =
        |name: &str, hash: &TokenHash| format!("- {{ name: {name}, role: viewer, hash: '{hash}' }}\n");
    let load = |entries: &[String]| {
        let text = format!("version: 1\ntokens:\n{}", entries.concat());
        fs::write(folder.path().join("tokens.yaml"), text).unwrap();
        config::load(&path, &variable).unwrap_or_else(|report| panic!("{report}"))
    };
    let loaded = load(&[entry("vic", &vic_hash), entry("ann", &ann_hash)]);
    let active_config = ActiveConfig::new(path.clone(), loaded, None, None);
    let running = active_config.start(proxy::StartOptions::default()).unwrap();
    let control = ControlFixture::new(LifecyclePolicy::default(), "version: 1").control;
    let keys = Arc::clone(running.keys());
    let known = active_config.with_loaded(|loaded| operators::load(loaded, &keys).unwrap());
    let operators = Arc::new(Operators::of(known.unwrap()));
    let reloader = Reloader {
        streams: EventStreams::new(),
        active_config,
        publisher: running.publisher(),
        control: Arc::clone(&control),
        config_audit: Arc::new(ConfigAudit::new(None, &control)),
        operators: Arc::clone(&operators),
        keys,
        readiness: Arc::clone(running.readiness()),
    };
    assert!(is_accepted(&operators, &vic));
    let reload = Reload::Applied(Box::new(load(&[entry("ann", &ann_hash)])));
    // As while a change is being committed.
    let reloading = control.without_changes(|| {
        let reloading = thread::spawn(move || reloader.reload(reload));
        eventually("the end of vic's token", || {
            (!is_accepted(&operators, &vic)).then_some(())
        });
        assert!(is_accepted(&operators, &ann));
        assert!(!reloading.is_finished());
        reloading
    });
    assert_eq!(reloading.join().unwrap(), ReloadResponse::Served);
    assert!(is_accepted(&operators, &ann) && !is_accepted(&operators, &vic));
}
