//! Sluice with one worker thread. The flags of its gate give every tenant the result of [`GateResult`].

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::running::Running;
use rustls::pki_types::CertificateDer;

use crate::driver::HOST;
use crate::placement::Cores;
use crate::process::Process;
use crate::programs::Program;
use crate::site::Site;
use crate::tenants::{GateResult, table};
use crate::tokens::{AUDIENCE, ISSUER};

/// The key of the flag that the gate of the route names.
const GATE_FLAG: &str = "board.v2";

/// The limits of the listener: more connections than any run opens, which may be idle.
const LIMITS: &str = "limits: { connections: 20000, connections_per_client: 20000, idle_timeout: 1h }";

/// The source of the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A document.
    File,
    /// A store that is filled from the document and changed by the admin API.
    Store,
}

/// The set-up of a Sluice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// The number of flags, and a gate; `None`: neither.
    pub(crate) flags: Option<u16>,
    pub(crate) source: Source,
    pub(crate) cores: Cores,
}

/// A running Sluice with its addresses.
#[derive(Debug)]
pub(crate) struct Sluice {
    pub(crate) process: Process,
    pub(crate) public: SocketAddr,
    pub(crate) public_tls: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// The certificate of the TLS listener.
    pub(crate) certificate: CertificateDer<'static>,
}

/// Starts it on the measured core, without a gate or with a gate and this number of flags.
pub(super) fn start(site: &Site, folder: &Path, flags: Option<u16>) -> anyhow::Result<Option<Running>> {
    let Some(program) = &site.programs.sluice else {
        return Ok(None);
    };
    let setup = Setup {
        flags,
        source: Source::File,
        cores: Cores::Measured,
    };
    let sluice = launch(program, site, folder, setup)?;
    Ok(Some(Running {
        process: sluice.process,
        http1: sluice.public,
        http2: sluice.public,
    }))
}

/// Starts a Sluice with its documents in `folder`.
pub(crate) fn launch(program: &Program, site: &Site, folder: &Path, setup: Setup) -> anyhow::Result<Sluice> {
    fs::create_dir_all(folder)?;
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
    fs::write(folder.join("cert.pem"), made.cert.pem())?;
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())?;
    fs::write(folder.join("public.pem"), site.key.public_pem()?)?;
    fs::write(folder.join("sluice.yaml"), gateway_document(site, setup)?)?;
    fs::write(
        folder.join("flags.yaml"),
        flags_document(setup.flags.unwrap_or_default())?,
    )?;
    let mut command = Command::new(&program.path);
    command
        .args(["run", "--config"])
        .arg(folder.join("sluice.yaml"))
        .env("NO_COLOR", "1");
    // The log is not in the folder of the documents, which is watched.
    let mut process = Process::start(command, setup.cores, folder.with_extension("log"))?;
    let (public, public_tls, admin) = process.wait_for(|log| {
        let address = |text: &str| {
            let line = log.lines().find(|line| line.contains(text))?;
            line.rsplit_once("address=")?.1.parse().ok()
        };
        // The admin listener is the last one.
        let admin = address("admin listening")?;
        Some((
            address("listener=\"public\"")?,
            address("listener=\"public-tls\"")?,
            admin,
        ))
    })?;
    Ok(Sluice {
        process,
        public,
        public_tls,
        admin,
        certificate: made.cert.der().clone(),
    })
}

/// Returns the document `sluice.yaml`.
fn gateway_document(site: &Site, setup: Setup) -> anyhow::Result<String> {
    let flags = match setup.source {
        Source::File => "{ file: flags.yaml }",
        Source::Store => "{ store: { sqlite: data, seed: flags.yaml } }",
    };
    let mut text = format!(
        "version: 1
threads: 1
access_log: {{ output: off }}
drain: {{ delay: 0s }}
admin: {{ address: \"127.0.0.1:0\" }}
listeners:
  - {{ name: public, address: \"127.0.0.1:0\", h2c: true, {LIMITS} }}
  - name: public-tls
    address: \"127.0.0.1:0\"
    {LIMITS}
    tls: {{ certificates: [{{ cert: cert.pem, key: key.pem }}] }}
flags: {flags}
upstreams: {{ board: \"{board}\", legacy: \"{legacy}\" }}
unmatched: {{ upstream: board }}
",
        board = site.board,
        legacy = site.legacy,
    );
    if setup.flags.is_some() {
        write!(
            text,
            "issuers:
  - issuer: {ISSUER}
    audiences: [{AUDIENCE}]
    algorithms: [RS256]
    keys: {{ pem_file: public.pem }}
    claims: {{ tenant: tenant }}
routes:
  - name: board
    match: /board/**
    gate: {GATE_FLAG}
    upstream: board
    otherwise:
      reject: 404
      causes: {{ default: {{ reject: 403, reveal: true }}, override: {{ upstream: legacy }} }}
"
        )?;
    }
    Ok(text)
}

/// Returns a flags document: the gate's flag, others up to this number, and the tenants.
fn flags_document(flags: u16) -> anyhow::Result<String> {
    let mut text = "version: 1\ntiers: [tier1, tier2, tier3]\nunknown_tenant: { tier: tier1 }\n".to_owned();
    if flags == 0 {
        return Ok(text + "flags: {}\n");
    }
    writeln!(
        text,
        "flags:\n  {GATE_FLAG}: {{ lifecycle: beta, tiers: {{ tier3: on }} }}"
    )?;
    for number in 1..flags {
        // One flag of each kind in turn: by default, by rule, by tier, by rollout.
        let serve = match number % 4 {
            0 => "default: on",
            1 => "rules: [{ when: { attribute: country, in: [DE, AT, CH] }, serve: on }]",
            2 => "tiers: { tier2: on, tier3: on }",
            _ => "rollout: { percentage: 50 }",
        };
        writeln!(text, "  {}: {{ lifecycle: ga, {serve} }}", other_flag(number))?;
    }
    text.push_str("tenants:\n");
    text.push_str(&table(|id, result| {
        let record = match result {
            GateResult::Allowed => "tier: tier3, channel: latest, beta: [board.v2]",
            GateResult::Hidden => "tier: tier3, channel: stable",
            GateResult::Forbidden => "tier: tier1, channel: latest, beta: [board.v2]",
            GateResult::Fallback => {
                "tier: tier3, channel: latest, beta: [board.v2], overrides: { board.v2: off }"
            }
        };
        format!("  {id}: {{ {record}, attributes: {{ country: DE, seats: 20 }} }}\n")
    }));
    Ok(text)
}

/// Returns the key of a flag that is not the gate's.
pub(crate) fn other_flag(number: u16) -> String {
    format!("area{}.f{number}", number % 10)
}
