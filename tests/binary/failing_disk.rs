//! `sluice run` on a disk that fails: changes that can't be stored are rejected, nothing else is affected, and changes
//! work again once the disk does. Here the kernel limits the size of files; `scripts/faults/run` does the same with a
//! file system that is full and with an fsync that fails.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Client, Request, eventually};

use crate::managed::{ManagedGateway, get, post};
use crate::process::SluiceProcess;

/// Variable with the fault, set by `scripts/faults/run`.
const FAULT: &str = "SLUICE_FAULT";
/// Variable with a small file system, for the fault that it is full.
const SMALL: &str = "SLUICE_FAULT_SMALL";
/// Longest time of an answer, whatever the disk does.
const PATIENCE: Duration = Duration::from_secs(10);
/// Number of changes that are rejected for each fault.
const REFUSED: usize = 4;

/// A fault of the disk.
enum DiskFault {
    /// No file may grow beyond this number of bytes.
    Size(u64),
    /// The file system of this folder is full.
    Room(PathBuf),
    /// No fsync succeeds.
    Sync,
}

/// An active fault. Dropping it ends the fault.
enum InjectedFault {
    Size(u32),
    Room(PathBuf),
    Sync(Child),
}

impl DiskFault {
    /// Returns all faults that can be injected here.
    fn all() -> Vec<Self> {
        match std::env::var(FAULT).as_deref() {
            Ok("fsync") => vec![Self::Sync, Self::Sync],
            Ok("full") => {
                let small = PathBuf::from(std::env::var_os(SMALL).unwrap());
                vec![Self::Room(small.clone()), Self::Room(small)]
            }
            _ => [0, 1, 6_000].map(Self::Size).into(),
        }
    }

    fn begin(&self, sluice: &SluiceProcess) -> InjectedFault {
        match self {
            Self::Size(bytes) => {
                limit(sluice.id(), &bytes.to_string());
                InjectedFault::Size(sluice.id())
            }
            Self::Room(folder) => {
                let filler = folder.join("filler");
                fill(&filler);
                InjectedFault::Room(filler)
            }
            Self::Sync => InjectedFault::Sync(fail_syncs(sluice.id())),
        }
    }
}

impl Drop for InjectedFault {
    fn drop(&mut self) {
        match self {
            Self::Size(process) => limit(*process, "unlimited"),
            Self::Room(filler) => fs::remove_file(filler).unwrap(),
            Self::Sync(strace) => {
                let id = strace.id().to_string();
                let _ = Command::new("kill").args(["-INT", &id]).status();
                let _ = strace.wait();
            }
        }
    }
}

/// Limits the size of files that the process may write. A process that has ended needs no limit.
fn limit(process: u32, bytes: &str) {
    let run = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")])
        .output()
        .expect("prlimit of util-linux");
    let gone = String::from_utf8_lossy(&run.stderr).contains("No such process");
    assert!(run.status.success() || gone, "{run:?}");
}

fn fill(filler: &Path) {
    for bytes in [64 * 1024, 4096, 512, 1] {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(filler)
            .unwrap();
        while std::io::Write::write_all(&mut file, &vec![0; bytes]).is_ok() {}
    }
}

fn fail_syncs(process: u32) -> Child {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let strace = Command::new("strace")
        .args(["-f", "-p", &process.to_string(), "-o"])
        .arg(trace.path())
        .args([
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            "inject=fsync,fdatasync:error=EIO",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{process}/status");
    let traced = || {
        let status = fs::read_to_string(&status).unwrap();
        (!status.contains("TracerPid:\t0\n")).then_some(())
    };
    eventually("strace at the process", traced);
    strace
}

/// Load during a fault: each request must be answered with 200, in time.
struct RequestLoad {
    stop: Arc<AtomicBool>,
    answers: Vec<Arc<AtomicU64>>,
    threads: Vec<thread::JoinHandle<Duration>>,
}

impl RequestLoad {
    fn begin(managed: &ManagedGateway, sluice: &SluiceProcess) -> Self {
        let api = |path: &str| Request::get(&format!("/api/v1{path}")).host("localhost");
        let asked = [
            (sluice.listener(), managed.ask()),
            (sluice.admin(), api("/platform/feature-flags")),
            (sluice.admin(), api("/platform/audit")),
        ];
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Self {
            stop: Arc::clone(&stop),
            answers: Vec::new(),
            threads: Vec::new(),
        };
        for (address, request) in asked {
            let (stop, count) = (Arc::clone(&stop), Arc::new(AtomicU64::new(0)));
            load.answers.push(Arc::clone(&count));
            load.threads.push(thread::spawn(move || {
                let mut client = Client::connect(address);
                let mut slowest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let answer = client.ask(&request);
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    slowest = slowest.max(begun.elapsed());
                    count.fetch_add(1, Ordering::Relaxed);
                    // Within the rate limit of one client of the API.
                    thread::sleep(Duration::from_millis(20));
                }
                slowest
            }));
        }
        load
    }

    /// Waits until more requests of each kind were answered.
    fn goes_on(&self) {
        for answers in &self.answers {
            let before = answers.load(Ordering::Relaxed);
            eventually("further answers", || {
                (answers.load(Ordering::Relaxed) > before + 2).then_some(())
            });
        }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let slowest = thread.join().unwrap();
            assert!(slowest < PATIENCE, "{slowest:?}");
        }
    }
}

