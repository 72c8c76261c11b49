//! The origin of every contestant: nginx with one worker, or a small server of this program where nginx is missing.
//! It serves a small answer, one of 64 KiB, and one that repeats the headers that a gate sets.

mod answers;
mod built_in;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

pub(crate) use self::answers::{ECHO, LARGE, SMALL};
use self::answers::{LARGE_SIZE, SMALL_BODY};
use self::built_in::BuiltIn;
use crate::contestant::nginx::TEMPORARY_FOLDERS;
use crate::placement::Cores;
use crate::process::{Process, free_address};
use crate::programs::Program;

/// The running origin with its two addresses.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The upstream of allowed requests.
    pub(crate) board: SocketAddr,
    /// The upstream of requests that fall back.
    pub(crate) legacy: SocketAddr,
    server: Server,
}

#[derive(Debug)]
enum Server {
    Nginx { _process: Process },
    BuiltIn { _threads: [BuiltIn; 2] },
}

impl Origin {
    /// Starts the origin: nginx, with its files in `folder`, if it is installed.
    pub(crate) fn start(nginx: Option<&Program>, folder: &Path) -> anyhow::Result<Self> {
        let Some(nginx) = nginx else {
            let threads = [BuiltIn::start("board")?, BuiltIn::start("legacy")?];
            let [board, legacy] = &threads;
            let (board, legacy) = (board.address, legacy.address);
            return Ok(Self {
                board,
                legacy,
                server: Server::BuiltIn { _threads: threads },
            });
        };
        let folder = folder.join("origin");
        fs::create_dir_all(folder.join("files/board"))?;
        fs::write(
            folder.join("files").join(LARGE.trim_start_matches('/')),
            vec![b'x'; LARGE_SIZE],
        )?;
        let (board, legacy) = (free_address()?, free_address()?);
        fs::write(folder.join("nginx.conf"), nginx_config(board, legacy))?;
        let mut command = Command::new(&nginx.path);
        command
            .arg("-p")
            .arg(&folder)
            .args(["-c", "nginx.conf", "-e", "stderr"]);
        let mut process = Process::start(command, Cores::Others, folder.join("log"))?;
        process.wait_until_listening(&[board, legacy])?;
        Ok(Self {
            board,
            legacy,
            server: Server::Nginx { _process: process },
        })
    }

    /// Returns its name for the report.
    pub(crate) fn name(&self) -> &'static str {
        match self.server {
            Server::Nginx { .. } => "nginx with one worker",
            Server::BuiltIn { .. } => "the built-in server of the benchmark, because nginx is not installed",
        }
    }
}

fn nginx_config(board: SocketAddr, legacy: SocketAddr) -> String {
    let server = |name: &str, address: SocketAddr| {
        format!(
            "server {{
    listen {address} backlog=4096;
    location = {SMALL} {{ return 200 '{SMALL_BODY}'; }}
    location = {ECHO} {{ return 200 '{name} tenant=$http_x_tenant_id flags=$http_x_feature_flags'; }}
    location / {{ root files; }}
  }}"
        )
    };
    format!(
        "daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log off; default_type application/json; sendfile on; tcp_nodelay on;
  keepalive_timeout 1h; keepalive_requests 1000000000; open_file_cache max=16 inactive=1h;
  {TEMPORARY_FOLDERS}
  {}
  {}
}}
",
        server("board", board),
        server("legacy", legacy),
    )
}
