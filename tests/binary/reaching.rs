//! The connections of commands: TLS and the break-glass socket; and the restore of a backup.

use std::fs;

use testkit::{Authority, TlsFront};

use crate::gateway_document::LISTENERS;
use crate::managed_server::ManagedServer;
use crate::process::{SluiceProcess, sluice};

#[test]
fn a_server_is_trusted_by_its_certificate_only() {
    let managed = ManagedServer::start();
    let (ours, other) = (Authority::new(), Authority::new());
    fs::write(managed.path().join("ours.pem"), ours.pem()).unwrap();
    fs::write(managed.path().join("other.pem"), other.pem()).unwrap();
    fs::write(managed.path().join("none.pem"), "").unwrap();
    let good = TlsFront::new(&ours.server(&["localhost"]), &["http/1.1"], None, managed.admin());
    let named = TlsFront::new(
        &ours.server(&["ops.example"]),
        &["http/1.1"],
        None,
        managed.admin(),
    );
    let expired = TlsFront::new(
        &ours.expired(&["localhost"]),
        &["http/1.1"],
        None,
        managed.admin(),
    );
    let asked = |front: &TlsFront, ca: &[&str]| {
        let server = format!("https://localhost:{}", front.address().port());
        sluice(
            managed.path(),
            [&["whoami", "--server", &server][..], ca].concat(),
            "",
        )
    };
    let output = asked(&good, &["--ca", "ours.pem"]);
    output.exits(0);
    assert!(
        output
            .stdout
            .starts_with("local, platform-admin, at https://localhost:"),
        "{}",
        output.stdout
    );
    for (front, ca) in [(&good, "other.pem"), (&named, "ours.pem"), (&expired, "ours.pem")] {
        let output = asked(front, &["--ca", ca]);
        output.exits(3).prints("");
    }
    // The system's authorities do not contain it, or the system has none.
    let output = asked(&good, &[]);
    assert!(
        [1, 3].contains(&output.code) && output.stdout.is_empty(),
        "{}",
        output.stderr
    );
    let output = asked(&good, &["--ca", "none.pem"]);
    output.exits(1);
}

#[test]
fn a_mismatch_of_tls_and_plain_http_is_explained() {
    let managed = ManagedServer::start();
    let ours = Authority::new();
    fs::write(managed.path().join("ours.pem"), ours.pem()).unwrap();
    let front = TlsFront::new(&ours.server(&["localhost"]), &["http/1.1"], None, managed.admin());
    let helps = |server: String| {
        let output = sluice(
            managed.path(),
            ["whoami", "--server", &server, "--ca", "ours.pem"],
            "",
        );
        output.exits(3);
        output
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("help: "))
            .unwrap_or(&output.stderr)
            .to_owned()
    };
    let text = helps(format!("https://{}", managed.admin()));
    assert!(text.contains("write http://"), "{text}");
    let text = helps(format!("http://{}", front.address()));
    assert!(text.contains("write https://"), "{text}");
}

#[test]
fn the_process_that_uses_a_store_is_named() {
    let managed = ManagedServer::start();
    let output = sluice(managed.path(), ["run"], "");
    output.exits(1);
    let expected = format!("process {} uses the store in ", managed.id());
    assert!(
        output.stderr.contains(&expected) || output.stderr.contains("another process uses the store in "),
        "{}",
        output.stderr
    );
    output.reports("end it, or give this process another directory");
}

