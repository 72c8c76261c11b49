//! Tests of connections to a scripted HTTP/2 upstream, whose clock is paused.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::{Http2Connections, Http2Slot};

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;

/// The times of the pings that an upstream received.
type Pings = Arc<Mutex<Vec<Instant>>>;

/// Reads frames, and answers SETTINGS and, if `answers`, PING.
async fn serve(mut io: DuplexStream, answers: bool, pings: Pings) -> std::io::Result<()> {
    let mut preface = [0; 24];
    io.read_exact(&mut preface).await?;
    io.write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]).await?;
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
    }
}

/// Opens a connection.
async fn open(answers: bool) -> (Http2Slot, Pings) {
    let (ours, theirs) = duplex(64 * 1024);
    let pings = Pings::default();
    tokio::spawn(serve(theirs, answers, Arc::clone(&pings)));
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
