//! Background resolution of an upstream's names, through the system's resolver.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::sync::Weak;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;

use super::live::LiveUpstream;

/// Retry delay for a name that was never resolved.
const RETRY: Duration = Duration::from_secs(1);

/// Resolves the upstream's names at its interval, until the upstream is dropped. Drops `first` after the first round.
pub(super) async fn keep_resolved(live: Weak<LiveUpstream>, first: Option<Sender<()>>) {
    let mut first = first;
    loop {
        let Some(pause) = resolve_once(&live).await else {
            return;
        };
        drop(first.take());
        tokio::time::sleep(jittered(pause)).await;
    }
}

/// Resolves all names. Returns the pause until the next round; none once the upstream is dropped.
async fn resolve_once(live: &Weak<LiveUpstream>) -> Option<Duration> {
    let mut lookups = JoinSet::new();
    for (index, host) in live.upgrade()?.names() {
        let host = host.to_owned();
        lookups.spawn(async move { (index, addresses(&host).await) });
    }
    while let Some(found) = lookups.join_next().await {
        if let Ok((index, found)) = found {
            // Stored one by one: a slow name does not delay the others.
            live.upgrade()?.set_addresses(index, found);
        }
    }
    let live = live.upgrade()?;
    let interval = Duration::from_millis(live.definition().resolve_interval_ms);
    Some(if live.is_resolved() {
        interval
    } else {
        interval.min(RETRY)
    })
}

/// Returns the addresses of a host, sorted, so that an unchanged answer compares as equal.
async fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = lookup_host((host, 0)).await?.map(|found| found.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    }
    Ok(addresses)
}

/// Returns `pause` with up to a tenth more or less, so that nodes do not query at the same time.
pub(super) fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 201;
    let part = u32::try_from(random).unwrap_or(100) + 900;
    pause.saturating_mul(part) / 1000
}