#[test]
fn a_flag_of_files_is_killed_locally_through_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}\n\
         break_glass: {{ socket: sluice.sock, journal: journal.jsonl }}\n\
         upstreams: {{ app: '127.0.0.1:9' }}\nunmatched: {{ upstream: app }}\n"
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: ga } }\n",
    )
    .unwrap();
    let running = SluiceProcess::start(folder.path(), ["run"]);
    let admin = format!("http://{}", running.admin());
    let output = |arguments: &[&str], code: i32| {
        let output = sluice(folder.path(), arguments, "");
        output.exits(code);
        format!("{}{}", output.stdout, output.stderr)
    };
    let refused = output(&["flags", "kill", "board", "--server", &admin], 1);
    assert!(
        [
            "READ_ONLY_SOURCE",
            "`enabled: false`",
            "--socket",
            "names a store"
        ]
        .iter()
        .all(|part| refused.contains(part)),
        "{refused}"
    );

    // A dry run says that it would be rejected.
    let tried = output(&["flags", "kill", "board", "--dry-run", "--server", &admin], 0);
    assert!(tried.contains("READ_ONLY_SOURCE"), "{tried}");
    let flags = "version: 1\nflags: { board: { lifecycle: ga }, export: {} }\n";
    fs::write(folder.path().join("new.yaml"), flags).unwrap();
    for more in [&["--dry-run"][..], &["--yes"], &["--dry-run", "--json"]] {
        let apply = [&["apply", "-f", "new.yaml", "--server", &admin][..], more].concat();
        let tried = output(&apply, 1);
        assert!(
            tried.contains("READ_ONLY_SOURCE") && tried.contains("export"),
            "{tried}"
        );
        assert!(tried.contains("the flags are managed by files"), "{tried}");
    }

    let socket = ["--socket", "sluice.sock"];
    let kill = |more: &[&str], code| output(&[&["flags", "kill", "board"][..], &socket, more].concat(), code);
    kill(&[], 2);
    kill(&["--reason", "INC-7", "--force"], 2);
    let refused = kill(&["--reason", "INC-7", "--for", "8d"], 1);
    assert!(refused.contains("INVALID_DURATION"), "{refused}");
    let killed = kill(&["--reason", "INC-7", "--for", "30m"], 0);
    assert!(
        killed.starts_with("board is off for everyone on this machine until 20"),
        "{killed}"
    );
    let listed = output(&["flags", "kills", "--socket", "sluice.sock"], 0);
    let line = listed.lines().nth(1).unwrap();
    assert!(
        line.starts_with("board   20") && line.ends_with("   INC-7"),
        "{listed}"
    );
    let restore = ["flags", "restore", "board", "--socket", "sluice.sock"];
    assert_eq!(output(&restore, 0), "board is no longer killed on this machine\n");
    assert!(output(&restore, 1).contains("NOT_KILLED"));
    let listed = output(&["flags", "kills", "--socket", "sluice.sock"], 0);
    assert_eq!(listed, "no flag is killed on this machine\n");
    let journal = output(&["flags", "kills", "--socket", "sluice.sock", "--journal"], 0);
    assert_eq!(journal.lines().count(), 2, "{journal}");
}

#[test]
fn a_restored_backup_is_served_with_its_log() {
    let managed = ManagedServer::start();
    managed.done(&["flags", "kill", "board", "--reason", "INC-7"]);
    let verified = managed.done(&["audit", "verify"]);
    let head = verified
        .lines()
        .find_map(|line| line.strip_prefix("head "))
        .unwrap();
    managed.done(&["backup", "-o", "copy"]);

    let other = ManagedServer::with_store(&managed.path().join("copy"));
    assert!(other.done(&["flags", "show", "board"]).contains("killed"));
    assert_eq!(other.revision(), managed.revision());
    // The log of the copy has the entries from before the backup, and continues with those of its own process.
    other.done(&["audit", "verify", "--head", head]);
    managed.done(&["audit", "verify", "--head", head]);
}

#[test]
fn a_backup_is_restored_where_a_killed_server_left_its_log() {
    let managed = ManagedServer::start();
    managed.done(&["backup", "-o", "copy"]);
    managed.done(&["flags", "kill", "board", "--reason", "INC-7"]);
    let restore = ["restore", "copy", "--to", "data"];
    let output = sluice(managed.path(), restore, "");
    output
        .exits(1)
        .prints("")
        .reports("another process uses the store");
    assert!(managed.done(&["flags", "show", "board"]).contains("killed"));

    let managed = managed.restarted(|path| {
        assert!(path.join("data/sluice.db-wal").metadata().unwrap().len() > 0);
        // A backup that was copied by hand is rejected.
        fs::copy(path.join("copy"), path.join("data/sluice.db")).unwrap();
        let refused = sluice(path, ["restore", "data/sluice.db", "--to", "elsewhere"], "");
        refused.exits(1).reports("is beside it");
        let output = sluice(path, restore, "");
        output.exits(0);
        let lines: Vec<&str> = output.stdout.lines().collect();
        assert!(
            lines[0].starts_with("restored   revision 1, "),
            "{}",
            output.stdout
        );
        assert!(lines[1].starts_with("head "), "{}", output.stdout);
        assert_eq!(lines[2], "the former content is in data/replaced-1");
        assert!(path.join("data/replaced-1/sluice.db-wal").exists());
    });
    assert!(!managed.done(&["flags", "show", "board"]).contains("killed"));
    assert_eq!(managed.revision(), 1);
    managed.done(&["audit", "verify"]);
}
