//! `sluice run` with flags in a store: a change is active when it is answered, survives the process, and stays
//! consistent with the gateway document, also if the store is damaged or a flag is removed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Issuer, Request, Response, Upstream, eventually};
use tokens::Algorithm;

use crate::files;
use crate::gateway_document::{self, LISTENERS};
use crate::operator_tokens::{self, OperatorToken};
use crate::process::{SluiceProcess, sluice};

/// Number of changes.
const CHANGES: usize = 1_000;
/// Longest time of the first request after a change.
const IN_FORCE: Duration = Duration::from_millis(10);

pub(crate) struct ManagedGateway {
    folder: TempDir,
    issuer: Issuer,
    _upstream: Upstream,
}

impl ManagedGateway {
    /// Creates the folder of a gateway with an empty store and no routes.
    pub(crate) fn new() -> Self {
        let upstream = Upstream::named("legacy");
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        let config = format!(
            "{LISTENERS}flags: {{ store: {{ sqlite: data }} }}
{issuers}upstreams: {{ legacy: '{address}' }}
routes: []
control: {{ promotion: {{ soak: 0s }} }}
access_log: {{ output: off }}
",
            issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret"),
            address = upstream.address(),
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        Self {
            folder,
            issuer,
            _upstream: upstream,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a text in its configuration.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        files::edit(self.path(), "sluice.yaml", from, to);
    }

    pub(crate) fn run(&self) -> SluiceProcess {
        let sluice = SluiceProcess::start(self.path(), ["run"]);
        sluice.line("admin listening");
        sluice
    }

    /// Applies the flags, and then adds the route that is gated by one of them.
    pub(crate) fn furnish(&self, sluice: &SluiceProcess) {
        let document = json!({
            "version": 1,
            "flags": {
                "board": { "lifecycle": "beta", "default": true },
                "spare": { "lifecycle": "ga", "revertible": true },
            },
            "tenants": { "acme": { "channel": "latest", "beta": ["board"] } },
        });
        let mut admin = Client::connect(sluice.admin());
        let path =
            "/platform/document?adopt=true&force=true&decision_maker=carla&incident=MIG-1&reason=a%20test";
        let applied = put(&mut admin, path, &document);
        assert_eq!(applied.status, 200, "{}", applied.text());
        self.route("board");
        sluice.line("reloaded");
    }

    /// Gates the only route by this flag.
    pub(crate) fn route(&self, flag: &str) {
        let config = self.path().join("sluice.yaml");
        let text = fs::read_to_string(&config).unwrap();
        let start = text.find("routes:").unwrap();
        let end = text.find("control:").unwrap();
        let route = format!(
            "routes: [{{ name: board, match: /board, gate: {flag}, upstream: legacy, otherwise: {{ reject: 403 }} }}]\n"
        );
        let text = format!("{}{route}{}", &text[..start], &text[end..]);
        files::replace(self.path(), "sluice.yaml", text);
    }

    pub(crate) fn ask(&self) -> Request {
        Request::get("/board").token(&self.issuer.token("acme"))
    }
}

fn send(admin: &mut Client, method: &str, path: &str, body: &Value) -> Response {
    let request = Request::new(method, &format!("/api/v1{path}")).host("localhost");
    if body.is_null() {
        return admin.ask(&request);
    }
    let request = request.header("content-type", "application/json");
    admin.ask(&request.with_body(body.to_string()))
}

pub(crate) fn get(admin: &mut Client, path: &str) -> Response {
    admin.ask(&Request::get(&format!("/api/v1{path}")).host("localhost"))
}

fn put(admin: &mut Client, path: &str, body: &Value) -> Response {
    send(admin, "PUT", path, body)
}

pub(crate) fn post(admin: &mut Client, path: &str, body: &Value) -> Response {
    send(admin, "POST", path, body)
}

/// Changes that turn the feature off for acme and on again: method, path and body of each.
fn ways() -> [[(&'static str, &'static str, Value); 2]; 4] {
    [
        [
            ("POST", "/platform/feature-flags/board/kill", json!({})),
            ("POST", "/platform/feature-flags/board/restore", json!({})),
        ],
        [
            (
                "POST",
                "/platform/orgs/acme/feature-flags/board",
                json!({ "enabled": false }),
            ),
            (
                "POST",
                "/platform/orgs/acme/feature-flags/board",
                json!({ "enabled": null }),
            ),
        ],
        [
            ("DELETE", "/platform/orgs/acme/beta/board", Value::Null),
            ("PUT", "/platform/orgs/acme/beta/board", Value::Null),
        ],
        [
            (
                "POST",
                "/platform/feature-flags/board/state",
                json!({ "state": "alpha" }),
            ),
            (
                "POST",
                "/platform/feature-flags/board/state",
                json!({ "state": "beta" }),
            ),
        ],
    ]
}

#[test]
fn a_thousand_changes_under_load_are_active_when_answered() {
    let managed = ManagedGateway::new();
    let sluice = managed.run();
    managed.furnish(&sluice);
    let (address, ask) = (sluice.listener(), managed.ask());
    let mut client = Client::connect(address);
    assert_eq!(client.ask(&ask).status, 200);
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let load: Vec<_> = (0..2)
        .map(|_| {
            let (ask, stop, asked) = (ask.clone(), Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::Relaxed) {
                    let status = client.ask(&ask).status;
                    assert!(matches!(status, 200 | 403), "{status}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut admin = Client::connect(sluice.admin());
    let mut taken = Vec::new();
    for round in 0..CHANGES / 2 {
        let way = &ways()[round % 4];
        for ((method, path, body), status) in way.iter().zip([403, 200]) {
            let answer = send(&mut admin, method, path, body);
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
            let answered = Instant::now();
            assert_eq!(
                client.ask(&ask).status,
                status,
                "{method} {path}, the first request after"
            );
            taken.push(answered.elapsed());
        }
    }
    stop.store(true, Ordering::Relaxed);
    load.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(asked.load(Ordering::Relaxed) > CHANGES, "there was no load");
    taken.sort_unstable();
    println!(
        "the first request after the answer: p50 {:?}, p99 {:?}",
        taken[CHANGES / 2],
        taken[CHANGES * 99 / 100]
    );
    // Each change was active for the first request after it. The measured time is that of the request itself, on a
    // machine that may be busy.
    assert!(taken[CHANGES / 2] < IN_FORCE, "{:?}", taken[CHANGES / 2]);
    let verified = get(&mut admin, "/platform/audit/verify");
    assert_eq!(verified.status, 200, "{}", verified.text());
}

#[test]
fn acknowledged_changes_survive_sigkill() {
    let managed = ManagedGateway::new();
    let mut sluice = managed.run();
    managed.furnish(&sluice);
    let mut revision = 0;
    for round in 0..10 {
        let killed = round % 2 == 0;
        let mut admin = Client::connect(sluice.admin());
        let what = if killed { "kill" } else { "restore" };
        let answer = post(
            &mut admin,
            &format!("/platform/feature-flags/board/{what}"),
            &json!({}),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        let now = answer.json()["revision"].as_u64().unwrap();
        assert!(now > revision, "{now} after {revision}");
        revision = now;
        sluice.signal("KILL");
        sluice.ended();
        sluice = managed.run();
        let status = Client::connect(sluice.listener()).ask(&managed.ask()).status;
        assert_eq!(
            status,
            if killed { 403 } else { 200 },
            "round {round}, from the first request on"
        );
    }
    let mut admin = Client::connect(sluice.admin());
    let verified = get(&mut admin, "/platform/audit/verify");
    assert_eq!(verified.status, 200, "{}", verified.text());
}

#[test]
fn sixteen_clients_with_if_match_lose_no_update() {
    const CLIENTS: usize = 16;
    const ROUNDS: usize = 4;
    let managed = ManagedGateway::new();
    let sluice = managed.run();
    managed.furnish(&sluice);
    let address = sluice.admin();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            thread::spawn(move || {
                let mut admin = Client::connect(address);
                let mut lost = 0;
                for _ in 0..ROUNDS {
                    loop {
                        let seen = get(&mut admin, "/platform/orgs/acme");
                        let count = seen.json()["attributes"]["count"].as_u64();
                        let count = count.or_else(|| seen.json()["record"]["attributes"]["count"].as_u64());
                        let patch = json!({ "attributes": { "count": count.unwrap_or(0) + 1 } });
                        let request = Request::new("PATCH", "/api/v1/platform/orgs/acme")
                            .host("localhost")
                            .header("content-type", "application/json")
                            .header("if-match", seen.header("etag").unwrap())
                            .with_body(patch.to_string());
                        match admin.ask(&request).status {
                            200 => break,
                            412 => lost += 1,
                            other => panic!("{other}"),
                        }
                    }
                }
                lost
            })
        })
        .collect();
    let lost: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    let seen = get(&mut Client::connect(address), "/platform/orgs/acme");
    assert!(
        seen.text().contains(&format!("\"count\":{}", CLIENTS * ROUNDS)),
        "{}",
        seen.text()
    );
    assert!(lost > 0, "nobody met anybody");
}

#[test]
fn with_a_damaged_store_the_last_good_document_is_served() {
    let managed = ManagedGateway::new();
    let mut sluice = managed.run();
    managed.furnish(&sluice);
    sluice.signal("TERM");
    sluice.ended();
    let database = managed.path().join("data/sluice.db");
    let mut bytes = fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[100..middle].fill(0xa5);
    fs::write(&database, bytes).unwrap();

    let sluice = managed.run();
    let text = sluice.line("can't be used");
    assert!(
        text.contains("sluice backup") && text.contains("last good document"),
        "{text}"
    );
    assert_eq!(Client::connect(sluice.listener()).ask(&managed.ask()).status, 200);
    let ready = Client::connect(sluice.admin()).ask(&Request::get_admin("/readyz?verbose"));
    assert!(ready.text().contains("[!] store: "), "{}", ready.text());
    let mut admin = Client::connect(sluice.admin());
    let refused = post(&mut admin, "/platform/feature-flags/board/kill", &json!({}));
    assert_eq!(refused.status, 503, "{}", refused.text());
    drop(sluice);

    fs::remove_file(managed.path().join("data/last-good.json")).unwrap();
    let output = crate::process::sluice(managed.path(), ["run"], "");
    output.exits(1).reports("sluice backup");
}

#[test]
fn the_gateway_document_and_stored_flags_stay_consistent() {
    let managed = ManagedGateway::new();
    let sluice = managed.run();
    managed.furnish(&sluice);
    let mut client = Client::connect(sluice.listener());
    assert_eq!(client.ask(&managed.ask()).status, 200);
    // A gate can't name a flag that does not exist.
    managed.route("bord");
    sluice.line("not reloaded");
    assert_eq!(client.ask(&managed.ask()).status, 200);
    managed.route("board");
    sluice.line("the files equal the active config again");
    // A flag that a gate names can't be removed.
    let mut admin = Client::connect(sluice.admin());
    let pruned = put(
        &mut admin,
        "/platform/document?prune=true&force=true",
        &json!({ "version": 1, "flags": { "spare": {} } }),
    );
    assert_eq!(pruned.status, 422, "{}", pruned.text());
    assert!(pruned.text().contains("board"), "{}", pruned.text());
    assert_eq!(client.ask(&managed.ask()).status, 200);
    // A new flag does not change the gates.
    let more = json!({ "version": 1, "flags": { "aaa": { "default": true } } });
    assert_eq!(
        put(&mut admin, "/platform/document?force=true", &more).status,
        200
    );
    assert_eq!(client.ask(&managed.ask()).status, 200);
    managed.route("aaa");
    eventually("the other gate", || {
        (client.ask(&managed.ask()).status == 403).then_some(())
    });
}

#[test]
fn a_change_of_flags_applies_no_edit_of_the_gateway_document() {
    let managed = ManagedGateway::new();
    let sluice = managed.run();
    managed.furnish(&sluice);
    let (mut client, mut admin) = (
        Client::connect(sluice.listener()),
        Client::connect(sluice.admin()),
    );
    let killed = post(&mut admin, "/platform/feature-flags/board/kill", &json!({}));
    assert_eq!(killed.status, 200, "{}", killed.text());
    let config = managed.path().join("sluice.yaml");
    let gated = fs::read_to_string(&config).unwrap();
    let bring = |admin: &mut Client, flag: &str| {
        let document = json!({ "version": 1, "flags": { flag: {} } });
        let brought = put(admin, "/platform/document?force=true", &document);
        assert_eq!(brought.status, 200, "{}", brought.text());
    };
    let open = gated
        .replace("gate: board, ", "")
        .replace(", otherwise: { reject: 403 }", "");
    assert!(open.contains("match: /board, upstream"), "{open}");
    // A file that is being written lacks its gate for a moment, while flags are created.
    let mut looked = 0;
    for round in 0..10 {
        let began = Instant::now();
        fs::write(&config, &open).unwrap();
        bring(&mut admin, &format!("f{round}"));
        fs::write(&config, &gated).unwrap();
        let status = client.ask(&managed.ask()).status;
        // On a busy machine the file may stay long enough for the watcher to apply it, which is correct.
        if began.elapsed() < Duration::from_millis(90) {
            assert_eq!(status, 403);
            looked += 1;
        }
        eventually("the gate", || {
            (client.ask(&managed.ask()).status == 403).then_some(())
        });
    }
    assert!(looked > 0, "each round took longer than the watch waits");
    // A broken document on the disk does not block changes of flags.
    fs::write(&config, "routes: [").unwrap();
    sluice.line("not reloaded");
    bring(&mut admin, "more");
    assert_eq!(client.ask(&managed.ask()).status, 403);
}

#[test]
fn a_rejected_document_is_applied_when_its_flag_is_created() {
    let managed = ManagedGateway::new();
    let sluice = managed.run();
    managed.furnish(&sluice);
    let (mut client, mut admin) = (
        Client::connect(sluice.listener()),
        Client::connect(sluice.admin()),
    );
    managed.route("late");
    sluice.line("not reloaded");
    for (flag, status) in [("early", 200), ("late", 403)] {
        let document = json!({ "version": 1, "flags": { flag: {} } });
        let brought = put(&mut admin, "/platform/document?force=true", &document);
        assert_eq!(brought.status, 200, "{}", brought.text());
        eventually(flag, || {
            (client.ask(&managed.ask()).status == status).then_some(())
        });
    }
}

#[test]
fn flags_of_files_are_readable_and_read_only_in_the_api() {
    let managed = ManagedGateway::new();
    managed.edit("store: { sqlite: data }", "file: flags.yaml");
    fs::write(
        managed.path().join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: ga } }\n",
    )
    .unwrap();
    let sluice = managed.run();
    let mut admin = Client::connect(sluice.admin());
    let shown = get(&mut admin, "/platform/feature-flags/board");
    assert_eq!(shown.status, 200, "{}", shown.text());
    let refused = post(&mut admin, "/platform/feature-flags/board/kill", &json!({}));
    assert_eq!(
        (refused.status, refused.code()),
        (409, "READ_ONLY_SOURCE".to_owned())
    );
    let tried = post(
        &mut admin,
        "/platform/feature-flags/board/kill?dry_run=true",
        &json!({}),
    );
    assert_eq!(tried.status, 200, "{}", tried.text());
    files::replace(managed.path(), "flags.yaml", "version: 1\nflags: { other: {} }\n");
    sluice.line("reloaded");
    eventually("the other flag", || {
        let shown = get(&mut admin, "/platform/feature-flags/other");
        (shown.status == 200).then_some(())
    });
}

/// Returns a document of flags that are on.
fn flags(keys: &[&str]) -> Value {
    let flag = json!({ "lifecycle": "ga", "default": "on", "revertible": true });
    let flags = keys.iter().map(|key| ((*key).to_owned(), flag.clone()));
    json!({ "version": 1, "flags": flags.collect::<serde_json::Map<_, _>>() })
}

#[test]
fn gates_of_an_empty_store_answer_503_until_it_has_flags() {
    let managed = ManagedGateway::new();
    managed.route("board");
    managed.edit(
        "gate: board,",
        "gate: { all: [board, { not: export }] }, on_error: open,",
    );
    managed.edit(
        "403 } }]\n",
        "403 } }, { name: seen, match: /seen, gate: board, mode: shadow, upstream: legacy }]\n",
    );
    let sluice = managed.run();
    sluice.line("no flag has the key `export`: the store has never held a flag");
    sluice.line("(`sluice apply -f FLAGS`), or name it as `flags.store.seed` before the start");
    let (mut client, mut admin) = (
        Client::connect(sluice.listener()),
        Client::connect(sluice.admin()),
    );
    let answer = client.ask(&managed.ask());
    assert_eq!((answer.status, answer.code()), (503, "FLAG_NOT_FOUND".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("5"));
    let shadow = Request::get("/seen").token(&managed.issuer.token("acme"));
    assert_eq!(client.ask(&shadow).status, 200);
    let ready = |admin: &mut Client| admin.ask(&Request::get("/readyz").host("localhost"));
    let unready = ready(&mut admin);
    assert_eq!(unready.status, 503);
    let reason = "[-] flags: the store has never held a flag, and sluice.yaml names `board`, `export`";
    assert!(unready.text().contains(reason), "{}", unready.text());
    let explained = json!({ "request": { "method": "GET", "path": "/board", "tenant": "acme" } });
    let explained = post(&mut admin, "/explain", &explained);
    assert!(
        explained.text().contains("FLAG_NOT_FOUND"),
        "{}",
        explained.text()
    );
    // Other changes of the gateway document are applied.
    managed.edit("name: seen", "name: watched");
    sluice.line("reloaded");
    // The first flags must be all that are named.
    let apply = |admin: &mut Client, keys: &[&str]| {
        let justified = "decision_maker=carla&incident=MIG-1&reason=a%20test";
        let path = format!("/platform/document?adopt=true&force=true&{justified}");
        put(admin, &path, &flags(keys))
    };
    let partial = apply(&mut admin, &["board"]);
    assert_eq!(partial.status, 422, "{}", partial.text());
    assert!(
        partial.text().contains("no flag has the key `export`"),
        "{}",
        partial.text()
    );
    assert_eq!(client.ask(&managed.ask()).code(), "FLAG_NOT_FOUND");
    fs::write(
        managed.path().join("flags.yaml"),
        flags(&["board", "export"]).to_string(),
    )
    .unwrap();
    let server = format!("http://{}", sluice.admin());
    let command = ["apply", "-f", "flags.yaml", "--yes", "--server", &server];
    crate::process::sluice(managed.path(), command, "").exits(0);
    // `board` is on and `export` is not off.
    assert_eq!(client.ask(&managed.ask()).status, 403);
    assert_eq!(ready(&mut admin).status, 200);
    // From now on a document that names a missing flag is refused.
    managed.edit("not: export", "not: missing");
    sluice.line("not reloaded");
    assert_eq!(client.ask(&managed.ask()).status, 403);
}

#[test]
fn a_store_that_held_flags_must_have_those_of_the_gates() {
    let managed = ManagedGateway::new();
    let mut sluice = managed.run();
    let mut admin = Client::connect(sluice.admin());
    for keys in [&["board"] as &[_], &[]] {
        let applied = put(
            &mut admin,
            "/platform/document?prune=true&force=true",
            &flags(keys),
        );
        assert_eq!(applied.status, 200, "{}", applied.text());
    }
    sluice.signal("TERM");
    sluice.ended();
    managed.route("board");
    let output = crate::process::sluice(managed.path(), ["run"], "");
    output.exits(1).reports("no flag has the key `board`");
}

#[test]
fn a_store_is_used_by_one_process() {
    let managed = ManagedGateway::new();
    let _first = managed.run();
    let output = sluice(managed.path(), ["run"], "");
    output.exits(1).reports("uses the store in data: end it");
}

#[test]
fn an_empty_store_starts_with_its_seed_and_reads_it_once() {
    let managed = ManagedGateway::new();
    managed.edit("sqlite: data", "sqlite: data, seed: flags.yaml");
    managed.route("board");
    let seed = managed.path().join("flags.yaml");
    fs::write(
        &seed,
        "version: 1\nflags: { board: { lifecycle: ga, default: onn } }\n",
    )
    .unwrap();
    let output = sluice(managed.path(), ["run"], "");
    output.exits(1).reports("flags.yaml:2");

    fs::write(
        &seed,
        "version: 1\nflags: { board: { lifecycle: ga, default: on } }\n",
    )
    .unwrap();
    let mut running = managed.run();
    assert_eq!(
        Client::connect(running.listener()).ask(&managed.ask()).status,
        200
    );
    let mut admin = Client::connect(running.admin());
    let killed = post(&mut admin, "/platform/feature-flags/board/kill", &json!({}));
    assert_eq!(killed.status, 200, "{}", killed.text());
    running.line("the store was empty and starts with its seed");
    running.signal("TERM");
    running.ended();
    let running = managed.run();
    running.line("the store has data, so `flags.store.seed` is not used");
    assert_eq!(
        Client::connect(running.listener()).ask(&managed.ask()).status,
        403
    );
}

#[test]
fn changes_are_atomic_while_the_gateway_document_changes() {
    let managed = ManagedGateway::new();
    let sluice = managed.run();
    managed.furnish(&sluice);
    let config = managed.path().join("sluice.yaml");
    let good = fs::read_to_string(&config).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flipping = {
        let (stop, folder, good) = (Arc::clone(&stop), managed.path().to_owned(), good.clone());
        thread::spawn(move || {
            for text in [format!("{good}bogus: 1\n"), good].iter().cycle() {
                files::replace(&folder, "sluice.yaml", text);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        })
    };
    let mut admin = Client::connect(sluice.admin());
    let mut answers = [0, 0];
    for round in 0..40 {
        let flag = format!("f{round}");
        let document = json!({ "version": 1, "flags": { &flag: {} } });
        let answer = put(&mut admin, "/platform/document?force=true", &document);
        let shown = get(&mut admin, &format!("/platform/feature-flags/{flag}")).status;
        match answer.status {
            200 => assert_eq!(shown, 200, "{flag}"),
            422 => assert_eq!(shown, 404, "{flag}: {}", answer.text()),
            other => panic!("{other}: {}", answer.text()),
        }
        answers[usize::from(answer.status == 200)] += 1;
    }
    stop.store(true, Ordering::Relaxed);
    flipping.join().unwrap();
    fs::write(&config, format!("{good}bogus: 1\n")).unwrap();
    let killed = post(&mut admin, "/platform/feature-flags/board/kill", &json!({}));
    assert_eq!(killed.status, 200, "whatever the file is: {}", killed.text());
    let mut client = Client::connect(sluice.listener());
    assert_eq!(client.ask(&managed.ask()).status, 403);
    println!("refused and done: {answers:?}");
}

#[test]
fn a_removed_token_is_invalid_even_if_the_config_is_rejected() {
    let managed = ManagedGateway::new();
    managed.edit(
        "admin: { address: '127.0.0.1:0' }",
        "admin: { address: '127.0.0.1:0', operators: { tokens: { file: tokens.yaml } } }",
    );
    let token = OperatorToken::issue("vic", "viewer");
    operator_tokens::write_document(managed.path(), "tokens.yaml", &[&token]);
    let sluice = managed.run();
    let whoami = Request::get("/api/v1/whoami").host("localhost");
    let vic = whoami.clone().token(&token.secret);
    let status = |request: &Request| Client::connect(sluice.admin()).ask(request).status;
    assert_eq!((status(&vic), status(&whoami)), (200, 401));
    managed.edit("version: 1\n", "version: 1\nbogus: 1\n");
    sluice.line("not reloaded");
    assert_eq!(status(&vic), 200, "a bad document takes nothing away");
    operator_tokens::write_document(managed.path(), "tokens.yaml", &[]);
    eventually("the end of vic's token", || (status(&vic) == 401).then_some(()));
    assert_eq!(status(&whoami), 401, "an empty list is nobody, not everybody");
}
