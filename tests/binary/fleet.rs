//! `sluice run` with a store in etcd: several processes have one truth, and serve on whatever happens to etcd.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, EtcdServer, Issuer, Request, Response, Upstream, eventually};
use tokens::Algorithm;

use crate::files;
use crate::gateway_document::{self, LISTENERS};
use crate::managed::{get, post};
use crate::process::{SluiceProcess, sluice};

/// Longest time until a change is served by another process.
const IN_FORCE: Duration = Duration::from_secs(1);

/// An etcd, and what its members have in common.
struct Fleet {
    etcd: EtcdServer,
    issuer: Issuer,
    upstream: Upstream,
}

/// A member: a process with a mirror of its own.
struct Member {
    folder: TempDir,
    running: SluiceProcess,
}

impl Fleet {
    /// Starts an empty etcd; none if it is not installed.
    fn start() -> Option<Self> {
        Some(Self {
            etcd: EtcdServer::start()?,
            issuer: Issuer::new("https://login.example", Algorithm::Hs256, "k1"),
            upstream: Upstream::named("legacy"),
        })
    }

    /// Creates the folder of a member, with a seed.
    fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), self.issuer.key_file()).unwrap();
        let config = format!(
            "{LISTENERS}flags: {{ store: {{ etcd: {{ endpoints: ['{url}'], prefix: /sluice/test, mirror: mirror }}, seed: flags.yaml }} }}
upgrade: {{ socket: upgrade.sock }}
{issuers}upstreams: {{ legacy: '{address}' }}
routes: [{{ name: board, match: /board, gate: board, upstream: legacy, otherwise: {{ reject: 403 }} }}]
access_log: {{ output: off }}
",
            url = self.etcd.url(),
            issuers = gateway_document::issuers(&self.issuer, "HS256", "secret_file: secret"),
            address = self.upstream.address(),
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        let flags = "version: 1\nflags:\n  board: { lifecycle: ga, default: on }\n  spare: { lifecycle: ga, default: on }\n";
        fs::write(folder.path().join("flags.yaml"), flags).unwrap();
        folder
    }

    fn member(&self) -> Member {
        Member::start(self.folder())
    }

    /// Returns the status of a request to the gated route.
    fn status(&self, member: &Member) -> u16 {
        let request = Request::get("/board").token(&self.issuer.token("acme"));
        Client::connect(member.running.listener()).ask(&request).status
    }
}

impl Member {
    fn start(folder: TempDir) -> Self {
        let running = SluiceProcess::start(folder.path(), ["run"]);
        let mut member = Self { folder, running };
        eventually("the start of a member", || {
            let printed = member.running.printed();
            assert!(!member.running.has_ended(), "{printed:#?}");
            let is_listening = |line: &String| line.contains("admin listening");
            printed.iter().any(is_listening).then_some(())
        });
        member
    }

    fn admin(&self) -> SocketAddr {
        self.running.admin()
    }

    /// Kills or restores a flag.
    fn change(&self, flag: &str, name: &str) -> Response {
        let body = json!({ "reason": "test" });
        post(
            &mut Client::connect(self.admin()),
            &format!("/platform/feature-flags/{flag}/{name}"),
            &body,
        )
    }

    /// Returns the connection to etcd, as the health of the node has it.
    fn etcd(&self) -> Value {
        get(&mut Client::connect(self.admin()), "/platform/health").json()["etcd"].clone()
    }

    /// Waits until the connection to etcd has this state.
    fn is(&self, state: &str) -> Value {
        eventually(&format!("the state {state}"), || {
            let etcd = self.etcd();
            (etcd["state"] == state).then_some(etcd)
        })
    }

