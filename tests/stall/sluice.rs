//! The built binary with an upstream behind it, and its use of memory and descriptors.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use tempfile::TempDir;
use testkit::{Client, Request, Upstream, eventually, reply, response};

/// Lock that allows one attack at a time, because attacks are measured.
static ALONE: Mutex<()> = Mutex::new(());

/// Size of the answer to `/large`, in bytes: more than any buffer on the way holds.
const LARGE: usize = 8 * 1024 * 1024;

const FLAGS: &str = "version: 1\ntiers: [all]\nunknown_tenant: { tier: all }\nflags:\n  board: { description: A board, kind: ops, default: on }\n  none: { description: Off, kind: ops }\n";

/// A proxy in its own process.
pub(crate) struct Sluice {
    child: Child,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    _upstream: Upstream,
    _folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// Starts an upstream that answers as soon as it has read a part of a request, and then continues to read. It ends with
/// the process.
fn early_upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut bytes = [0; 16 * 1024];
                let _ = stream.read(&mut bytes);
                let _ = stream.write_all(response(200, "OK", "early").as_bytes());
                while stream.read(&mut bytes).is_ok_and(|length| length > 0) {}
            });
        }
    });
    address
}

impl Sluice {
    /// Starts a proxy with these limits of its listener, as YAML.
    pub(crate) fn start(limits: &str) -> Self {
        Self::start_with(limits, "", None)
    }

    /// Starts a proxy with these limits of its listener, additional text of its document, and this limit of open files.
    pub(crate) fn start_with(limits: &str, rest: &str, descriptors: Option<u32>) -> Self {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let large = response(200, "OK", &"a".repeat(LARGE));
        let upstream = Upstream::answering(move |request, stream| match request.target() {
            "/large" => reply(stream, &large),
            _ => reply(stream, &response(200, "OK", "small")),
        });
        let operators =
            "admin: { address: \"127.0.0.1:0\" }\nflags: { store: { sqlite: data, seed: flags.yaml } }";
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
        let document = format!(
            "version: 1\nlisteners:\n  - {{ name: public, address: \"127.0.0.1:0\", h2c: true, limits: {limits} }}\n\
             {operators}\nthreads: 2\n\
             access_log: {{ output: off }}\nupstreams: {{ api: \"{}\", early: \"{}\" }}\n\
             routes:\n  - {{ name: early, match: /early, upstream: early }}\n  - {{ name: api, match: /**, upstream: api }}\n  - {{ name: none, match: /none, auth: none, gate: none, upstream: api }}\n{rest}\n",
            upstream.address(),
            early_upstream()
        );
        fs::write(folder.path().join("sluice.yaml"), document).unwrap();
        // The shell sets the hard limit of descriptors, because the process raises its soft limit to it.
        let limit = descriptors.map(|limit| format!("ulimit -n {limit} && "));
        let run = format!("{}exec \"$0\" run", limit.unwrap_or_default());
        let child = Command::new("sh")
            .args(["-c", &run, env!("CARGO_BIN_EXE_sluice")])
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = |what: &str| {
            eventually(what, || {
                let text = fs::read_to_string(&log).ok()?;
                let line = text.lines().find(|line| line.contains(what))?;
                line.split("address=")
                    .nth(1)?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
        };
        Self {
            address: address("listening listener="),
            admin: address("admin listening"),
            child,
            _upstream: upstream,
            _folder: folder,
            _alone: alone,
        }
    }

    /// Kills the flag through the admin API, and returns the status.
    pub(crate) fn kill_flag(&self) -> u16 {
        let path = "/api/v1/platform/feature-flags/board/kill";
        let request = Request::post(path, "{\"reason\":\"attacked\"}")
            .host("127.0.0.1")
            .header("Content-Type", "application/json");
        Client::connect(self.admin).ask(&request).status
    }

    /// Returns a value of its metrics; 0 if the metric is missing.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let page = Client::connect(self.admin).ask(&Request::get_admin("/metrics"));
        let series = format!("{series} ");
        let value = page
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(&*series)?.parse().ok());
        value.unwrap_or_default()
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Returns the number of its open files and sockets.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count()
    }

    /// Returns the number of its connections, from its metrics.
    pub(crate) fn connections(&self) -> f64 {
        self.metric("sluice_connections{listener=\"public\"}")
    }
}

impl Drop for Sluice {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
