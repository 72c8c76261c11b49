//! Misuse of HTTP/2: streams that are opened and reset, frames that cost nothing to send, headers that expand, and
//! readers without a window. Attackers are paced, because they share this machine with the clients that they must not
//! harm.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::frames::{END_HEADERS, END_STREAM, Frames, block, frame, kind};

use crate::sluice::Sluice;
use crate::victim::{Effect, assert_unharmed, p99};

const ASK: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "a"),
    (":path", "/"),
];
const LIMITS: &str = "{ head_timeout: 5s, body_timeout: 5s, write_timeout: 5s, idle_timeout: 5s }";
/// Number of attacking connections.
const ATTACKERS: usize = 2;
/// Allowed growth of the proxy's memory by an attack, in bytes.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// Allowed growth by a thousand unread responses: each about half a MiB, most of it in the HTTP layer.
const MOST_UNREAD: u64 = 1_000 * 640 * 1024;

/// Attacks repeatedly with the bytes of `burst`, each burst on an open connection until the proxy closes it, at most
/// every 25 ms, and checks the other clients.
fn attack(what: &'static str, burst: impl Fn(u32) -> Vec<u8> + Sync) {
    attack_for(what, Duration::from_secs(60), burst);
}

/// As `attack`, for this duration in a long run (`SLUICE_SOAK`).
fn attack_for(what: &'static str, soak: Duration, burst: impl Fn(u32) -> Vec<u8> + Sync) {
    assert_unharmed(|| [attack_once(what, soak, &burst)]);
}

fn attack_once(what: &'static str, soak: Duration, burst: &(impl Fn(u32) -> Vec<u8> + Sync)) -> Effect {
    let sluice = Sluice::start(LIMITS);
    let quiet = p99(sluice.address);
    let memory = sluice.memory();
    let (stop, bursts, ended) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let attacked = thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let mut frames = Frames::connect(sluice.address);
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) && frames.try_send_bytes(&burst(number)).is_ok() {
                        number += 1;
                        bursts.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(25));
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // The attackers end even if the check fails.
        let attacked = std::panic::catch_unwind(|| {
            thread::sleep(match std::env::var_os("SLUICE_SOAK") {
                Some(_) => soak,
                None => Duration::from_secs(1),
            });
            p99(sluice.address)
        });
        stop.store(true, Ordering::Relaxed);
        attacked.unwrap()
    });
    let grown = sluice.memory().saturating_sub(memory);
    let (bursts, ended) = (bursts.into_inner(), ended.into_inner());
    eprintln!("{what}: {bursts} bursts on {ended} connections, {grown} bytes more");
    assert!(grown <= MOST_MEMORY, "{what}: {grown} bytes more");
    released(&sluice);
    (what, quiet, attacked)
}

/// Waits until the proxy has released everything of an attack.
fn released(sluice: &Sluice) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while sluice.connections() > 0.0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(sluice.connections(), 0.0);
}

#[test]
fn stream_reset_flood_does_not_affect_others() {
    attack("rapid reset", |number| {
        let mut bytes = Vec::new();
        for index in 0..20 {
            let stream = 1 + 2 * (20 * number + index);
            bytes.extend(frame(
                kind::HEADERS,
                END_HEADERS | END_STREAM,
                stream,
                &block(&ASK),
            ));
            bytes.extend(frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        }
        bytes
    });
}

#[test]
fn endless_headers_do_not_affect_others() {
    attack("CONTINUATION flood", |number| {
        let filler = block(&[("x-filler", &"a".repeat(8_000))]);
        if number == 0 {
            return frame(kind::HEADERS, 0, 1, &block(&ASK));
        }
        frame(kind::CONTINUATION, 0, 1, &filler)
    });
}

#[test]
fn settings_flood_does_not_affect_others() {
    attack("SETTINGS flood", |_| {
        frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100)
    });
}

#[test]
fn ping_flood_does_not_affect_others() {
    attack("PING flood", |_| frame(kind::PING, 0, 0, &[7; 8]).repeat(100));
}

#[test]
fn unsolicited_ping_ack_flood_does_not_affect_others() {
    attack_for("PING ACK flood", Duration::from_secs(600), |_| {
        frame(kind::PING, END_STREAM, 0, &[0; 8]).repeat(100)
    });
}

#[test]
fn window_update_flood_does_not_affect_others() {
    attack("WINDOW_UPDATE flood", |_| {
        frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(100)
    });
}

#[test]
fn expanding_headers_do_not_affect_others() {
    attack("HPACK bomb", |number| {
        let mut bytes = block(&ASK);
        if number == 0 {
            // Adds an entry to the HPACK table; the proxy decides its size.
            bytes.extend([0x40, 1, b'x', 0x7f]);
            bytes.extend([0x80 | (3_900_u16 - 127).to_le_bytes()[0] & 0x7f, 29]);
            bytes.extend([b'a'; 3_900]);
        }
        // Refers to the newest entry of the table, many times.
        bytes.extend([0xbe; 8_000]);
        frame(kind::HEADERS, END_HEADERS | END_STREAM, 1 + 2 * number, &bytes)
    });
}

#[test]
fn clients_that_open_no_window_are_closed() {
    assert_unharmed(|| [zero_windows()]);
}

fn zero_windows() -> Effect {
    // They use one address, so its limits must allow all of them.
    let sluice = Sluice::start_with(
        LIMITS,
        "limits: { max_buffered: 2GiB, max_buffered_per_client: 2GiB }",
        None,
    );
    let quiet = p99(sluice.address);
    let memory = sluice.memory();
    let mut readers: Vec<Frames> = (0..50)
        .map(|_| {
            let mut frames = Frames::connect(sluice.address);
            frames.send(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
            for stream in 0..20 {
                let large = [ASK[0], ASK[1], ASK[2], (":path", "/large")];
                frames.headers(1 + 2 * stream, &large, true);
            }
            frames
        })
        .collect();
    let attacked = p99(sluice.address);
    let grown = sluice.memory().saturating_sub(memory);
    eprintln!("zero windows: {grown} bytes more for 1,000 streams");
    assert!(grown <= MOST_UNREAD, "{grown} bytes more");
    // The readers stay connected; the proxy must end their streams.
    for frames in &mut readers {
        for _ in 0..20 {
            let reset = std::iter::from_fn(|| frames.read()).find(|frame| frame.kind == kind::RST_STREAM);
            assert!(reset.is_some(), "a stream without a window is held for ever");
        }
    }
    drop(readers);
    released(&sluice);
    ("zero windows", quiet, attacked)
}