/// Returns the stored state from the API: the flag, the newest entry of the log, and the result of its verification.
fn kept(admin: &mut Client) -> [Value; 3] {
    let flag = get(admin, "/platform/feature-flags/spare").json();
    let newest = get(admin, "/platform/audit?limit=1").json();
    let verified = get(admin, "/platform/audit/verify");
    assert_eq!(verified.status, 200, "{}", verified.text());
    [
        json!([flag["enabled"], flag["changed"]]),
        newest["entries"][0].clone(),
        verified.json(),
    ]
}

fn change(admin: &mut Client, kill: bool) -> testkit::Response {
    let what = if kill { "kill" } else { "restore" };
    let body = json!({ "reason": "x".repeat(900) });
    post(admin, &format!("/platform/feature-flags/spare/{what}"), &body)
}

/// Returns the directory of the store: on the small file system, if there is one.
fn begin() -> ManagedGateway {
    let managed = ManagedGateway::new();
    let config = managed.path().join("sluice.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let small = std::env::var_os(SMALL);
    let store = small
        .as_deref()
        .map_or(OsStr::new("data").into(), |small| Path::new(small).join("data"));
    let text = text
        .replace("output: off", "output: { file: access.log }")
        .replace("sqlite: data", &format!("sqlite: {}", Path::display(&store)));
    fs::write(config, text).unwrap();
    managed
}

#[test]
fn full_disk_rejects_only_changes() {
    let managed = begin();
    let mut sluice = SluiceProcess::start(managed.path(), ["run"]);
    sluice.line("admin listening");
    managed.furnish(&sluice);
    let mut killed = false;
    for fault in DiskFault::all() {
        let mut admin = Client::connect(sluice.admin());
        let load = RequestLoad::begin(&managed, &sluice);
        load.goes_on();
        let before = kept(&mut admin);
        let illness = fault.begin(&sluice);
        for _ in 0..REFUSED {
            let refused = change(&mut admin, !killed);
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (503, "STORE_UNAVAILABLE"),
                "{}",
                refused.text()
            );
            let text = refused.json();
            assert!(text["help"].as_str().unwrap().contains("disk"), "{text}");
            println!("detail: {}", text["detail"]);
            assert_eq!(kept(&mut admin), before, "nothing of it is kept or in force");
            load.goes_on();
        }
        drop(illness);
        let done = change(&mut admin, !killed);
        assert_eq!(done.status, 200, "without a restart: {}", done.text());
        killed = !killed;
        let after = kept(&mut admin);
        assert_eq!(after[0][0], !killed);

        let illness = fault.begin(&sluice);
        assert_eq!(change(&mut admin, !killed).status, 503);
        load.goes_on();
        load.end();
        sluice.signal("KILL");
        sluice.ended();
        if matches!(fault, DiskFault::Room(_)) {
            let sluice = SluiceProcess::start(managed.path(), ["run"]);
            let answer = Client::connect(sluice.listener()).ask(&managed.ask());
            assert_eq!(answer.status, 200, "started on a full disk");
        }
        drop(illness);
        sluice = SluiceProcess::start(managed.path(), ["run"]);
        let found = kept(&mut Client::connect(sluice.admin()));
        assert_eq!(found, after, "after the end of the process as before it");
    }
}
