//! The resident memory of Sluice for idle connections that have carried one request each.

mod clients;

use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;

use self::clients::{Clients, Transport};
use crate::contestant::sluice::{Setup, Sluice, Source, launch};
use crate::machine;
use crate::options::Options;
use crate::page::{table, write_section};
use crate::placement::Cores;
use crate::site::Site;
use crate::tenants::GateResult;
use crate::tokens::TokenSet;

/// The number of flags in the header to the upstream.
const FLAGS: u16 = 20;
/// The connections of a wave. Waves are opened and closed first, because the allocator returns memory of the start and
/// of the first requests to the system only while it is used.
const WAVE: u32 = 50;
/// The maximum number of waves.
const MAX_WAVES: usize = 15;
/// The memory is steady if it changes by less than this from wave to wave, in bytes.
const STEADY: u64 = 128 * 1024;
/// The time for the process to reach a steady state before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// The goal for plain HTTP/1.1, in bytes per connection.
const GOAL: f64 = 12.0 * 1024.0;
/// The connections, and the goal if there is one.
const TRANSPORTS: [(Transport, &str, Option<f64>); 4] = [
    (Transport::Http1, "HTTP/1.1", Some(GOAL)),
    (Transport::Http2, "HTTP/2 without TLS", None),
    (Transport::Http1Tls, "HTTP/1.1 over TLS", None),
    (Transport::Http2Tls, "HTTP/2 over TLS", None),
];

/// Measures and writes the section of the page.
pub(crate) fn measure(options: &Options, site: &Site) -> anyhow::Result<()> {
    let connections = options.connections();
    let mut rows = Vec::new();
    for (transport, name, goal) in TRANSPORTS {
        println!("{connections} idle connections: {name}");
        let (before, after) = resident(options, site, transport)?;
        let each = (after as f64 - before as f64) / f64::from(connections);
        rows.push(vec![
            name.to_owned(),
            format!("{:.1}", before as f64 / 1024.0 / 1024.0),
            format!("{:.1}", after as f64 / 1024.0 / 1024.0),
            format!("{:.1}", each / 1024.0),
            match goal {
                Some(goal) if each <= goal => format!("{:.0} KiB: reached", goal / 1024.0),
                Some(goal) => format!("{:.0} KiB: **not reached**", goal / 1024.0),
                None => "none".to_owned(),
            },
        ]);
    }
    let columns = [
        "connections",
        "memory before, MiB",
        "with them, MiB",
        "KiB per connection",
        "goal",
    ];
    let text = format!(
        "## Idle connections\n\n\
         Measured on {date} by `{command}`, on {machine}.\n\n\
         For each row a fresh Sluice with a gate, {FLAGS} flags and 1,000 tenants gets {connections} connections, each of which \
         sends one allowed request and stays open. The figures are the resident memory of the process before them, when it has become steady, and with \
         them; memory of the kernel for sockets is not included.\n\n{table}",
        date = machine::date(),
        command = Options::command(),
        machine = machine::description()?,
        table = table(&columns, &rows),
    );
    write_section(&options.page, "idle connections", &text)
}

/// Returns the resident memory before and with the connections.
fn resident(options: &Options, site: &Site, transport: Transport) -> anyhow::Result<(u64, u64)> {
    let program = site
        .programs
        .sluice
        .as_ref()
        .context("Sluice is not built: make release")?;
    let setup = Setup {
        flags: Some(FLAGS),
        source: Source::File,
        cores: Cores::All,
    };
    let sluice = launch(
        program,
        site,
        &site.folder.join(format!("idle-{transport:?}")),
        setup,
    )?;
    let set = site
        .key
        .tokens(&options.token_folder(), GateResult::Allowed, 1_000)?;
    let clients = Clients::new(transport, &sluice)?;

    let before = steady_memory(&sluice, &clients, &set)?;
    let open = clients.open(options.connections(), &set)?;
    sleep(SETTLE);
    let after = sluice.process.resident_bytes()?;
    drop(open);
    Ok((before, after))
}

/// Opens and closes waves of connections until the resident memory is steady, and returns it.
fn steady_memory(sluice: &Sluice, clients: &Clients, tokens: &TokenSet) -> anyhow::Result<u64> {
    let mut before = 0;
    for _ in 0..MAX_WAVES {
        drop(clients.open(WAVE, tokens)?);
        sleep(SETTLE);
        let now = sluice.process.resident_bytes()?;
        if now.abs_diff(before) < STEADY {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}
