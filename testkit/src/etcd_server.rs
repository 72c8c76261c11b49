//! An etcd of one member as a process, in a directory of its own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::eventually;

/// A running etcd. Dropping it ends it.
pub struct EtcdServer {
    directory: TempDir,
    client: SocketAddr,
    peer: SocketAddr,
    process: Option<Child>,
}

/// Returns an address of loopback that is free at the moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[expect(clippy::print_stderr, reason = "the output of a test that is skipped")]
fn binary() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/etcd/usr/bin/etcd");
    let found = path.exists();
    if !found {
        eprintln!("etcd is not in target/etcd; skipped (scripts/install-etcd installs it)");
    }
    found.then_some(path)
}

impl EtcdServer {
    /// Starts an empty etcd; none if it is not installed.
    pub fn start() -> Option<Self> {
        binary()?;
        let mut server = Self {
            directory: tempfile::tempdir().unwrap(),
            client: free(),
            peer: free(),
            process: None,
        };
        server.run();
        Some(server)
    }

    /// Starts it again, over its data.
    pub fn run(&mut self) {
        let (client, peer) = (format!("http://{}", self.client), format!("http://{}", self.peer));
        let log = File::create(self.directory.path().join("log")).unwrap();
        let process = Command::new(binary().unwrap())
            .arg("--data-dir")
            .arg(self.directory.path().join("data"))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args([
                "--initial-cluster",
                &format!("default={peer}"),
                "--unsafe-no-fsync",
            ])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        eventually("an answer of etcd", || {
            std::net::TcpStream::connect(self.client).ok()
        });
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Removes its data; it does not run.
    pub fn wipe(&mut self) {
        assert!(self.process.is_none());
        std::fs::remove_dir_all(self.directory.path().join("data")).unwrap();
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(id)
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Runs etcdctl, and returns what it prints.
    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        let output = Command::new(binary().unwrap().with_file_name("etcdctl"))
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.client.to_string()])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the keys with a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let printed = self.etcdctl(&["get", "--prefix", "--keys-only", prefix]);
        printed
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Removes the history before the newest revision.
    pub fn compact(&self) {
        let status = self.etcdctl(&["get", "--write-out=fields", "/none"]);
        let revision = status
            .lines()
            .find_map(|line| line.strip_prefix("\"Revision\" : "))
            .unwrap();
        self.etcdctl(&["compact", "--physical", revision.trim()]);
    }

    /// Returns the URL of its client listener.
    pub fn url(&self) -> String {
        format!("http://{}", self.client)
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        self.kill();
    }
}
