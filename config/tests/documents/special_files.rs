//! Files that are not regular are refused at once: neither a load nor a watch waits for them.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use config::{Reload, ReloadResponse, Report};
use rules::Eligibility;
use tempfile::TempDir;

const GATEWAY: &str = "version: 1\nlisteners: [ { name: public, address: \"127.0.0.1:0\" } ]\nadmin: off\n\
                       flags: { file: flags.yaml }\nupstreams: { api: 127.0.0.1:3000 }\n";
const FLAGS: &str = "version: 1\nflags:\n  a: { kind: ops }\n";
const PATIENCE: Duration = Duration::from_secs(10);

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Returns the result of `work`, and fails if it blocks.
#[track_caller]
fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let _ = sender.send(work());
    });
    receiver.recv_timeout(PATIENCE).expect("it blocks")
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.problems().iter().map(|problem| problem.code).collect()
}

/// Loads `sluice.yaml` with `extra` in a folder with a file `name` that `make` creates. Checks that it is refused at
/// once.
#[track_caller]
fn check(name: &str, extra: &str, make: impl FnOnce(&Path)) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("sluice.yaml");
    fs::write(&config, format!("{GATEWAY}{extra}")).unwrap();
    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    let _ = fs::remove_file(folder.path().join(name));
    make(&folder.path().join(name));
    let report = soon(move || config::load(&config, &|_| None).map(|_| ())).expect_err("it is good");
    assert_eq!(codes(&report), ["file-unreadable"], "{name}: {report}");
}

#[test]
fn fifo_is_rejected_at_once_in_every_file_field() {
    let body = "errors: { \"503\": { file: body.html } }\n";
    let issuer = |keys: &str| {
        format!(
            "issuers: [ {{ issuer: i, audiences: [a], algorithms: [ES256], keys: {{ {keys} }}, \
             claims: {{ tenant: t }} }} ]\n"
        )
    };
    for (name, extra) in [
        ("sluice.yaml", String::new()),
        ("flags.yaml", String::new()),
        ("body.html", body.to_owned()),
        ("keys.json", issuer("jwks_file: keys.json")),
        ("key.pem", issuer("pem_file: key.pem")),
        ("secret", issuer("secret_file: secret").replace("ES256", "HS256")),
    ] {
        check(name, &extra, fifo);
    }
}

#[test]
fn a_socket_and_a_device_are_refused_as_flags() {
    check("flags.yaml", "", |path| {
        UnixListener::bind(path).unwrap();
    });
    check("flags.yaml", "", |path| {
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    });
}

#[test]
fn a_fifo_in_a_directory_of_flags_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.yaml"), FLAGS).unwrap();
    fifo(&folder.path().join("b.yaml"));
    let path = folder.path().to_owned();
    let loaded = soon(move || config::load_flags(&path, Eligibility::Enforced).map(|_| ()));
    assert_eq!(codes(&loaded.expect_err("it is good")), ["file-unreadable"]);
}

#[test]
fn the_watch_survives_a_fifo_and_can_be_stopped() {
    let folder = TempDir::new().unwrap();
    let (path, flags) = (
        folder.path().join("sluice.yaml"),
        folder.path().join("flags.yaml"),
    );
    fs::write(&path, GATEWAY).unwrap();
    fs::write(&flags, FLAGS).unwrap();
    let loaded = config::load(&path, &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let (sender, receiver) = channel();
    let on_reload = move |reload| {
        let _ = sender.send(match reload {
            Reload::Applied(loaded) => format!("{} flags", loaded.snapshot.flags.len()),
            Reload::Refused(report) => codes(&report).join(" "),
            Reload::Restored => "restored".to_owned(),
            Reload::Unchanged => "unchanged".to_owned(),
        });
        ReloadResponse::Served
    };
    let watcher = config::watch(path, &loaded, |_| None, on_reload).unwrap();
    let replace_by_fifo = || {
        fifo(&folder.path().join("fifo"));
        fs::rename(folder.path().join("fifo"), &flags).unwrap();
    };
    replace_by_fifo();
    assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), "file-unreadable");
    fs::remove_file(&flags).unwrap();
    fs::write(&flags, format!("{FLAGS}  b: {{ kind: ops }}\n")).unwrap();
    // The moment between removal and creation may be reported, too.
    let applied = loop {
        match receiver.recv_timeout(PATIENCE).unwrap() {
            missing if missing == "file-missing" => {}
            other => break other,
        }
    };
    assert_eq!(applied, "2 flags");
    replace_by_fifo();
    assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), "file-unreadable");
    soon(move || watcher.stop());
}
