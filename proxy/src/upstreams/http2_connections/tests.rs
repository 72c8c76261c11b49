//! Tests of connections to a scripted HTTP/2 upstream, whose clock is paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::{Http2Connections, Http2Slot, unsent};
use crate::upstreams::{Failure, RequestFate, UpstreamError};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: u8 = 8;

/// The times of the pings that an upstream received.
type Pings = Arc<Mutex<Vec<Instant>>>;

/// Sends `settings`, reads frames, and answers SETTINGS, cancelled requests and, if `answers`, PING.
async fn serve(mut io: DuplexStream, settings: &[u8], answers: bool, pings: Pings) -> std::io::Result<()> {
    let mut preface = [0; 24];
    io.read_exact(&mut preface).await?;
    let length = u8::try_from(settings.len()).unwrap();
    io.write_all(&[0, 0, length, SETTINGS, 0, 0, 0, 0, 0]).await?;
    io.write_all(settings).await?;
    loop {
        let mut head = [0; 9];
        io.read_exact(&mut head).await?;
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        io.read_exact(&mut payload).await?;
        let is_asked = head[4] & ACK == 0;
        if is_asked && head[3] == PING {
            pings.lock().push(Instant::now());
        }
        if is_asked && (head[3] == SETTINGS || head[3] == PING && answers) {
            let payload = if head[3] == PING { &*payload } else { &[] };
            let length = u8::try_from(payload.len()).unwrap();
            io.write_all(&[0, 0, length, head[3], ACK, 0, 0, 0, 0]).await?;
            io.write_all(payload).await?;
        }
        if head[3] == RST_STREAM && payload == [0, 0, 0, CANCEL] {
            // An answer crosses it: a head with the status 200, and small parts of a stream of events.
            let id = &head[5..];
            io.write_all(&[&[0, 0, 1, HEADERS, END_HEADERS], id, &[0x88]].concat())
                .await?;
            let event = [&[0, 0, 1, DATA, 0], id, b"x"].concat();
            io.write_all(&event.repeat(50)).await?;
        }
    }
}

/// Opens a connection.
async fn open(answers: bool) -> (Http2Slot, Pings) {
    let (ours, theirs) = duplex(64 * 1024);
    let pings = Pings::default();
    tokio::spawn(serve(theirs, &[], answers, Arc::clone(&pings)));
    let slot = Http2Connections::default().open(Box::new(ours)).await.unwrap();
    (slot, pings)
}

