//! `sluice run`: 200 reloads under load without a failed request, invalid files, errors of the start, and the end.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use testkit::{Client, Issuer, Request, Upstream, eventually};
use tokens::Algorithm;

use crate::files;
use crate::gateway_document::{self, LISTENERS};
use crate::process::{SluiceProcess, sluice};

/// Number of changes of the flags under load.
const RELOADS: usize = 200;
/// Longest time from the write of a change until it is active (edge.md section 9).
const IN_FORCE: Duration = Duration::from_millis(500);

/// Returns a folder with a configuration for `upstream`, and an issuer that it trusts.
fn folder(upstream: &Upstream) -> (TempDir, Issuer) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::new("https://login.example", Algorithm::Es256, "k1");
    fs::write(folder.path().join("key.pem"), issuer.key_file()).unwrap();
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}
{issuers}upstreams: {{ legacy: '{address}' }}
routes:
  - {{ name: board, match: /board/**, gate: board, upstream: legacy, otherwise: {{ reject: 403 }} }}
access_log: {{ output: off }}
",
        issuers = gateway_document::issuers(&issuer, "ES256", "pem_file: key.pem"),
        address = upstream.address(),
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    write_flags(folder.path(), true);
    (folder, issuer)
}

fn flags(open: bool) -> String {
    format!(
        "version: 1\nflags: {{ board: {{ lifecycle: ga, default: {} }} }}\n",
        if open { "on" } else { "off" }
    )
}

fn write_flags(folder: &Path, open: bool) {
    files::replace(folder, "flags.yaml", flags(open));
}

#[test]
fn two_hundred_reloads_under_load_fail_no_request() {
    let upstream = Upstream::named("legacy");
    let (folder, issuer) = folder(&upstream);
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let address = sluice.listener();
    let request = Request::get("/board/1").token(&issuer.token("acme"));
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (request, stop, asked) = (request.clone(), Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.ask(&request);
                    assert!(matches!(answer.status, 200 | 403), "{answer:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut client = Client::connect(address);
    let mut taken = Vec::new();
    for round in 0..RELOADS {
        let open = round % 2 == 1;
        write_flags(folder.path(), open);
        let written = Instant::now();
        let status = if open { 200 } else { 403 };
        eventually("the change to be in force", || {
            (client.ask(&request).status == status).then_some(())
        });
        taken.push(written.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    load.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(asked.load(Ordering::Relaxed) > RELOADS, "there was no load");
    // The ten slowest of 200 are ignored, because the machine may have been busy.
    taken.sort_unstable();
    let slow = taken[RELOADS - 10];
    assert!(slow < IN_FORCE, "one change in twenty took {slow:?} and more");
    let metrics = Client::connect(sluice.admin()).ask(&Request::get_admin("/metrics"));
    let applied = metrics
        .text()
        .lines()
        .find(|line| line.starts_with("sluice_reloads_total{result=\"applied\"}"))
        .unwrap();
    let applied: usize = applied.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(applied >= RELOADS, "{applied} reloads");
}

#[test]
fn an_invalid_file_is_reported_once_and_changes_nothing() {
    let upstream = Upstream::named("legacy");
    let (folder, issuer) = folder(&upstream);
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let (address, admin) = (sluice.listener(), sluice.admin());
    let request = Request::get("/board/1").token(&issuer.token("acme"));
    assert_eq!(Client::connect(address).ask(&request).status, 200);
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: gamma } }\n",
    )
    .unwrap();
    sluice.line("flags.yaml:2");
    assert_eq!(Client::connect(address).ask(&request).status, 200);
    let ready = Client::connect(admin).ask(&Request::get_admin("/readyz?verbose"));
    assert_eq!(ready.status, 200);
    assert!(
        ready.text().contains("flags.yaml") || ready.text().contains("gamma"),
        "{}",
        ready.text()
    );
    write_flags(folder.path(), false);
    eventually("the fixed file to be in force", || {
        (Client::connect(address).ask(&request).status == 403).then_some(())
    });
    let reports = sluice
        .printed()
        .iter()
        .filter(|line| line.contains("not reloaded"))
        .count();
    assert_eq!(reports, 1, "{:#?}", sluice.printed());
}

#[test]
fn a_missing_address_or_file_is_named_at_the_start() {
    let upstream = Upstream::named("legacy");
    let (folder, _issuer) = folder(&upstream);
    let config = fs::read_to_string(folder.path().join("sluice.yaml")).unwrap();
    let refused = |from: &str, to: &str, named: &[&str]| {
        assert!(config.contains(from));
        fs::write(folder.path().join("sluice.yaml"), config.replace(from, to)).unwrap();
        let output = sluice(folder.path(), ["run"], "");
        output.exits(1);
        for name in named {
            output.reports(name);
        }
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(
        "address: '127.0.0.1:0' }]",
        &format!("address: '{address}' }}]"),
        &["public", &address],
    );
    refused("pem_file: key.pem", "pem_file: other.pem", &["other.pem"]);
    fs::write(folder.path().join("none.pem"), "no key").unwrap();
    refused("pem_file: key.pem", "pem_file: none.pem", &["none.pem"]);
}

#[test]
fn an_unresolved_upstream_answers_503() {
    let upstream = Upstream::named("legacy");
    let (folder, issuer) = folder(&upstream);
    let address = upstream.address().to_string();
    files::edit(
        folder.path(),
        "sluice.yaml",
        &address,
        "does-not-exist.invalid:80",
    );
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let request = Request::get("/board/1").token(&issuer.token("acme"));
    let refused = Client::connect(sluice.listener()).ask(&request);
    assert_eq!(
        (refused.status, refused.code()),
        (503, "UPSTREAM_UNRESOLVED".to_owned())
    );
}

#[test]
fn sigterm_drains_and_exits_with_zero() {
    let upstream = Upstream::named("legacy");
    let (folder, issuer) = folder(&upstream);
    let mut sluice = SluiceProcess::start(folder.path(), ["run"]);
    let request = Request::get("/board/1").token(&issuer.token("acme"));
    assert_eq!(Client::connect(sluice.listener()).ask(&request).status, 200);
    sluice.signal("TERM");
    assert_eq!(sluice.ended().code(), Some(0));
}

#[test]
fn start_logs_the_listener_addresses() {
    let upstream = Upstream::named("legacy");
    let (folder, _issuer) = folder(&upstream);
    let sluice = SluiceProcess::start(folder.path(), ["run", "--config", "sluice.yaml"]);
    assert_ne!(sluice.listener().port(), 0);
    let live = Client::connect(sluice.admin()).ask(&Request::get_admin("/livez"));
    assert_eq!(live.status, 200);
    assert_eq!(
        Client::connect(sluice.admin())
            .ask(&Request::get_admin("/readyz"))
            .status,
        200
    );
}

/// Writes the files into `folder/NAME` and points `..data` to it, as an update of a ConfigMap's volume does.
fn project(folder: &Path, name: &str, open: bool) {
    let version = folder.join(name);
    fs::create_dir(&version).unwrap();
    for file in ["sluice.yaml", "key.pem"] {
        fs::copy(folder.join("first").join(file), version.join(file)).unwrap();
    }
    fs::write(version.join("flags.yaml"), flags(open)).unwrap();
    std::os::unix::fs::symlink(name, folder.join("..next")).unwrap();
    fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
}

#[test]
fn an_update_of_a_config_map_is_followed_without_a_warning() {
    let upstream = Upstream::named("legacy");
    let (volume, issuer) = folder(&upstream);
    let folder = volume.path();
    fs::create_dir(folder.join("first")).unwrap();
    for file in ["sluice.yaml", "key.pem"] {
        fs::rename(folder.join(file), folder.join("first").join(file)).unwrap();
    }
    fs::remove_file(folder.join("flags.yaml")).unwrap();
    project(folder, "..v0", true);
    for file in ["sluice.yaml", "key.pem", "flags.yaml"] {
        std::os::unix::fs::symlink(format!("..data/{file}"), folder.join(file)).unwrap();
    }
    let sluice = SluiceProcess::start(folder, ["run"]);
    let address = sluice.listener();
    let request = Request::get("/board/1").token(&issuer.token("acme"));
    for (version, open) in [(1, false), (2, true), (3, false)] {
        project(folder, &format!("..v{version}"), open);
        fs::remove_dir_all(folder.join(format!("..v{}", version - 1))).unwrap();
        let status = if open { 200 } else { 403 };
        eventually("the update", || {
            (Client::connect(address).ask(&request).status == status).then_some(())
        });
    }
    let printed = sluice.printed();
    assert!(!printed.iter().any(|line| line.contains("WARN")), "{printed:#?}");
}

#[test]
fn a_reload_that_moves_flags_to_a_store_warns() {
    let upstream = Upstream::named("legacy");
    let (folder, issuer) = folder(&upstream);
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let request = Request::get("/added").token(&issuer.token("acme"));
    let status = || Client::connect(sluice.listener()).ask(&request).status;
    assert_eq!(status(), 404);
    let edit = |from: &str, to: &str| files::edit(folder.path(), "sluice.yaml", from, to);
    edit(
        "flags: { file: flags.yaml }",
        "flags: { store: { sqlite: data, seed: flags.yaml } }",
    );
    let warning = "a change of this field takes effect at the next start field=\"flags\"";
    sluice.line(warning);
    // The rest of the document is applied, now and later, with the flags of the files.
    edit("match: /board/**", "match: /added");
    sluice.line("reloaded");
    eventually("the new route is served", || (status() == 200).then_some(()));
    write_flags(folder.path(), false);
    eventually("the file has the flags", || (status() == 403).then_some(()));
    assert!(!folder.path().join("data").exists());
}
