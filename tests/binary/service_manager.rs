//! The messages to the service manager, and its sockets.

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testkit::{Client, Request, Upstream};

use crate::process::SluiceProcess;

fn folder(upstream: &Upstream) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1
listeners: [{{ name: public, address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
access_log: {{ output: off }}
drain: {{ delay: 0s }}
flags: {{ file: flags.yaml }}
upstreams: {{ api: '{}' }}
routes:
  - {{ name: all, match: /**, upstream: api }}
",
        upstream.address()
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
    folder
}

/// A socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(testkit::PATIENCE)).unwrap();
        let path = path.to_str().unwrap().to_owned();
        Self { socket, path }
    }

    /// Returns the next message that is not of the watchdog.
    fn next(&self) -> String {
        loop {
            let message = self.any();
            if message != "WATCHDOG=1" {
                return message;
            }
        }
    }

    fn any(&self) -> String {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}

#[test]
fn messages_to_the_service_manager_are_in_order() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let manager = Manager::new(folder.path());
    let variables = [("NOTIFY_SOCKET", &*manager.path), ("WATCHDOG_USEC", "200000")];
    let mut sluice = SluiceProcess::start_with(&variables, folder.path(), ["run"]);
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    sluice.signal("HUP");
    let reloading = manager.next();
    let (first, time) = reloading.split_once("\nMONOTONIC_USEC=").unwrap();
    assert_eq!(first, "RELOADING=1");
    assert!(time.split('\n').next().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    while manager.any() != "WATCHDOG=1" {}
    sluice.signal("TERM");
    assert_eq!(manager.next(), "STOPPING=1\nSTATUS=draining for at most 30 s");
    assert_eq!(sluice.ended().code(), Some(0));
}

#[test]
fn an_upgrade_names_the_main_process() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let manager = Manager::new(folder.path());
    // As systemd sets it for `RuntimeDirectory=`.
    let directory = folder.path().to_str().unwrap();
    let variables = [
        ("NOTIFY_SOCKET", &*manager.path),
        ("RUNTIME_DIRECTORY", directory),
    ];
    let mut old = SluiceProcess::start_with(&variables, folder.path(), ["run"]);
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    old.line("upgrades are possible");
    let new = SluiceProcess::start_with(&variables, folder.path(), ["run", "--upgrade"]);
    assert_eq!(manager.next(), format!("MAINPID={}", new.id()));
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    assert_eq!(old.ended().code(), Some(0));
    // The former process sends nothing afterwards.
    manager
        .socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(manager.socket.recv(&mut [0; 64]).is_err());
}

/// Starts the process as a service manager does, with sockets from descriptor 3 on.
fn start_with_sockets(folder: &Path, sockets: &[&TcpListener], names: &str) -> SluiceProcess {
    let (mut script, mut moves) = (String::new(), String::new());
    for (index, socket) in sockets.iter().enumerate() {
        // Copied beyond the descriptors that they are for, in case they overlap.
        script.push_str(&format!("exec {}<&{}; ", index + 200, socket.as_raw_fd()));
        moves.push_str(&format!("exec {}<&{}; ", index + 3, index + 200));
    }
    script.push_str(&moves);
    script.push_str(&format!(
        "LISTEN_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={names} exec {} run",
        sockets.len(),
        env!("CARGO_BIN_EXE_sluice")
    ));
    for socket in sockets {
        // The shell must inherit it.
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).unwrap();
    }
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .env("RUNTIME_DIRECTORY", folder)
        .current_dir(folder)
        .stdin(Stdio::null());
    SluiceProcess::start_command(command)
}

#[test]
fn sockets_of_the_service_manager_are_used() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream);
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (admin, public) = (bind(), bind());
    // By name, in any order.
    let mut sluice = start_with_sockets(folder.path(), &[&admin, &public], "admin:public");
    assert_eq!(sluice.listener(), public.local_addr().unwrap());
    assert_eq!(sluice.admin(), admin.local_addr().unwrap());
    assert_eq!(
        Client::connect(sluice.listener()).ask(&Request::get("/")).status,
        200
    );
    // The next process has the sockets from this one, and no variable that says otherwise.
    sluice.line("upgrades are possible");
    sluice.signal("USR2");
    let line = sluice.line("the other process serves");
    let next = line
        .split("process=")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    assert_eq!(sluice.ended().code(), Some(0));
    let environment = fs::read(format!("/proc/{next}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(environment.contains("RUNTIME_DIRECTORY="));
    assert!(!environment.contains("LISTEN_"), "{environment}");
    let address = public.local_addr().unwrap();
    assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
    let ended = Command::new("kill").args(["-INT", next]).status().unwrap();
    assert!(ended.success());
    // By address; the other listener is bound.
    let address = public.local_addr().unwrap().to_string();
    let path = folder.path().join("sluice.yaml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        config.replacen(
            "public, address: 127.0.0.1:0",
            &format!("public, address: '{address}'"),
            1,
        ),
    )
    .unwrap();
    let sluice = start_with_sockets(folder.path(), &[&public], "sluice.socket");
    assert_eq!(sluice.listener(), public.local_addr().unwrap());
    assert_eq!(
        Client::connect(sluice.listener()).ask(&Request::get("/")).status,
        200
    );
    drop(sluice);
    // Neither.
    fs::write(&path, config).unwrap();
    let mut sluice = start_with_sockets(folder.path(), &[&admin], "other");
    sluice.line("the socket `other` of the service manager");
    assert_eq!(sluice.ended().code(), Some(1));
}
