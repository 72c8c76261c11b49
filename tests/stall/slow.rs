//! Slow heads, slow bodies and slow readers, five thousand at a time.

use std::time::{Duration, Instant};

use crate::attacker::SlowClients;
use crate::sluice::Sluice;
use crate::victim::{Effect, assert_unharmed, p99};

/// Number of clients of each kind.
const HEADS: usize = 2_500;
const BODIES: usize = 1_500;
const READERS: usize = 1_000;
/// Allowed memory of a slow connection, in bytes, with its upstream connection. Most of it are parts of responses that
/// wait for their readers, five of 64 KiB.
const MOST_EACH: u64 = 384 * 1024;

/// Returns the duration of the attack, in seconds.
fn attack_duration() -> u64 {
    if std::env::var_os("SLUICE_SOAK").is_some() {
        120
    } else {
        30
    }
}

#[test]
fn five_thousand_slow_clients_do_not_affect_others() {
    assert_unharmed(slow_clients);
}

fn slow_clients() -> [Effect; 2] {
    let attack_duration = attack_duration();
    let limits = format!(
        "{{ head_timeout: {attack_duration}s, body_timeout: {attack_duration}s, write_timeout: {attack_duration}s, \
         idle_timeout: {attack_duration}s, connections_per_client: 10000 }}"
    );
    // They use one address, so its limits must allow all of them.
    let rest =
        "limits: { max_in_flight_per_client: 5000, max_buffered: 8GiB, max_buffered_per_client: 8GiB }";
    let sluice = Sluice::start_with(&limits, rest, None);
    let quiet = p99(sluice.address);
    let (memory, descriptors) = (sluice.memory(), sluice.descriptors());
    let started = Instant::now();
    let slow = [
        SlowClients::start(
            sluice.address,
            HEADS,
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
            b"a",
        ),
        SlowClients::start(
            sluice.address,
            BODIES,
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n",
            b"a",
        ),
        SlowClients::start(
            sluice.address,
            READERS,
            b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
            b"",
        ),
    ];
    let all = (HEADS + BODIES + READERS) as f64;
    while sluice.connections() < all && started.elapsed() < Duration::from_secs(attack_duration / 2) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let connections = sluice.connections();
    assert!(
        connections >= all,
        "{connections} connections after {:?}",
        started.elapsed()
    );
    let attacked = p99(sluice.address);
    let held = started.elapsed();
    assert!(
        held < Duration::from_secs(attack_duration),
        "the attack was over too early: {held:?}"
    );
    let each = sluice.memory().saturating_sub(memory) / (HEADS + BODIES + READERS) as u64;
    eprintln!("{connections} connections, {each} bytes each, after {held:?}");
    assert!(each <= MOST_EACH, "{each} bytes for each connection");
    // The slow clients continue; the proxy must end them.
    let deadline = Instant::now() + Duration::from_secs(2 * attack_duration + 30);
    while sluice.connections() > 0.0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(sluice.connections(), 0.0);
    drop(slow);
    let left = sluice.descriptors();
    assert!(
        left <= descriptors + 64,
        "{left} descriptors, {descriptors} before"
    );
    let afterwards = p99(sluice.address);
    [
        ("slow clients", quiet, attacked),
        ("after slow clients", quiet, afterwards),
    ]
}
