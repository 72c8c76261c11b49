//! HAProxy with one thread.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::running::Running;
use crate::placement::Cores;
use crate::process::{Process, free_address};
use crate::site::Site;
use crate::tenants::table;
use crate::tokens::{AUDIENCE, ISSUER};

/// The set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Pass,
    Gate,
    Deny,
}

/// Starts HAProxy.
pub(super) fn start(site: &Site, folder: &Path, job: Job) -> anyhow::Result<Option<Running>> {
    let Some(program) = &site.programs.haproxy else {
        return Ok(None);
    };
    let address = free_address()?;
    let rules = match job {
        Job::Pass => String::new(),
        Job::Gate => write_gate(site, folder)?,
        Job::Deny => "  http-request deny deny_status 404\n".to_owned(),
    };
    let config = format!(
        "global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 60s
  timeout http-keep-alive 1h
  http-reuse always
frontend front
  bind {address}
{rules}  default_backend board
backend board
  server board {board}
backend legacy
  server legacy {legacy}
",
        board = site.board,
        legacy = site.legacy,
    );
    fs::write(folder.join("haproxy.cfg"), config)?;
    let mut command = Command::new(&program.path);
    command.args(["-db", "-f"]).arg(folder.join("haproxy.cfg"));
    let mut process = Process::start(command, Cores::Measured, folder.join("log"))?;
    process.wait_until_listening(&[address])?;
    // It recognizes HTTP/2 by its preface.
    Ok(Some(Running {
        process,
        http1: address,
        http2: address,
    }))
}

/// Writes the key and the table of the gate, and returns the rules that use them.
fn write_gate(site: &Site, folder: &Path) -> anyhow::Result<String> {
    let (key, map) = (folder.join("public.pem"), folder.join("tenants.map"));
    fs::write(&key, site.key.public_pem()?)?;
    fs::write(&map, table(|id, result| format!("{id} {}\n", result.word())))?;
    Ok(format!(
        "  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request set-var(txn.expires) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.iss') -m str {ISSUER} }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.aud') -m str {AUDIENCE} }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.alg,\"{key}\") 1 }}
  http-request deny deny_status 401 if {{ var(txn.expires),sub(txn.now) -m int lt 0 }}
  http-request set-var(txn.tenant) var(txn.token),jwt_payload_query('$.tenant')
  http-request set-var(txn.result) var(txn.tenant),map({map},hide)
  http-request deny deny_status 403 if {{ var(txn.result) -m str forbid }}
  http-request deny deny_status 404 if {{ var(txn.result) -m str hide }}
  http-request set-header X-Tenant-Id %[var(txn.tenant)]
  http-request del-header X-Feature-Flags
  http-request set-header X-Feature-Flags board.v2 if {{ var(txn.result) -m str allow }}
  use_backend legacy if {{ var(txn.result) -m str fallback }}
",
        key = key.display(),
        map = map.display(),
    ))
}
