//! Stores that earlier releases wrote. Each release adds a backup and an export of its own to this folder; every later
//! one opens them all, with everything that they hold.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::managed::ManagedGateway;
use crate::process::sluice;

/// A folder for each format: a backup, made with `sluice backup`, and what `sluice export` printed of it.
const FORMATS: [&str; 1] = ["format-2"];

fn fixtures(format: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/binary/earlier_releases")
        .join(format)
}

#[test]
fn store_of_an_earlier_release_opens_completely() {
    for format in FORMATS {
        let managed = ManagedGateway::new();
        let backup = fixtures(format).join("backup.db");
        let restore = ["restore", backup.to_str().unwrap(), "--to", "data"];
        let restored = sluice(managed.path(), restore, "");
        assert_eq!(restored.code, 0, "{}", restored.stderr);
        let running = managed.run();
        let server = format!("http://{}", running.admin());
        let exported = sluice(
            managed.path(),
            ["export", "--server", &server, "-o", "now.json"],
            "",
        );
        assert_eq!(exported.code, 0, "{}", exported.stderr);
        let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let (now, then) = (
            read(&managed.path().join("now.json")),
            read(&fixtures(format).join("export.json")),
        );
        assert_eq!(now, then, "{format}");
        let audit = sluice(managed.path(), ["audit", "verify", "--server", &server], "");
        assert_eq!(audit.code, 0, "{}{}", audit.stdout, audit.stderr);
    }
}

#[test]
fn store_of_a_newer_release_is_rejected_with_help() {
    let managed = ManagedGateway::new();
    let backup = fixtures("format-2").join("backup.db");
    let mut newer = fs::read(&backup).unwrap();
    // Bytes 60 to 63 of SQLite's file: `user_version`, the format.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::create_dir(managed.path().join("data")).unwrap();
    fs::write(managed.path().join("data/sluice.db"), newer).unwrap();
    let refused = sluice(managed.path(), ["run"], "");
    assert_ne!(refused.code, 0);
    let way_back = "`sluice restore BACKUP --to data`";
    assert!(refused.stderr.contains(way_back), "{}", refused.stderr);
    assert!(refused.stderr.contains("in format 99"), "{}", refused.stderr);
}
