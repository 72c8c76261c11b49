//! Changes of flags and tenants through the admin API, at a fixed rate, on a thread of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::contestant::sluice::other_flag;
use crate::driver::Http1;
use crate::statistics::quantile;
use crate::tenants::{GateResult, tenant_id};

/// The changes of flags per second.
pub(super) const FLAG_CHANGES: u32 = 20;
/// The changes of tenants per second.
pub(super) const TENANT_CHANGES: u32 = 5;

/// The changes that were sent.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) flags: u32,
    pub(super) tenants: u32,
    pub(super) rejected: u32,
    /// The answer to the first rejected change.
    pub(super) first_rejection: Option<String>,
    pub(super) elapsed: Duration,
    /// The times from request to answer in milliseconds.
    times_ms: Vec<f64>,
}

/// A thread that sends changes until it is stopped.
#[derive(Debug)]
pub(super) struct Changer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Applied>>,
}

impl Applied {
    /// Returns a quantile of the times from request to answer in milliseconds.
    pub(super) fn latency_ms(&self, part: f64) -> f64 {
        let mut sorted = self.times_ms.clone();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, part).unwrap_or_default()
    }
}

impl Changer {
    /// Starts to send changes to the admin listener of a Sluice with this number of flags.
    pub(super) fn start(admin: SocketAddr, flags: u16) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::spawn(move || send_changes(&runtime, admin, flags, &stopped));
        Ok(Self { stop, thread })
    }

    /// Stops and returns the changes.
    pub(super) fn stop(self) -> anyhow::Result<Applied> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .unwrap_or_else(|_| anyhow::bail!("the thread of the changes panicked"))
    }
}

fn send_changes(
    runtime: &Runtime,
    admin: SocketAddr,
    flags: u16,
    stop: &AtomicBool,
) -> anyhow::Result<Applied> {
    let mut connection = Http1::new(runtime.block_on(TcpStream::connect(admin))?);
    let interval = Duration::from_secs(1) / (FLAG_CHANGES + TENANT_CHANGES);
    let every = (FLAG_CHANGES + TENANT_CHANGES) / TENANT_CHANGES;
    let start = Instant::now();
    let mut applied = Applied::default();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        sleep((interval * number).saturating_sub(start.elapsed()));
        let is_tenant = number % every == every - 1;
        let request = request(admin, is_tenant, number, flags);
        let sent = Instant::now();
        let answer = runtime.block_on(connection.exchange_text(&request))?;
        applied.times_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        match (answer.status, is_tenant) {
            (200, true) => applied.tenants += 1,
            (200, false) => applied.flags += 1,
            (status, _) => {
                applied.rejected += 1;
                let body = String::from_utf8_lossy(connection.body()).replace(['\n', '`'], " ");
                applied
                    .first_rejection
                    .get_or_insert_with(|| format!("{status} {body}"));
            }
        }
        number += 1;
    }
    applied.elapsed = start.elapsed();
    Ok(applied)
}

/// Returns the request of a change. Consecutive changes of a flag or tenant differ, so that none is without effect.
fn request(admin: SocketAddr, is_tenant: bool, number: u32, flags: u16) -> String {
    let (method, path, body) = if is_tenant {
        let tenants = GateResult::Allowed.tenants();
        let tenant = tenant_id(number % tenants.end);
        let body = format!("{{\"attributes\":{{\"country\":\"DE\",\"seats\":{number}}}}}");
        ("PATCH", format!("orgs/{tenant}"), body)
    } else {
        // Flags with a rollout are those with these numbers: 3, 7, 11 and so on.
        let flag = other_flag(3 + 4 * (number as u16 % ((flags - 4) / 4)));
        let body = format!("{{\"rollout\":{{\"percentage\":{}}}}}", number % 99 + 1);
        ("PUT", format!("feature-flags/{flag}/rollout"), body)
    };
    format!(
        "{method} /api/v1/platform/{path}?force=true HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
