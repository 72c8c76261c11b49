//! `sluice run --upgrade`: another process takes the sockets and the store while requests are served.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use testkit::{Client, H2Client, Request, Upstream, eventually, reply, response};

use crate::process::{SluiceProcess, sluice};

/// Number of upgrades under load in the short form; 100 in the long one.
const SHORT: usize = 5;

/// Writes a configuration with a store, an upgrade socket, and one route that is open to everyone.
fn folder(upstream: &Upstream) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1
listeners: [{{ name: public, address: 127.0.0.1:0, h2c: true }}]
admin: {{ address: 127.0.0.1:0 }}
health: {{ address: 127.0.0.1:0 }}
upgrade: {{ socket: upgrade.sock }}
access_log: {{ output: off }}
flags: {{ store: {{ sqlite: data, seed: flags.yaml }} }}
upstreams: {{ api: '{}' }}
routes:
  - {{ name: all, match: /**, upstream: api }}
",
        upstream.address()
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: ga, default: on } }\n",
    )
    .unwrap();
    folder
}

/// Starts the next process, and waits until the former one has ended with 0.
fn upgrade(folder: &Path, mut old: SluiceProcess) -> SluiceProcess {
    let new = SluiceProcess::start(folder, ["run", "--upgrade"]);
    eventually(&format!("the end of the former: {:#?}", new.printed()), || {
        old.has_ended().then_some(())
    });
    assert_eq!(old.ended().code(), Some(0), "{:#?}", old.printed());
    new.line("upgrades are possible");
    new
}

/// Kills or restores the flag `board` at the admin listener.
fn change(admin: SocketAddr, name: &str) -> u16 {
    let body = json!({ "reason": "test" }).to_string();
    let request = Request::post(&format!("/api/v1/platform/feature-flags/board/{name}"), body)
        .host("localhost")
        .header("content-type", "application/json");
    Client::connect(admin).ask(&request).status
}

/// Clients that send requests until they are stopped. One that fails panics.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

/// Sends requests to the address until the function returns false, which it calls after each answer.
type ClientKind = fn(SocketAddr, &dyn Fn() -> bool);

impl Load {
    fn start(address: SocketAddr) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let kinds: [ClientKind; 3] = [new_connections, kept_connections, http2];
        let clients = kinds.iter().cycle().take(6).map(|kind| {
            let (stop, served, kind) = (Arc::clone(&stop), Arc::clone(&served), *kind);
            thread::spawn(move || {
                kind(address, &|| {
                    served.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(1));
                    !stop.load(Ordering::Relaxed)
                });
            })
        });
        let clients = clients.collect();
        Self {
            stop,
            served,
            clients,
        }
    }

    /// Stops the clients. Fails if any request failed.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let failed = self
            .clients
            .into_iter()
            .map(JoinHandle::join)
            .filter(Result::is_err);
        assert_eq!(failed.count(), 0, "clients failed");
        self.served.load(Ordering::Relaxed)
    }
}

fn new_connections(address: SocketAddr, next: &dyn Fn() -> bool) {
    while next() {
        assert_eq!(Client::connect(address).ask(&Request::get("/new")).status, 200);
    }
}

/// Keeps its connection until a response says that it closes. Sends no request twice.
fn kept_connections(address: SocketAddr, next: &dyn Fn() -> bool) {
    let mut client = Client::connect(address);
    while next() {
        let answer = client.ask(&Request::get("/kept"));
        assert_eq!(answer.status, 200);
        if answer
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
        {
            client = Client::connect(address);
        }
    }
}

/// Keeps its connection until GOAWAY. A stream that GOAWAY excludes was not processed (RFC 9113 section 6.8).
fn http2(address: SocketAddr, next: &dyn Fn() -> bool) {
    let mut client = H2Client::connect(address);
    while next() {
        match client.try_ask(&Request::get("/h2")) {
            Ok(answer) => assert_eq!(answer.status, 200),
            Err(error) => {
                assert!(
                    error.is_go_away() && error.reason().map(u32::from) == Some(0),
                    "{error:?}"
                );
                client = H2Client::connect(address);
                assert_eq!(client.ask(&Request::get("/h2")).status, 200);
            }
        }
    }
}

#[test]
fn upgrades_under_load_fail_no_request() {
    let rounds = if std::env::var_os("SLUICE_SOAK").is_some() {
        100
    } else {
        SHORT
    };
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let mut sluice = SluiceProcess::start(folder.path(), ["run"]);
    let (address, admin) = (sluice.listener(), sluice.admin());
    sluice.line("upgrades are possible");
    let load = Load::start(address);
    for round in 0..rounds {
        sluice = upgrade(folder.path(), sluice);
        assert_eq!((sluice.listener(), sluice.admin()), (address, admin));
        // A change right after, in the store that was handed over.
        let name = if round % 2 == 0 { "kill" } else { "restore" };
        assert_eq!(change(admin, name), 200, "{round}");
    }
    println!("{rounds} upgrades, {} requests, none failed", load.end());
}

#[test]
fn an_upgrade_finishes_a_long_request() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = wait.lock().unwrap().recv();
        reply(stream, &response(200, "OK", "done"))
    });
    let folder = folder(&upstream);
    let mut old = SluiceProcess::start(folder.path(), ["run"]);
    let address = old.listener();
    old.line("upgrades are possible");
    let mut busy = Client::connect(address);
    busy.send(Request::get("/").bytes());
    upstream.await_count(1);
    let new = SluiceProcess::start(folder.path(), ["run", "--upgrade"]);
    new.line("upgrades are possible");
    old.line("INFO upgrade: draining, no longer ready delay=0s");
    assert!(!old.has_ended());
    go.send(()).unwrap();
    go.send(()).unwrap();
    // An answer between the line above and the begin of the drain has no `Connection: close`: its connection is idle then.
    assert_eq!(busy.response().text(), "done");
    assert!(busy.is_closed());
    assert_eq!(old.ended().code(), Some(0));
    old.line("INFO ended: no request was cut off");
    assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
}

#[test]
fn a_failed_upgrade_leaves_the_former_process() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let path = folder.path().join("sluice.yaml");
    let mut old = SluiceProcess::start(folder.path(), ["run"]);
    let (address, admin) = (old.listener(), old.admin());
    old.line("upgrades are possible");
    assert_eq!(change(admin, "kill"), 200);
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, message) in [
        // Seen before the former process is asked for anything.
        (
            "upstream: api }",
            "upstream: none }",
            "the configuration has errors",
        ),
        // Seen when the sockets are bound, after the store was taken.
        (
            "listeners: [",
            &*format!(
                "listeners: [{{ name: other, address: '{}' }}, ",
                upstream.address()
            ),
            "Address already in use",
        ),
        (
            "access_log: { output: off }",
            "access_log: { output: { file: none/a.log } }",
            "access log",
        ),
    ] {
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let output = sluice(folder.path(), ["run", "--upgrade"], "");
        output.exits(1).reports(message);
        assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
        // The store is there again.
        eventually("a change", || (change(admin, "restore") == 200).then_some(()));
        eventually("a change", || (change(admin, "kill") == 200).then_some(()));
    }
    old.line("this process has its store again");
    fs::write(&path, good).unwrap();
    assert!(!old.has_ended());
    let new = upgrade(folder.path(), old);
    assert_eq!(change(new.admin(), "restore"), 200);
}

#[test]
fn a_process_that_dies_midway_is_replaced_by_none() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let old = SluiceProcess::start(folder.path(), ["run"]);
    let (address, admin) = (old.listener(), old.admin());
    old.line("upgrades are possible");
    let connect = || {
        let stream = UnixStream::connect(folder.path().join("upgrade.sock")).unwrap();
        (BufReader::new(stream.try_clone().unwrap()), stream)
    };
    let ask = |(reader, stream): &mut (BufReader<UnixStream>, UnixStream), line: &str| {
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        reader.read_line(&mut answer).unwrap();
        answer
    };
    // Another version.
    let answer = ask(&mut connect(), "sluice-upgrade 2");
    assert_eq!(answer, "refused this process speaks `sluice-upgrade 1`\n");
    old.line("is refused: its first line is");
    // Gone after each step.
    for steps in 1..=3 {
        let mut link = connect();
        for line in ["sluice-upgrade 1", "release", "ready"].iter().take(steps) {
            let answer = ask(&mut link, line);
            assert!(!answer.starts_with("refused"), "{answer}");
        }
        if steps > 1 {
            // The store is released: changes are refused, and requests are served.
            assert_eq!(change(admin, "kill"), 503);
        }
        assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
        drop(link);
        eventually("a change", || (change(admin, "kill") == 200).then_some(()));
        assert_eq!(change(admin, "restore"), 200);
    }
}

/// A process, and the next one, which has its store and is not ready: the keys of an issuer can't be fetched.
struct Waiting {
    old: SluiceProcess,
    new: SluiceProcess,
    address: SocketAddr,
    admin: SocketAddr,
    _keys: TcpListener,
}

fn waiting(folder: &Path) -> Waiting {
    let old = SluiceProcess::start(folder, ["run"]);
    let (address, admin) = (old.listener(), old.admin());
    old.line("upgrades are possible");
    let keys = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = folder.join("sluice.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let issuer = format!(
        "issuers: [ {{ issuer: 'https://login.example', audiences: [a], algorithms: [ES256], \
         keys: {{ jwks_url: 'http://{}/' }}, claims: {{ tenant: org }} }} ]\nroutes:\n",
        keys.local_addr().unwrap()
    );
    fs::write(&path, config.replacen("routes:\n", &issuer, 1)).unwrap();
    let new = SluiceProcess::start(folder, ["run", "--upgrade"]);
    new.line("limits");
    Waiting {
        old,
        new,
        address,
        admin,
        _keys: keys,
    }
}

#[test]
fn a_process_whose_former_was_killed_serves() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let mut waiting = waiting(folder.path());
    waiting.old.signal("KILL");
    waiting.old.ended();
    waiting.new.line(
        "WARN upgrade: the former process has ended before its drain, this process serves in its place",
    );
    let answer = Client::connect(waiting.address).ask(&Request::get("/"));
    assert_eq!(answer.status, 200);
    assert_eq!(change(waiting.admin, "kill"), 200);
}

#[test]
fn signals_do_not_fail_an_upgrade() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let mut waiting = waiting(folder.path());
    // The system chooses the thread that a signal interrupts.
    for _ in 0..20 {
        waiting.old.signal("USR1");
        thread::sleep(Duration::from_millis(5));
    }
    waiting.old.line("SIGUSR1 is ignored during an upgrade");
    assert_eq!(change(waiting.admin, "kill"), 503);
    let printed = waiting.old.printed().join("\n");
    assert!(!printed.contains("did not take over"), "{printed}");
    // The end of the former process is the end of the upgrade, at once.
    waiting.old.signal("INT");
    waiting
        .new
        .line("the running process refused the upgrade: the process is ending");
    assert_eq!(waiting.new.ended().code(), Some(1));
    assert_eq!(waiting.old.ended().code(), Some(0));
    assert!(std::net::TcpStream::connect(waiting.address).is_err());
}

#[test]
fn the_upgrade_socket_is_for_its_owner_only() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    sluice.line("upgrades are possible");
    let socket = folder.path().join("upgrade.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    // Another user, where the system lets this one act as another.
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let connected = Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "perl", "-MIO::Socket::UNIX", "-e"])
        .arg("my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; print $s \"sluice-upgrade 1\\n\"; $s->flush; print <$s>;")
        .arg(&socket)
        .output();
    if let Ok(output) = connected
        && output.status.success()
    {
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        sluice.line("is refused: the process has user 65534, not ");
    } else {
        println!("not run: this user can't act as another one");
    }
}

#[test]
fn an_upgrade_without_a_running_process_is_an_error() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    sluice(folder.path(), ["run", "--upgrade"], "")
        .exits(1)
        .reports("no process of this user can be upgraded at ");
}

#[test]
fn sigusr2_starts_the_binary_for_an_upgrade() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let mut old = SluiceProcess::start(folder.path(), ["run"]);
    let address = old.listener();
    old.line("upgrades are possible");
    old.signal("USR2");
    let line = old.line("the other process serves");
    assert_eq!(old.ended().code(), Some(0));
    end_next(&line, address);
}

/// Fails unless the process that this line names serves, and ends it.
fn end_next(line: &str, address: SocketAddr) {
    let next: u32 = line
        .split("process=")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
    let kill = Command::new("kill").arg(next.to_string()).status().unwrap();
    assert!(kill.success());
}

#[test]
fn sigusr2_follows_the_link_that_started_it() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let (link, next) = (folder.path().join("sluice"), folder.path().join("next"));
    let binary = env!("CARGO_BIN_EXE_sluice");
    symlink(binary, &link).unwrap();
    let mut command = Command::new(&link);
    command.arg("run").current_dir(folder.path()).stdin(Stdio::null());
    let mut old = SluiceProcess::start_command(command);
    let address = old.listener();
    old.line("upgrades are possible");
    fs::write(
        &next,
        format!("#!/bin/sh\necho the next version >&2\nexec {binary} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&next, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&next, &link).unwrap();
    old.signal("USR2");
    old.line("the next version");
    let line = old.line("the other process serves");
    assert_eq!(old.ended().code(), Some(0));
    end_next(&line, address);
}