#[tokio::test(start_paused = true)]
async fn pings_of_a_silent_stream_break_no_rule_of_grpc() {
    let (mut slot, pings) = open(true).await;
    let request = Request::get("http://a/").body(()).unwrap();
    let _silent = slot.send.send_request(request, true).unwrap();
    sleep(Duration::from_secs(3_600)).await;
    assert!(!slot.has_missed_ping());
    let at = pings.lock().clone();
    assert!((10..=12).contains(&at.len()), "{at:?}");
    let pauses = at.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(
        pauses.clone().all(|pause| pause >= Duration::from_secs(300)),
        "{at:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_gets_no_ping() {
    let (slot, pings) = open(true).await;
    let sender = slot.send.clone();
    drop(slot);
    sleep(Duration::from_secs(3_600)).await;
    assert!(pings.lock().is_empty());
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_is_noticed_within_20_seconds() {
    let (mut slot, _) = open(false).await;
    let request = Request::get("http://a/").body(()).unwrap();
    let (response, _) = slot.send.send_request(request, true).unwrap();
    let since = Instant::now();
    assert!(response.await.is_err());
    assert!(
        since.elapsed() <= Duration::from_secs(20),
        "{:?}",
        since.elapsed()
    );
    assert!(slot.has_missed_ping());
}

#[tokio::test(start_paused = true)]
async fn cancelled_requests_do_not_end_their_connection() {
    let (mut slot, _) = open(true).await;
    let pause = Duration::from_millis(10);
    // More than h2 forgives by default: 1,024 resets of streams that it has forgotten.
    for _ in 0..12 {
        let requests: Vec<_> = (0..100)
            .map(|_| Request::get("http://a/").body(()).unwrap())
            .map(|request| slot.send.send_request(request, true).unwrap())
            .collect();
        sleep(pause).await;
        drop(requests);
        sleep(pause).await;
    }
    let request = Request::get("http://a/").body(()).unwrap();
    assert!(slot.send.send_request(request, true).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_idle_at_each_sweep_is_kept_while_used() {
    let (connections, idle_timeout) = (Http2Connections::default(), Duration::from_secs(60));
    let (ours, theirs) = duplex(64 * 1024);
    tokio::spawn(serve(theirs, &[], true, Pings::default()));
    drop(connections.open(Box::new(ours)).await.unwrap());
    let start = std::time::Instant::now();
    let sweep = |second| connections.sweep(start + Duration::from_secs(second), idle_timeout);
    for second in 0..200 {
        assert!(connections.take().is_some(), "in second {second}");
        sweep(second);
    }
    (200..259).for_each(sweep);
    assert!(connections.take().is_some());
    (259..320).for_each(sweep);
    assert!(connections.take().is_none());
}

/// Opens connections for 60 requests at once, each after `delay`. Returns the results and the number of connections.
async fn burst(
    settings: &'static [u8],
    delay: Duration,
    fails: bool,
) -> (Vec<Result<Http2Slot, UpstreamError>>, usize) {
    let connections = Arc::new(Http2Connections::default());
    let opened = Arc::new(AtomicUsize::new(0));
    let mut requests = Vec::new();
    for _ in 0..60 {
        let (connections, opened) = (Arc::clone(&connections), Arc::clone(&opened));
        requests.push(tokio::spawn(async move {
            let connect = async |_| {
                opened.fetch_add(1, Ordering::SeqCst);
                sleep(delay).await;
                let (ours, theirs) = duplex(64 * 1024);
                match fails {
                    true => drop(theirs),
                    false => drop(tokio::spawn(serve(theirs, settings, true, Pings::default()))),
                }
                connections.open(Box::new(ours)).await
            };
            connections.take_or_open(Duration::from_secs(3), connect).await
        }));
    }
    let mut results = Vec::new();
    for request in requests {
        results.push(request.await.unwrap());
    }
    (results, opened.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn a_burst_opens_as_many_connections_as_it_needs() {
    // SETTINGS_MAX_CONCURRENT_STREAMS is 10.
    const TEN: &[u8] = &[0, 3, 0, 0, 0, 10];
    for (settings, expected) in [(&[] as &[u8], 1), (TEN, 6)] {
        let (results, opened) = burst(settings, Duration::from_millis(10), false).await;
        assert_eq!(opened, expected);
        let slots: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        let new = slots.iter().filter(|slot| !slot.is_kept());
        assert_eq!(new.count(), opened);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_share_a_failed_opening() {
    let since = Instant::now();
    let (results, opened) = burst(&[], Duration::from_secs(2), true).await;
    assert_eq!((since.elapsed().as_secs(), opened), (2, 1));
    let mut blamed = 0;
    for result in results {
        let error = result.unwrap_err();
        blamed += usize::from(error.blames_endpoint);
        assert_eq!(
            (error.failure, error.fate),
            (Failure::Broken, RequestFate::Unsent)
        );
    }
    assert_eq!(blamed, 1, "one failure is one failure of the endpoint");
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_given_up_is_begun_by_the_next() {
    let connections = Http2Connections::default();
    let limit = Duration::from_secs(3);
    let (ours, theirs) = duplex(64 * 1024);
    tokio::spawn(serve(theirs, &[], true, Pings::default()));
    let gone = tokio::time::timeout(
        Duration::from_secs(1),
        connections.take_or_open(limit, |_| std::future::pending()),
    );
    let next = connections.take_or_open(limit, async |left| {
        assert_eq!(left, Duration::from_secs(2));
        connections.open(Box::new(ours)).await
    });
    let (gone, next) = tokio::join!(gone, next);
    assert!(gone.is_err() && next.is_ok());
    // An opening that had little time after the wait for another one.
    let cut = Http2Connections::default();
    let gone = tokio::time::timeout(
        Duration::from_secs(2),
        cut.take_or_open(limit, |_| std::future::pending()),
    );
    let late = async |left| {
        sleep(left).await;
        Err(unsent(Failure::ConnectTimeout, "late"))
    };
    let (_, next) = tokio::join!(gone, cut.take_or_open(limit, late));
    assert!(!next.unwrap_err().blames_endpoint);
    assert!(cut.take_or_open(limit, late).await.unwrap_err().blames_endpoint);
    // A request that waits for an opening that hangs.
    let full = Http2Connections::default();
    let hangs = full.take_or_open(limit, |_| std::future::pending());
    let waits = full.take_or_open(Duration::from_secs(1), |_| std::future::pending());
    let waits = tokio::select! {
        biased;
        _ = hangs => None,
        waits = waits => waits.err(),
    };
    assert_eq!(waits.map(|error| error.failure), Some(Failure::ConnectTimeout));
}
