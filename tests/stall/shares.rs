//! Clients that exceed their share: endless requests, unread answers, more of both than there are descriptors. The
//! other clients use another address, and must not be affected: their 99th percentile is compared with a run in which
//! the same attackers send the same number of bytes per second in requests that are answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::frames::{END_HEADERS, END_STREAM, Frame, Frames, block, frame, kind};
use testkit::{Client, eventually};

use crate::sluice::Sluice;
use crate::victim::{assert_unharmed, p99};

const LIMITS: &str = "{ head_timeout: 10s, body_timeout: 60s, write_timeout: 60s, idle_timeout: 60s }";
const MIB: u64 = 1024 * 1024;
/// Requests on a connection: the limit of the proxy.
const STREAMS: u32 = 100;
/// Bytes that are sent of each endless request.
const SENT: usize = 6_300;
/// Allowed growth of the proxy's own memory, in bytes: connections, and memory that the allocator keeps.
const OWN_MEMORY: u64 = 48 * MIB;

/// Interval at which an attacker opens a connection again.
const PERIOD: Duration = Duration::from_secs(2);

/// Shortest duration of an attack in a long run (`SLUICE_SOAK`).
const SOAK: Duration = Duration::from_secs(600);
/// Shortest duration of an attack with few descriptors in a long run.
const SHORT_SOAK: Duration = Duration::from_secs(60);

/// Returns the shortest duration of an attack.
fn attack_duration(soak: Duration) -> Duration {
    match std::env::var_os("SLUICE_SOAK") {
        Some(_) => soak,
        None => Duration::from_secs(2),
    }
}

fn address_of(number: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 1, number).into()
}

/// Returns the head of a request for `path`; a POST continues with a body.
fn request(stream: u32, method: &str, path: &str) -> Vec<u8> {
    let head = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", path),
    ];
    let end = if method == "GET" { END_STREAM } else { 0 };
    frame(kind::HEADERS, END_HEADERS | end, stream, &block(&head))
}

/// Returns a request without an end.
fn open_post(stream: u32) -> Vec<u8> {
    let mut bytes = request(stream, "POST", "/");
    bytes.extend(frame(kind::DATA, 0, stream, &[b'a'; SENT]));
    bytes
}

/// Returns the same request with its end.
fn whole_post(stream: u32) -> Vec<u8> {
    let mut bytes = open_post(stream);
    bytes.extend(frame(kind::DATA, END_STREAM, stream, &[]));
    bytes
}

/// Returns a request that is answered before its body is read.
fn early_post(stream: u32, flags: u8) -> Vec<u8> {
    let mut bytes = request(stream, "POST", "/early");
    bytes.extend(frame(kind::DATA, flags, stream, &[b'a'; 100]));
    bytes
}

/// Opens connections of attackers, each with the streams whose requests `bytes` returns.
fn hold(
    address: SocketAddr,
    sources: impl IntoIterator<Item = IpAddr>,
    settings: &[u8],
    bytes: fn(u32) -> Vec<u8>,
) -> Vec<Frames> {
    let mut held = Vec::new();
    for source in sources {
        // The proxy may reject or end a connection.
        let Ok(mut frames) = Frames::try_connect_from(address, source) else {
            continue;
        };
        let _ = frames.try_send(kind::SETTINGS, 0, 0, settings);
        // The proxy accepts 64 KiB on a connection before it announces its windows.
        while frames
            .read()
            .is_some_and(|frame| frame.kind != kind::WINDOW_UPDATE)
        {}
        let all: Vec<u8> = (0..STREAMS).flat_map(|number| bytes(1 + 2 * number)).collect();
        let _ = frames.try_send_bytes(&all);
        held.push(frames);
    }
    held
}

/// Attackers, each with one connection at a time, until this is dropped. A connection that was ended, or whose streams
/// have ended, is opened again in the next period.
struct Attackers(Arc<AtomicBool>);

