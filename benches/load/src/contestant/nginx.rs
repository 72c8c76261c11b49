//! nginx with one worker. Its gate is a program in njs, because the open version has no module that verifies tokens.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::running::Running;
use crate::placement::Cores;
use crate::process::{Process, free_address};
use crate::site::Site;
use crate::tenants::table;
use crate::tokens::{AUDIENCE, ISSUER};

/// The folders of buffered bodies, relative to the folder of the configuration.
pub(crate) const TEMPORARY_FOLDERS: &str = "client_body_temp_path body; proxy_temp_path proxy; \
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;";

/// The set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Pass,
    Gate,
}

/// The program of the gate. njs keeps no state between requests, so each one imports the key and verifies its token.
const GATE: &str = r"
const issuer = 'ISSUER', audience = 'AUDIENCE', key = 'KEY';

async function decide(r) {
    const parts = /^Bearer ([^.]+)\.([^.]+)\.([^.]+)$/.exec(r.headersIn.Authorization || '');
    if (!parts) { return r.return(401); }
    const header = JSON.parse(Buffer.from(parts[1], 'base64url'));
    const claims = JSON.parse(Buffer.from(parts[2], 'base64url'));
    if (header.alg !== 'RS256' || claims.iss !== issuer || claims.aud !== audience) { return r.return(401); }
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    const imported = await crypto.subtle.importKey('spki', Buffer.from(key, 'base64'), algorithm, false, ['verify']);
    const signature = Buffer.from(parts[3], 'base64url');
    const verified = await crypto.subtle.verify(algorithm, imported, signature, `${parts[1]}.${parts[2]}`);
    if (!verified || claims.exp < Date.now() / 1000) { return r.return(401); }
    r.variables.tenant = claims.tenant;
    switch (r.variables.result) {
        case 'allow': return r.internalRedirect('@board');
        case 'fallback': return r.internalRedirect('@legacy');
        case 'forbid': return r.return(403);
        default: return r.return(404);
    }
}

export default { decide };
";

/// Starts nginx.
pub(super) fn start(site: &Site, folder: &Path, job: Job) -> anyhow::Result<Option<Running>> {
    let programs = &site.programs;
    let (Some(program), module) = (&programs.nginx, &programs.nginx_js) else {
        return Ok(None);
    };
    let (load, server) = match (job, module) {
        (Job::Pass, _) => (String::new(), PASS.to_owned()),
        (Job::Gate, None) => return Ok(None),
        (Job::Gate, Some(module)) => (
            format!("load_module {};", module.display()),
            write_gate(site, folder)?,
        ),
    };
    let (http1, http2) = (free_address()?, free_address()?);
    fs::write(
        folder.join("nginx.conf"),
        config(site, &load, http1, http2, &server),
    )?;
    let mut command = Command::new(&program.path);
    command
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "stderr"]);
    let mut process = Process::start(command, Cores::Measured, folder.join("log"))?;
    process.wait_until_listening(&[http1, http2])?;
    Ok(Some(Running {
        process,
        http1,
        http2,
    }))
}

/// The locations of the passthrough.
const PASS: &str = "location / { proxy_pass http://board; }";

/// Writes the gate's program and table, and returns the locations that use them.
fn write_gate(site: &Site, folder: &Path) -> anyhow::Result<String> {
    let gate = GATE.replace("ISSUER", ISSUER).replace("AUDIENCE", AUDIENCE);
    fs::write(
        folder.join("gate.js"),
        gate.replace("KEY", &site.key.public_base64()?),
    )?;
    fs::write(
        folder.join("tenants.map"),
        table(|id, result| format!("{id} {};\n", result.word())),
    )?;
    Ok("location / { js_content gate.decide; }
    location @board {
      proxy_set_header Host $http_host; proxy_set_header Connection ''; proxy_set_header X-Tenant-Id $tenant;
      proxy_set_header X-Feature-Flags board.v2; proxy_pass http://board;
    }
    location @legacy {
      proxy_set_header Host $http_host; proxy_set_header Connection ''; proxy_set_header X-Tenant-Id $tenant;
      proxy_set_header X-Feature-Flags ''; proxy_pass http://legacy;
    }"
    .to_owned())
}

fn config(site: &Site, load: &str, http1: SocketAddr, http2: SocketAddr, server: &str) -> String {
    let gate = if load.is_empty() {
        ""
    } else {
        "js_import gate.js; js_var $tenant; map $tenant $result { include tenants.map; default hide; }"
    };
    format!(
        r"
{load}
daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_timeout 1h; keepalive_requests 1000000000;
  {TEMPORARY_FOLDERS}
  {gate}
  upstream board {{ server {board}; keepalive 128; keepalive_requests 1000000000; }}
  upstream legacy {{ server {legacy}; keepalive 128; keepalive_requests 1000000000; }}
  proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $http_host;
  server {{
    listen {http1};
    listen {http2} http2;
    {server}
  }}
}}
",
        board = site.board,
        legacy = site.legacy,
    )
}