    /// Returns the text of `/readyz?verbose` of a ready node.
    fn readiness(&self) -> String {
        let answer = Client::connect(self.admin()).ask(&Request::get_admin("/readyz?verbose"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().to_owned()
    }
}

impl Member {
    /// Waits until `/readyz?verbose` contains a text.
    fn notes(&self, text: &str) {
        eventually(&format!("the note `{text}`"), || {
            self.readiness().contains(text).then_some(())
        });
    }
}

fn within<T>(what: &str, time: Duration, look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    let found = eventually(what, look);
    assert!(begun.elapsed() < time, "{what} took {:?}", begun.elapsed());
    found
}

#[test]
fn a_kill_is_served_by_every_member() {
    let Some(fleet) = Fleet::start() else { return };
    // Both start on the empty etcd at once: one of them seeds it.
    let (one, two) = thread::scope(|scope| {
        let other = scope.spawn(|| fleet.member());
        (fleet.member(), other.join().unwrap())
    });
    for member in [&one, &two] {
        assert_eq!(fleet.status(member), 200);
        assert_eq!(member.is("following")["reason"], Value::Null);
        assert!(!member.readiness().contains("etcd"), "{}", member.readiness());
    }
    let killed = two.change("board", "kill");
    assert_eq!(killed.status, 200, "{}", killed.text());
    assert_eq!(fleet.status(&two), 403);
    within("the kill at the other member", IN_FORCE, || {
        (fleet.status(&one) == 403).then_some(())
    });
    // Both have one log, with one entry of the seed.
    let kills = |member: &Member| {
        let audit = get(
            &mut Client::connect(member.admin()),
            "/platform/audit?action=platform.feature_flag_killed",
        );
        audit.json()["entries"].as_array().unwrap().len()
    };
    assert_eq!((kills(&one), kills(&two)), (1, 1));
}

#[test]
fn changes_on_two_members_at_once_are_all_there() {
    const CHANGES: usize = 25;
    let Some(fleet) = Fleet::start() else { return };
    let members = [fleet.member(), fleet.member()];
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for (at, member) in members.iter().enumerate() {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for number in 0..CHANGES {
                    let path = format!("/api/v1/platform/orgs/t-{at}-{number}");
                    let request = Request::new("PUT", &path)
                        .host("localhost")
                        .header("content-type", "application/json")
                        .with_body("{}");
                    let changed = Client::connect(member.admin()).ask(&request);
                    assert_eq!(changed.status, 200, "{}", changed.text());
                }
            });
        }
    });
    for member in &members {
        for at in 0..members.len() {
            for number in 0..CHANGES {
                let path = format!("/platform/orgs/t-{at}-{number}");
                eventually(&format!("the tenant {path}"), || {
                    (get(&mut Client::connect(member.admin()), &path).status == 200).then_some(())
                });
            }
        }
    }
    let verified = sluice(
        members[0].folder.path(),
        [
            "audit",
            "verify",
            "--server",
            &format!("http://{}", members[0].admin()),
        ],
        "",
    );
    verified.exits(0);
}

#[test]
fn without_etcd_flags_are_served_and_changes_refused() {
    let Some(mut fleet) = Fleet::start() else { return };
    let (one, two) = (fleet.member(), fleet.member());
    fleet.etcd.kill();
    for member in [&one, &two] {
        let since = member.is("unreachable")["since"].clone();
        assert_eq!(fleet.status(member), 200);
        let refused = member.change("board", "kill");
        assert_eq!(
            (refused.status, &*refused.code()),
            (503, "STORE_UNREACHABLE"),
            "{}",
            refused.text()
        );
        assert_eq!(
            refused.json()["refusals"][0]["since"],
            since,
            "{}",
            refused.text()
        );
        assert_eq!(fleet.status(member), 200);
        member.notes(&format!("unreachable since {}", since.as_str().unwrap()));
    }
    fleet.etcd.run();
    two.is("following");
    one.is("following");
    let killed = two.change("board", "kill");
    assert_eq!(killed.status, 200, "{}", killed.text());
    within("the kill at the other member", IN_FORCE, || {
        (fleet.status(&one) == 403).then_some(())
    });
}

#[test]
fn a_member_starts_from_its_mirror_without_etcd() {
    let Some(mut fleet) = Fleet::start() else { return };
    let mut one = fleet.member();
    assert_eq!(one.change("spare", "kill").status, 200);
    one.running.signal("KILL");
    one.running.ended();
    fleet.etcd.kill();
    let one = Member::start(one.folder);
    assert_eq!(fleet.status(&one), 200);
    one.is("unreachable");
    let spare = get(&mut Client::connect(one.admin()), "/platform/feature-flags/spare");
    assert_eq!(spare.json()["enabled"], false, "{}", spare.text());
    // A member without a mirror has nothing to serve.
    let folder = fleet.folder();
    let refused = sluice(folder.path(), ["run"], "");
    refused
        .exits(1)
        .reports("the mirror in mirror is empty, so there are no flags to serve");
    fleet.etcd.run();
    one.is("following");
    assert_eq!(one.change("board", "kill").status, 200);
}

#[test]
fn a_wiped_etcd_is_reported_and_changes_nothing() {
    let Some(mut fleet) = Fleet::start() else { return };
    let one = fleet.member();
    assert_eq!(one.change("spare", "kill").status, 200);
    fleet.etcd.kill();
    fleet.etcd.wipe();
    fleet.etcd.run();
    one.is("rejected");
    one.notes("its state is rejected since");
    assert_eq!(fleet.status(&one), 200);
    let refused = one.change("board", "kill");
    assert_eq!(
        (refused.status, &*refused.code()),
        (503, "STORE_UNAVAILABLE"),
        "{}",
        refused.text()
    );
    assert_eq!(fleet.status(&one), 200);
}

