//! All kinds of changes of files take effect. These tests never sleep: they wait for the reload that a change must
//! cause, and prove that nothing happened by a further change whose reload must be the next one.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use config::{Reload, ReloadResponse, WatchOptions, Watcher};
use tempfile::TempDir;

const GATEWAY: &str = "version: 1\nlisteners: [ { name: public, address: \"127.0.0.1:0\" } ]\nadmin: off\n\
                       flags: { file: flags.yaml }\nupstreams: { api: 127.0.0.1:3000 }\n";
const BAD: &str = "version: 1\nflags:\n  a: { kind: relase }\n";

/// Returns a flags document with this number of flags.
fn flags(count: usize) -> String {
    let flags: String = (0..count)
        .map(|n| format!("  flag{n}: {{ lifecycle: ga }}\n"))
        .collect();
    format!("version: 1\nflags:\n{flags}")
}

struct Setup {
    folder: TempDir,
    reloads: Receiver<Reloaded>,
    watcher: Watcher,
}

#[derive(Debug, PartialEq, Eq)]
enum Reloaded {
    /// A load with this number of flags.
    Applied(usize),
    /// A report with these codes.
    Refused(Vec<&'static str>),
    Restored,
    Unchanged,
}

/// Files that `write` creates in an empty folder, and a watch of them.
fn setup_with(options: WatchOptions, write: impl FnOnce(&Path)) -> Setup {
    let folder = TempDir::new().unwrap();
    write(folder.path());
    let path = folder.path().join("sluice.yaml");
    let loaded = config::load(&path, &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let (sender, reloads) = channel();
    let watcher = config::watch_with(
        options,
        path,
        &loaded,
        |_| None,
        move |reload| {
            let _ = sender.send(match reload {
                Reload::Applied(loaded) => Reloaded::Applied(loaded.snapshot.flags.len()),
                Reload::Refused(report) => {
                    Reloaded::Refused(report.problems().iter().map(|p| p.code).collect())
                }
                Reload::Restored => Reloaded::Restored,
                Reload::Unchanged => Reloaded::Unchanged,
            });
            ReloadResponse::Served
        },
    );
    Setup {
        folder,
        reloads,
        watcher: watcher.unwrap(),
    }
}

fn setup() -> Setup {
    // Without periodic reads, so that every reload comes from a notification of the system.
    let options = WatchOptions {
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    setup_with(options, |folder| {
        fs::write(folder.join("sluice.yaml"), GATEWAY).unwrap();
        fs::write(folder.join("flags.yaml"), flags(1)).unwrap();
    })
}

impl Setup {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, text: &str) {
        fs::write(self.path("flags.yaml"), text).unwrap();
    }

    #[track_caller]
    fn expect_reload(&self, expected: &Reloaded) {
        let reload = self
            .reloads
            .recv_timeout(Duration::from_secs(10))
            .expect("there was no reload");
        assert_eq!(reload, *expected);
    }
}

#[test]
fn a_file_written_in_place_takes_effect_within_half_a_second() {
    let setup = setup();
    for count in 2..6 {
        setup.write(&flags(count));
        let written = Instant::now();
        setup.expect_reload(&Reloaded::Applied(count));
        assert!(
            written.elapsed() < Duration::from_millis(500),
            "{:?}",
            written.elapsed()
        );
    }
}

#[test]
fn a_requested_reload_reports_its_result() {
    let setup = setup();
    assert!(setup.watcher.reload());
    setup.expect_reload(&Reloaded::Unchanged);
    setup.write("version: 1\nflags: {}\nflag: {}\n");
    setup.expect_reload(&Reloaded::Refused(vec!["unknown-field"]));
    assert!(setup.watcher.reload());
    setup.expect_reload(&Reloaded::Refused(vec!["unknown-field"]));
    setup.write(&flags(1));
    setup.expect_reload(&Reloaded::Restored);
}

#[test]
fn repeated_renames_of_an_editor_take_effect() {
    let setup = setup();
    for count in 2..5 {
        fs::write(setup.path(".flags.yaml.swp"), flags(count)).unwrap();
        fs::rename(setup.path(".flags.yaml.swp"), setup.path("flags.yaml")).unwrap();
        setup.expect_reload(&Reloaded::Applied(count));
    }
}

#[test]
fn file_moved_away_by_an_editor_is_watched() {
    let setup = setup();
    for count in 2..5 {
        fs::rename(setup.path("flags.yaml"), setup.path("flags.yaml~")).unwrap();
        setup.write(&flags(count));
        setup.expect_reload(&Reloaded::Applied(count));
    }
}

#[test]
fn a_deleted_file_is_reported_and_loaded_when_it_returns() {
    let setup = setup();
    fs::remove_file(setup.path("flags.yaml")).unwrap();
    setup.expect_reload(&Reloaded::Refused(vec!["file-missing"]));
    setup.write(&flags(2));
    setup.expect_reload(&Reloaded::Applied(2));
}

/// Waits longer for the next event, so that a delayed test does not look like a pause in writing.
fn patient() -> Setup {
    let options = WatchOptions {
        debounce: Duration::from_millis(300),
        debounce_at_most: Duration::from_millis(400),
        changing_at_most: Duration::from_secs(20),
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    setup_with(options, |folder| {
        fs::write(folder.join("sluice.yaml"), GATEWAY).unwrap();
        fs::write(folder.join("flags.yaml"), flags(1)).unwrap();
    })
}

#[test]
fn a_file_that_is_written_in_pieces_is_loaded_completely() {
    let setup = patient();
    let mut file = fs::File::create(setup.path("flags.yaml")).unwrap();
    for piece in flags(40).as_bytes().chunks(10) {
        file.write_all(piece).unwrap();
    }
    drop(file);
    setup.expect_reload(&Reloaded::Applied(40));
}

#[test]
fn a_file_that_is_written_slowly_is_loaded_completely() {
    let setup = patient();
    let mut file = fs::File::create(setup.path("flags.yaml")).unwrap();
    let (head, tail) = ("version: 1\n", flags(40).replace("version: 1\n", ""));
    file.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(900) {
        file.write_all(b"#\n").unwrap();
        std::thread::yield_now();
    }
    file.write_all(tail.as_bytes()).unwrap();
    setup.expect_reload(&Reloaded::Applied(40));
}

#[test]
fn a_bad_file_is_reported_once_and_a_fixed_one_takes_effect() {
    let setup = setup();
    setup.write(BAD);
    setup.expect_reload(&Reloaded::Refused(vec!["unknown-value"]));
    // The same content again, by all operations that cause an event.
    setup.write(BAD);
    fs::write(setup.path("other"), BAD).unwrap();
    fs::rename(setup.path("other"), setup.path("flags.yaml")).unwrap();
    setup.watcher.check_now();
    setup.write(&flags(3));
    setup.expect_reload(&Reloaded::Applied(3));
}

#[test]
fn second_bad_file_is_reported_again() {
    let setup = setup();
    setup.write(BAD);
    setup.expect_reload(&Reloaded::Refused(vec!["unknown-value"]));
    setup.write("version: 2\n");
    setup.expect_reload(&Reloaded::Refused(vec!["unsupported-version"]));
}

#[test]
fn restoring_the_served_content_ends_the_error() {
    let setup = setup();
    setup.write(BAD);
    setup.expect_reload(&Reloaded::Refused(vec!["unknown-value"]));
    setup.write(&flags(1));
    setup.expect_reload(&Reloaded::Restored);
    setup.write(&flags(2));
    setup.expect_reload(&Reloaded::Applied(2));
}

#[test]
fn files_are_verified_while_their_content_is_served() {
    let reread = Duration::from_millis(20);
    let setup = setup_with(
        WatchOptions {
            reread,
            ..WatchOptions::default()
        },
        |folder| {
            fs::write(folder.join("sluice.yaml"), GATEWAY).unwrap();
            fs::write(folder.join("flags.yaml"), flags(1)).unwrap();
        },
    );
    let verified = setup.watcher.verified();
    let advances_past = |before: SystemTime| {
        let begun = Instant::now();
        while verified.at() <= before {
            assert!(begun.elapsed() < Duration::from_secs(10), "not verified again");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let start = verified.at();
    assert!(start.elapsed().unwrap() < Duration::from_secs(10));
    advances_past(start);
    setup.write(BAD);
    setup.expect_reload(&Reloaded::Refused(vec!["unknown-value"]));
    let refused = verified.at();
    std::thread::sleep(5 * reread);
    assert_eq!(verified.at(), refused);
    setup.write(&flags(2));
    setup.expect_reload(&Reloaded::Applied(2));
    advances_past(refused);
}

#[test]
fn events_without_a_change_of_content_are_not_reported() {
    let setup = setup();
    setup.write(&flags(1));
    fs::write(setup.path("unrelated"), "x").unwrap();
    fs::read(setup.path("flags.yaml")).unwrap();
    setup.watcher.check_now();
    setup.write(&flags(2));
    setup.expect_reload(&Reloaded::Applied(2));
}

#[test]
fn continuous_events_do_not_delay_a_reload_forever() {
    let setup = setup();
    setup.write(&flags(2));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut log = fs::File::create(setup.path("access.log")).unwrap();
    let reload = loop {
        log.write_all(b"line\n").unwrap();
        if let Ok(reload) = setup.reloads.try_recv() {
            break reload;
        }
        assert!(Instant::now() < deadline, "the stream has put it off");
        std::thread::yield_now();
    };
    assert_eq!(reload, Reloaded::Applied(2));
}

/// Updates a volume as kubelet does (AtomicWriter): a new directory with a time as its name, a link to it under a
/// temporary name, the link renamed to `..data`, the old directory removed.
fn kubelet_writes(mount: &Path, stamp: &str, files: &[(&str, &str)]) {
    let data = mount.join("..data");
    let old = fs::read_link(&data).ok();
    fs::create_dir(mount.join(stamp)).unwrap();
    for (name, text) in files {
        fs::write(mount.join(stamp).join(name), text).unwrap();
    }
    symlink(stamp, mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), &data).unwrap();
    for (name, _) in files {
        if !mount.join(name).exists() {
            symlink(Path::new("..data").join(name), mount.join(name)).unwrap();
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(mount.join(old)).unwrap();
    }
}

#[test]
fn a_config_map_is_watched_through_every_update() {
    let options = WatchOptions {
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    let setup = setup_with(options, |folder| {
        let files = [("sluice.yaml", GATEWAY), ("flags.yaml", &flags(1))];
        kubelet_writes(folder, "..2026_11_21_00_00_00.1", &files);
    });
    for count in 2..6 {
        let files = [("sluice.yaml", GATEWAY), ("flags.yaml", &*flags(count))];
        kubelet_writes(
            setup.folder.path(),
            &format!("..2026_11_21_00_00_00.{count}"),
            &files,
        );
        setup.expect_reload(&Reloaded::Applied(count));
    }
}

#[test]
fn a_file_behind_a_link_to_another_directory_is_watched() {
    let elsewhere = TempDir::new().unwrap();
    let target = elsewhere.path().join("flags-of-today.yaml");
    fs::write(&target, flags(1)).unwrap();
    let options = WatchOptions {
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    let setup = setup_with(options, |folder| {
        fs::write(folder.join("sluice.yaml"), GATEWAY).unwrap();
        symlink(&target, folder.join("flags.yaml")).unwrap();
    });
    // The first change may be read before the watch of the directories begins.
    for count in 2..5 {
        fs::write(&target, flags(count)).unwrap();
        setup.expect_reload(&Reloaded::Applied(count));
    }
}

/// Makes `flags.yaml` a link to `link_to` in another folder, whose file is `today/flags.yaml`. Removes a part of that
/// folder and creates it again.
#[track_caller]
fn check_target_comes_back(link_to: &str, prepare: impl FnOnce(&Path), remove: impl Fn(&Path)) {
    let elsewhere = TempDir::new().unwrap();
    let today = elsewhere.path().join("today");
    fs::create_dir(&today).unwrap();
    fs::write(today.join("flags.yaml"), flags(1)).unwrap();
    prepare(elsewhere.path());
    let options = WatchOptions {
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    let setup = setup_with(options, |folder| {
        fs::write(folder.join("sluice.yaml"), GATEWAY).unwrap();
        symlink(elsewhere.path().join(link_to), folder.join("flags.yaml")).unwrap();
    });
    for count in 2..4 {
        remove(elsewhere.path());
        setup.expect_reload(&Reloaded::Refused(vec!["file-missing"]));
        let _ = fs::create_dir(&today);
        fs::write(today.join("flags.yaml"), flags(count)).unwrap();
        setup.expect_reload(&Reloaded::Applied(count));
    }
}

#[test]
fn the_target_of_a_link_is_loaded_when_it_returns() {
    let remove_file = |folder: &Path| fs::remove_file(folder.join("today/flags.yaml")).unwrap();
    check_target_comes_back("today/flags.yaml", |_| {}, remove_file);
}

#[test]
fn a_target_is_loaded_when_its_directory_returns() {
    let remove_directory = |folder: &Path| fs::remove_dir_all(folder.join("today")).unwrap();
    check_target_comes_back("today/flags.yaml", |_| {}, remove_directory);
}

#[test]
fn a_target_behind_several_links_is_loaded_when_it_returns() {
    let link = |folder: &Path| {
        fs::create_dir(folder.join("links")).unwrap();
        symlink("../today", folder.join("links/current")).unwrap();
        symlink("current/flags.yaml", folder.join("links/flags.yaml")).unwrap();
    };
    let remove_directory = |folder: &Path| fs::remove_dir_all(folder.join("today")).unwrap();
    check_target_comes_back("links/flags.yaml", link, remove_directory);
}

#[test]
fn a_link_to_itself_is_reported_until_it_is_a_file() {
    let setup = setup();
    symlink("flags.yaml", setup.path("loop")).unwrap();
    fs::rename(setup.path("loop"), setup.path("flags.yaml")).unwrap();
    setup.expect_reload(&Reloaded::Refused(vec!["file-unreadable"]));
    fs::remove_file(setup.path("flags.yaml")).unwrap();
    setup.write(&flags(2));
    setup.expect_reload(&Reloaded::Applied(2));
}

#[test]
fn documents_added_to_or_removed_from_a_directory_take_effect() {
    let options = WatchOptions {
        reread: Duration::from_secs(3_600),
        ..WatchOptions::default()
    };
    let setup = setup_with(options, |folder| {
        let gateway = GATEWAY.replace("file: flags.yaml", "directory: flags.d");
        fs::write(folder.join("sluice.yaml"), gateway).unwrap();
        fs::create_dir(folder.join("flags.d")).unwrap();
        fs::write(
            folder.join("flags.d/a.yaml"),
            "version: 1\nflags:\n  a: { kind: ops }\n",
        )
        .unwrap();
    });
    fs::write(
        setup.path("flags.d/b.yaml"),
        "version: 1\nflags:\n  b: { kind: ops }\n",
    )
    .unwrap();
    setup.expect_reload(&Reloaded::Applied(2));
    fs::remove_file(setup.path("flags.d/b.yaml")).unwrap();
    setup.expect_reload(&Reloaded::Applied(1));
    // The whole directory is replaced.
    fs::remove_dir_all(setup.path("flags.d")).unwrap();
    setup.expect_reload(&Reloaded::Refused(vec!["file-missing"]));
    fs::create_dir(setup.path("flags.d")).unwrap();
    let text = "version: 1\nflags:\n  a: { kind: ops }\n  b: { kind: ops }\n  c: { kind: ops }\n";
    fs::write(setup.path("flags.d/c.yaml"), text).unwrap();
    setup.expect_reload(&Reloaded::Applied(3));
}

#[test]
fn a_file_that_is_named_by_a_reload_is_watched() {
    let setup = setup();
    fs::write(setup.path("other.yaml"), flags(2)).unwrap();
    fs::write(
        setup.path("sluice.yaml"),
        GATEWAY.replace("flags.yaml", "other.yaml"),
    )
    .unwrap();
    setup.expect_reload(&Reloaded::Applied(2));
    fs::write(setup.path("other.yaml"), flags(3)).unwrap();
    setup.expect_reload(&Reloaded::Applied(3));
}

#[test]
fn without_notifications_the_files_are_polled() {
    let options = WatchOptions {
        notify: false,
        poll: Duration::from_millis(10),
        ..WatchOptions::default()
    };
    let setup = setup_with(options, |folder| {
        fs::write(folder.join("sluice.yaml"), GATEWAY).unwrap();
        fs::write(folder.join("flags.yaml"), flags(1)).unwrap();
    });
    setup.write(&flags(2));
    setup.expect_reload(&Reloaded::Applied(2));
    assert!(setup.watcher.is_polling());
}

#[test]
fn the_watch_ends_when_it_is_stopped() {
    let Setup {
        folder: _folder,
        reloads,
        watcher,
    } = setup();
    watcher.stop();
    // The thread has ended, because it owned the sender.
    assert!(reloads.recv().is_err());
}

#[test]
fn the_watch_ends_at_once_during_a_second_read() {
    for _ in 0..20 {
        let setup = setup();
        // Remove the folder first, and stop the watch while it reads the missing files again.
        let Setup {
            folder,
            reloads,
            watcher,
        } = setup;
        drop(folder);
        let _ = reloads.recv_timeout(Duration::from_millis(120));
        let begun = Instant::now();
        watcher.stop();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

#[test]
fn unserved_load_is_reported_again_on_request() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sluice.yaml"), GATEWAY).unwrap();
    let file = folder.path().join("flags.yaml");
    fs::write(&file, flags(1)).unwrap();
    let path = folder.path().join("sluice.yaml");
    let loaded = config::load(&path, &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let (sender, reloads) = channel();
    let mut number = 0;
    let on_reload = move |reload| {
        let Reload::Applied(loaded) = reload else {
            panic!("{reload:?}")
        };
        number += 1;
        sender.send((number, loaded.snapshot.flags.len())).unwrap();
        if number == 1 {
            ReloadResponse::NotServed
        } else {
            ReloadResponse::Served
        }
    };
    let watcher = config::watch(path, &loaded, |_| None, on_reload).unwrap();
    let expect_reload = || reloads.recv_timeout(Duration::from_secs(10)).unwrap();
    fs::write(&file, flags(2)).unwrap();
    assert_eq!(expect_reload(), (1, 2));
    watcher.reread_handle().reread();
    assert_eq!(expect_reload(), (2, 2));
    // Contents that are served already are not reported.
    watcher.reread_handle().reread();
    fs::write(&file, flags(3)).unwrap();
    assert_eq!(expect_reload(), (3, 3));
}
