use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::Directories;
use crate::inputs::Inputs;

#[test]
fn reading_the_files_causes_no_event() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("flags.yaml");
    fs::write(&path, "version: 1").unwrap();
    let mut inputs = Inputs::default();
    inputs.add_file(&path, 100, Some(b"version: 1"));
    let (hint, hints) = channel();
    let mut directories = Directories::new(true, move || hint.send(()).unwrap());
    assert!(directories.watch_inputs(&[&inputs]));
    for _ in 0..1_000 {
        assert!(!inputs.have_changed());
    }
    fs::write(&path, "version: 2").unwrap();
    // Events come in their order: those of reading would come before that of writing.
    hints.recv_timeout(Duration::from_secs(10)).unwrap();
    let mut more = 0;
    while hints.recv_timeout(Duration::from_millis(200)).is_ok() {
        more += 1;
    }
    assert!(more < 10, "{more} hints");
}

#[test]
fn a_directory_created_before_its_parent_is_watched_is_found() {
    let folder = tempfile::TempDir::new().unwrap();
    let today = folder.path().join("today");
    let (hint, hints) = channel();
    let mut directories = Directories::new(true, move || {
        let _ = hint.send(());
    });
    let is_back = Cell::new(false);
    // It is not there when it is looked for, and there before anything is listened to.
    let find = || {
        let place = super::existing(&today).unwrap();
        if !is_back.replace(true) {
            fs::create_dir(&today).unwrap();
        }
        BTreeSet::from([place])
    };
    assert!(directories.watch_found(find));
    fs::write(today.join("flags.yaml"), "version: 1").unwrap();
    hints.recv_timeout(Duration::from_secs(10)).unwrap();
}