#[test]
fn a_state_that_a_member_cannot_serve_is_reported() {
    let Some(fleet) = Fleet::start() else { return };
    let (one, two) = (fleet.member(), fleet.member());
    // The first one has no route by the flag, so it may remove it.
    files::edit(one.folder.path(), "sluice.yaml", "gate: board", "gate: spare");
    one.running.line("reloaded");
    let rest = json!({ "version": 1, "flags": { "spare": { "lifecycle": "ga", "default": true } } });
    let request = Request::new("PUT", "/api/v1/platform/document?prune=true&force=true")
        .host("localhost")
        .header("content-type", "application/json")
        .with_body(rest.to_string());
    let removed = Client::connect(one.admin()).ask(&request);
    assert_eq!(removed.status, 200, "{}", removed.text());
    let rejected = two.is("rejected");
    assert!(
        rejected["reason"].as_str().unwrap().contains("board"),
        "{rejected}"
    );
    two.running.line("can't be served here");
    assert_eq!(fleet.status(&two), 200);
    // Its own changes would follow a state that it does not serve.
    assert!(two.change("spare", "kill").status >= 400);
    // Logged once, not at each attempt.
    thread::sleep(Duration::from_millis(2_500));
    let lines = two.running.printed();
    let lines = lines.iter().filter(|line| line.contains("can't be served here"));
    assert_eq!(lines.count(), 1);
    files::edit(two.folder.path(), "sluice.yaml", "gate: board", "gate: spare");
    two.is("following");
}

#[test]
fn a_member_is_upgraded_with_its_mirror() {
    let Some(fleet) = Fleet::start() else { return };
    let mut one = fleet.member();
    assert_eq!(one.change("spare", "kill").status, 200);
    one.running.line("upgrades are possible");
    let second = sluice(one.folder.path(), ["run"], "");
    second
        .exits(1)
        .reports("give this process another directory in `flags.store.etcd.mirror`");
    let new = SluiceProcess::start(one.folder.path(), ["run", "--upgrade"]);
    assert_eq!(
        one.running.ended().code(),
        Some(0),
        "{:#?}",
        one.running.printed()
    );
    new.line("upgrades are possible");
    let new = Member {
        folder: one.folder,
        running: new,
    };
    new.is("following");
    assert_eq!(new.change("board", "kill").status, 200);
    assert_eq!(fleet.status(&new), 403);
}

#[test]
fn a_role_for_the_prefix_alone_is_enough() {
    let Some(fleet) = Fleet::start() else { return };
    // As docs/fleet.md has it.
    let role = [
        "role",
        "grant-permission",
        "sluice",
        "--prefix=true",
        "readwrite",
        "/sluice/test/",
    ];
    fleet.etcd.etcdctl(&["role", "add", "sluice"]);
    fleet.etcd.etcdctl(&role);
    fleet.etcd.etcdctl(&["user", "add", "sluice:a-password"]);
    fleet.etcd.etcdctl(&["user", "grant-role", "sluice", "sluice"]);
    fleet.etcd.etcdctl(&["user", "add", "root:another-password"]);
    fleet.etcd.etcdctl(&["user", "grant-role", "root", "root"]);
    fleet.etcd.etcdctl(&["auth", "enable"]);
    let member = |password: &str| {
        let folder = fleet.folder();
        let to = "mirror: mirror, user: sluice, password_file: password }";
        files::edit(folder.path(), "sluice.yaml", "mirror: mirror }", to);
        fs::write(folder.path().join("password"), password).unwrap();
        folder
    };
    let one = Member::start(member("a-password\n"));
    one.is("following");
    assert_eq!(one.change("board", "kill").status, 200);
    assert_eq!(fleet.status(&one), 403);
    let refused = sluice(member("wrong").path(), ["run"], "");
    refused.exits(1).reports("etcd denied access");
}

#[test]
fn a_missing_file_of_the_connection_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_with_password(folder.path());
    let refused = sluice(folder.path(), ["run"], "");
    refused
        .exits(1)
        .reports("can't read password for `flags.store.etcd`");
}

fn write_with_password(folder: &Path) {
    let config = format!(
        "{LISTENERS}flags: {{ store: {{ etcd: {{ endpoints: ['http://127.0.0.1:9'], prefix: /sluice/test, mirror: mirror, \
         user: sluice, password_file: password }} }} }}\nupstreams: {{ legacy: '127.0.0.1:9' }}\n"
    );
    fs::write(folder.join("sluice.yaml"), config).unwrap();
}
