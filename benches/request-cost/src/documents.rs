//! The documents of a measured Sluice, written into a folder of their own.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use testkit::{CertificatePair, Issuer};

use crate::row::{Protocol, Routing};

/// The key of the flag that the gate of the route names.
pub(crate) const GATED_FLAG: &str = "f0";
/// Writes the documents for one listener on a free port, and returns the path of the gateway document. Everything that
/// a row does not need has its default, except the access log: bare pingora has none.
pub(crate) fn write(
    folder: &Path,
    (routing, protocol): (Routing, Protocol),
    origin: SocketAddr,
    issuer: &Issuer,
    certificate: &CertificatePair,
) -> Result<PathBuf> {
    let gateway = folder.join("sluice.yaml");
    let files = [
        (
            gateway.clone(),
            gateway_document(routing, protocol, origin, issuer.name()),
        ),
        (folder.join("flags.yaml"), flags_document(routing)),
        (folder.join("tls.pem"), certificate.cert.clone()),
        (folder.join("tls.key"), certificate.key.clone()),
    ];
    for (path, text) in files {
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    fs::write(folder.join("issuer.pem"), issuer.key_file()).context("issuer.pem")?;
    Ok(gateway)
}

fn gateway_document(routing: Routing, protocol: Protocol, origin: SocketAddr, issuer: &str) -> String {
    let listener = match protocol {
        Protocol::Http1 => "",
        Protocol::Http2 => ", h2c: true",
        Protocol::Tls => ", tls: { certificates: [{ cert: tls.pem, key: tls.key }] }",
    };
    let routes = match routing {
        Routing::Ungated => "[]",
        Routing::Gate { .. } | Routing::Stored { .. } | Routing::Logged | Routing::Closed => {
            "[{ name: r, match: /, gate: f0, upstream: origin }]"
        }
        Routing::Fallback => {
            "[{ name: r, match: /, gate: f0, upstream: origin, otherwise: { upstream: other } }]"
        }
    };
    let flags = match routing {
        Routing::Stored { .. } => "store: { sqlite: data, seed: flags.yaml }",
        _ => "file: flags.yaml",
    };
    let output = match routing {
        Routing::Logged => "stdout",
        _ => "off",
    };
    format!(
        "version: 1
threads: 1
access_log: {{ output: {output} }}
listeners: [{{ name: public, address: \"127.0.0.1:0\"{listener} }}]
admin: {{ address: \"127.0.0.1:0\" }}
flags: {{ {flags} }}
issuers:
  - issuer: {issuer}
    audiences: [api]
    algorithms: [RS256]
    keys: {{ pem_file: issuer.pem }}
    claims: {{ tenant: tenant, user: sub }}
upstreams: {{ origin: \"{origin}\", other: \"{origin}\" }}
headers: {{ flags: {{ name: X-Feature-Flags, include: all, budget: 4KiB }} }}
routes: {routes}
unmatched: {{ upstream: origin }}
"
    )
}

fn flags_document(routing: Routing) -> String {
    let (flags, default) = match routing {
        Routing::Ungated => (1, "on"),
        Routing::Gate { flags } => (flags, "on"),
        Routing::Logged | Routing::Stored { .. } => (20, "on"),
        Routing::Closed | Routing::Fallback => (1, "off"),
    };
    let mut text = "version: 1\nflags:\n".to_owned();
    for flag in 0..flags {
        let _ = writeln!(text, "  f{flag}: {{ lifecycle: ga, default: {default} }}");
    }
    text
}