impl Attackers {
    fn start(
        sluice: &Sluice,
        sources: Vec<IpAddr>,
        settings: &'static [u8],
        bytes: fn(u32) -> Vec<u8>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for source in sources {
            let (stop, address) = (Arc::clone(&stop), sluice.address);
            // The thread ends with the proxy at the latest.
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    for mut frames in hold(address, [source], settings, bytes) {
                        let ends = |frame: Frame| {
                            frame.kind == kind::RST_STREAM || frame.kind < 2 && frame.flags & END_STREAM != 0
                        };
                        let ended = std::iter::from_fn(|| frames.read())
                            .filter_map(|frame| ends(frame).then_some(()));
                        let _ = ended.take(STREAMS as usize).count();
                    }
                    thread::sleep(PERIOD.saturating_sub(began.elapsed()));
                }
            });
        }
        Self(stop)
    }

    /// Starts 900 silent connections, eight from each address. Ended connections are opened again one after the other.
    fn with_a_handful_each(sluice: &Sluice) -> Self {
        let (stop, address) = (Arc::new(AtomicBool::new(false)), sluice.address);
        let connect = move |number: usize| {
            let source = Ipv4Addr::new(127, 0, 2, u8::try_from(number / 8).unwrap_or_default());
            Client::try_connect_from(address, source.into()).ok()
        };
        let mut held: Vec<_> = (0..900).map(connect).collect();
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            for number in (0..held.len()).cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                held[number] = connect(number);
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self(stop)
    }

    /// Starts valid clients: the same number of connections and of requests per period, complete and with answers read.
    fn in_earnest(sluice: &Sluice, sources: Vec<IpAddr>, bytes: fn(u32) -> Vec<u8>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for source in sources {
            let (stop, address) = (Arc::clone(&stop), sluice.address);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Ok(mut frames) = Frames::try_connect_from(address, source) else {
                        thread::sleep(PERIOD);
                        continue;
                    };
                    for number in 0..STREAMS {
                        if frames.try_send_bytes(&bytes(1 + 2 * number)).is_err()
                            || stop.load(Ordering::Relaxed)
                        {
                            break;
                        }
                        let ends = |frame: &Frame| frame.kind < 2 && frame.flags & END_STREAM != 0;
                        let _ = std::iter::from_fn(|| frames.read()).find(ends);
                        thread::sleep(PERIOD / STREAMS);
                    }
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns the 99th percentile of the other clients beside valid clients.
fn p99_beside_valid(sluice: &Sluice, sources: Vec<IpAddr>, bytes: fn(u32) -> Vec<u8>) -> Duration {
    let _others = Attackers::in_earnest(sluice, sources, bytes);
    p99(sluice.address)
}

/// Observes an attack: returns the best 99th percentile of the other clients, the most descriptors, and the most memory
/// in bytes.
fn observe(sluice: &Sluice, soak: Duration) -> (Duration, usize, u64) {
    let until = Instant::now() + attack_duration(soak);
    let mut seen = (Duration::MAX, 0, 0);
    while seen.1 == 0 || Instant::now() < until {
        let now = (p99(sluice.address), sluice.descriptors(), sluice.memory());
        seen = (seen.0.min(now.0), seen.1.max(now.1), seen.2.max(now.2));
    }
    seen
}

#[test]
fn endless_requests_use_only_the_client_share() {
    assert_unharmed(|| {
        let rest = "limits: { max_in_flight_per_client: 200 }";
        let sluice = Sluice::start_with(LIMITS, rest, None);
        let sources = || vec![address_of(1); 10];
        let valid = p99_beside_valid(&sluice, sources(), whole_post);
        let (memory, descriptors) = (sluice.memory(), sluice.descriptors());
        let held = Attackers::start(&sluice, sources(), &[], open_post);
        eventually("the share is used", || {
            (sluice.metric("sluice_resource_used{resource=\"in_flight\"}") >= 200.0).then_some(())
        });
        let (attacked, most, most_memory) = observe(&sluice, SOAK);
        let more = most.saturating_sub(descriptors);
        let grown = most_memory.saturating_sub(memory);
        let refused = sluice.metric("sluice_rejections_total{reason=\"CLIENT_LIMIT\"}");
        eprintln!("open requests: {more} descriptors and {grown} bytes more, {refused} refused");
        // The attackers' connections and the share; the other clients have a few.
        assert!(more <= 10 + 200 + 16, "{more} descriptors");
        assert!(refused >= 800.0, "{refused} requests were refused");
        assert!(grown <= OWN_MEMORY + 200 * 256 * 1024, "{grown} bytes more");
        drop(held);
        [("open requests", valid, attacked)]
    });
}

#[test]
fn unread_responses_use_only_the_client_share_of_memory() {
    assert_unharmed(|| {
        let rest = "limits: { max_buffered_per_client: 64MiB, max_in_flight_per_client: 10000 }";
        let sluice = Sluice::start_with(LIMITS, rest, None);
        let sources = || vec![address_of(1); 60];
        let small = |stream| request(stream, "GET", "/");
        let valid = p99_beside_valid(&sluice, sources(), small);
        let memory = sluice.memory();
        // No window for answers.
        let large = |stream| request(stream, "GET", "/large");
        let held = Attackers::start(&sluice, sources(), &[0, 4, 0, 0, 0, 0], large);
        let (attacked, _, most_memory) = observe(&sluice, SOAK);
        let grown = most_memory.saturating_sub(memory);
        let shed = sluice.metric("sluice_shed_total{resource=\"client_buffered\"}");
        let refused = sluice.metric("sluice_rejections_total{reason=\"CLIENT_LIMIT\"}");
        eprintln!("zero windows: {grown} bytes more, {shed} shed, {refused} refused");
        assert!(refused + shed > 100.0, "{refused} refused and {shed} shed");
        assert!(grown <= OWN_MEMORY + 64 * MIB, "{grown} bytes more");
        // Requests above the limit are ended, and their bytes are counted until their tasks have run.
        eventually("the share of memory to be kept", || {
            let counted = sluice.metric("sluice_resource_used{resource=\"buffered_bytes\"}");
            (counted <= (64 * MIB) as f64).then_some(())
        });
        drop(held);
        [("zero windows of one client", valid, attacked)]
    });
}

#[test]
fn unread_http_1_responses_use_only_the_client_share() {
    let rest = "limits: { max_buffered_per_client: 64MiB }";
    let sluice = Sluice::start_with(LIMITS, rest, None);
    p99(sluice.address);
    let memory = sluice.memory();
    let mut held: Vec<_> = (0..400)
        .filter_map(|_| Client::try_connect_from(sluice.address, address_of(1)).ok())
        .collect();
    for client in &mut held {
        let _ = client.try_send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let (_, _, most_memory) = observe(&sluice, SHORT_SOAK);
    let grown = most_memory.saturating_sub(memory);
    let shed = sluice.metric("sluice_shed_total{resource=\"client_buffered\"}");
    eprintln!("HTTP/1 readers: {grown} bytes more, {shed} shed");
    assert!(shed > 100.0, "{shed} shed");
    assert!(grown <= OWN_MEMORY + 64 * MIB, "{grown} bytes more");
}

#[test]
fn with_1024_descriptors_hundreds_of_clients_block_none() {
    assert_unharmed(|| {
        let sluice = Sluice::start_with(LIMITS, "", Some(1_024));
        let quiet = p99(sluice.address);
        let held = Attackers::with_a_handful_each(&sluice);
        let (attacked, descriptors, _) = observe(&sluice, SHORT_SOAK);
        let shed = sluice.metric("sluice_shed_total{resource=\"descriptors\"}");
        eprintln!("a handful each: {descriptors} open, {shed} shed");
        assert!(shed > 100.0, "{shed} shed");
        assert_eq!(sluice.kill_flag(), 200);
        drop(held);
        [("a handful each", quiet, attacked)]
    });
}

/// Checks that with 1,024 descriptors attackers from these addresses do not affect health, the admin API and the
/// others.
fn few_descriptors(sources: fn() -> Vec<IpAddr>) {
    assert_unharmed(|| {
        let sluice = Sluice::start_with(LIMITS, "", Some(1_024));
        let valid = p99_beside_valid(&sluice, sources(), whole_post);
        let held = Attackers::start(&sluice, sources(), &[], open_post);
        let (attacked, descriptors, _) = observe(&sluice, SHORT_SOAK);
        let shed = sluice.metric("sluice_shed_total{resource=\"in_flight\"}")
            + sluice.metric("sluice_shed_total{resource=\"descriptors\"}");
        let refused = sluice.metric("sluice_rejections_total{reason=\"CLIENT_LIMIT\"}");
        eprintln!("1,024 descriptors: {descriptors} open, {shed} shed, {refused} refused");
        assert!(descriptors <= 1_024 - 128, "{descriptors} descriptors are open");
        assert!(shed + refused > 100.0, "{shed} shed and {refused} refused");
        assert_eq!(sluice.kill_flag(), 200);
        drop(held);
        [("1,024 descriptors", valid, attacked)]
    });
}

/// Checks the same with 12 connections of one address, opened one after the other, so that the answers to the requests
/// of one have arrived before the next one sends. `valid` returns requests of valid clients.
fn few_descriptors_in_turn(settings: &'static [u8], attack: fn(u32) -> Vec<u8>, valid: fn(u32) -> Vec<u8>) {
    assert_unharmed(|| {
        let sluice = Sluice::start_with(LIMITS, "", Some(1_024));
        let valid = p99_beside_valid(&sluice, vec![address_of(1); 12], valid);
        let mut held = Vec::new();
        for _ in 0..12 {
            held.extend(hold(sluice.address, [address_of(1)], settings, attack));
            thread::sleep(Duration::from_millis(100));
        }
        let (attacked, descriptors, _) = observe(&sluice, SHORT_SOAK);
        let refused = sluice.metric("sluice_rejections_total{reason=\"CLIENT_LIMIT\"}");
        eprintln!("in turn: {descriptors} open, {refused} refused");
        assert!(descriptors <= 1_024 - 128, "{descriptors} descriptors are open");
        assert!(refused > 100.0, "{refused} refused");
        assert_eq!(sluice.kill_flag(), 200);
        drop(held);
        [("in turn", valid, attacked)]
    });
}

#[test]
fn with_1024_descriptors_one_client_blocks_none() {
    few_descriptors(|| vec![address_of(1); 20]);
}

#[test]
fn with_1024_descriptors_unread_small_responses_block_none() {
    let small = |stream| request(stream, "GET", "/");
    // The connection to an upstream is held until the answer is written.
    few_descriptors_in_turn(&[0, 4, 0, 0, 0, 0], small, small);
}

#[test]
fn with_1024_descriptors_early_responses_block_none() {
    let open = |stream| early_post(stream, 0);
    let whole = |stream| early_post(stream, END_STREAM);
    few_descriptors_in_turn(&[], open, whole);
}

#[test]
fn with_1024_descriptors_twenty_clients_block_none() {
    few_descriptors(|| (1..=20).map(address_of).collect());
}

#[test]
fn with_1024_descriptors_2000_idle_connections_block_none() {
    assert_unharmed(|| {
        let sluice = Sluice::start_with(LIMITS, "", Some(1_024));
        let quiet = p99(sluice.address);
        let held: Vec<_> = (1..=4)
            .cycle()
            .take(2_000)
            .map(|number| Frames::try_connect_from(sluice.address, address_of(number)))
            .collect();
        let (attacked, descriptors, _) = observe(&sluice, SHORT_SOAK);
        eprintln!("silent connections: {descriptors} open");
        assert!(descriptors <= 1_024 - 128, "{descriptors} descriptors are open");
        assert_eq!(sluice.kill_flag(), 200);
        drop(held);
        [("silent connections", quiet, attacked)]
    });
}

/// Returns the memory that each of 1,000 streams takes, and the memory that is counted for it, in bytes.
fn taken(what: &str, attack: impl FnOnce(&Sluice) -> Vec<Frames>) -> (f64, f64) {
    let rest =
        "limits: { max_in_flight_per_client: 5000, max_buffered: 8GiB, max_buffered_per_client: 8GiB }";
    let sluice = Sluice::start_with(LIMITS, rest, None);
    // Memory that is allocated once does not count.
    p99(sluice.address);
    let counted = || sluice.metric("sluice_resource_used{resource=\"buffered_bytes\"}");
    let (memory, before) = (sluice.memory(), counted());
    let held = attack(&sluice);
    thread::sleep(Duration::from_secs(3));
    let taken = (sluice.memory() - memory) as f64 / 1_000.0;
    let counted = (counted() - before) / 1_000.0;
    eprintln!("{what}: {taken:.0} bytes each, {counted:.0} counted");
    drop(held);
    (taken, counted)
}

#[test]
fn no_request_uses_more_memory_than_accounted() {
    let streams = |settings: &'static [u8], bytes: fn(u32) -> Vec<u8>| {
        move |sluice: &Sluice| hold(sluice.address, [address_of(1); 10], settings, bytes)
    };
    let no_window = &[0, 4, 0, 0, 0, 0];
    let idle = |sluice: &Sluice| {
        let connect = |_| Frames::try_connect_from(sluice.address, address_of(1)).unwrap();
        (0..1_000).map(connect).collect()
    };
    let small = streams(no_window, |stream| request(stream, "GET", "/"));
    let refused = streams(no_window, |stream| request(stream, "GET", "/none"));
    let large = streams(no_window, |stream| request(stream, "GET", "/large"));
    for (what, (taken, counted)) in [
        ("connection", taken("an idle connection", idle)),
        (
            "request",
            taken("a request that never ends", streams(&[], open_post)),
        ),
        (
            "answer of ours",
            taken("an answer of ours that nobody reads", refused),
        ),
        ("small answer", taken("a small answer that nobody reads", small)),
        ("large answer", taken("a large answer that nobody reads", large)),
    ] {
        assert!(taken <= counted, "{what}: {taken} bytes each, {counted} counted");
    }
}
