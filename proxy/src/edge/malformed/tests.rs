use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::runtime::Handle;

use super::*;
use crate::access_log::{AccessLogFormat, AccessLogOutput, AccessLogger};
use crate::capacity::Capacity;
use crate::current::Current;
use crate::edge::socket::Socket;
use crate::fetch_timing::FetchTiming;
use crate::key_store::KeyStore;
use crate::machine::Machine;
use crate::metrics::Metrics;
use crate::prepared_snapshot::PreparedSnapshot;
use crate::shares::Shares;
use crate::upstreams::UpstreamStore;

/// The smallest gateway document.
const DOCUMENT: &str = "version: 1\nlisteners: [{ name: public, address: \"127.0.0.1:0\" }]\nadmin: off\n\
                        flags: { file: flags.yaml }\nupstreams: { api: { endpoints: [\"127.0.0.1:1\"] } }\n\
                        routes: [{ name: all, match: { path: \"/**\" }, upstream: api, auth: none }]\n";

#[derive(Clone, Default)]
struct LogText(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shared(log: &LogText) -> Shared {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flags.yaml"), "version: 1\n").unwrap();
    let document = folder.path().join("sluice.yaml");
    std::fs::write(&document, DOCUMENT).unwrap();
    let loaded = config::load(&document, &|_| None).unwrap();
    let metrics = Arc::new(Metrics::new());
    let keys = KeyStore::new(Handle::current(), FetchTiming::default(), &metrics);
    let upstreams = UpstreamStore::new(Handle::current(), &metrics);
    let prepared = PreparedSnapshot::prepare(&loaded, None, (&keys, &upstreams), &metrics).unwrap();
    let output = AccessLogOutput::Writer(Box::new(log.clone()));
    let access_log = AccessLogger::start(output, AccessLogFormat::Json, 10, &metrics).unwrap();
    let limits = &loaded.settings.limits;
    let shares = Shares::new(Capacity::new(Machine::of_process(), limits, 1));
    Shared::new(
        Current::new(Arc::new(prepared)),
        metrics,
        access_log,
        shares,
        None,
    )
}

/// Returns a time as the access log writes it.
fn written(time: SystemTime) -> String {
    time_of(&AccessEntry::new(time, "", RequestOutcome::BadRequest).json())
}

fn time_of(line: &[u8]) -> String {
    let line: serde_json::Value = serde_json::from_slice(line).unwrap();
    line["time"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_log_has_the_time_of_the_head_if_the_client_reads_late() {
    let log = LogText::default();
    let shared = Arc::new(shared(&log));
    // Room for a part of the response only.
    let (mut client, server): (DuplexStream, DuplexStream) = tokio::io::duplex(16);
    let server: Stream = Box::new(server);
    let answering = Arc::clone(&shared);
    let answered = tokio::spawn(async move {
        let socket = BufferedSocket::new(Socket::Plain(server));
        answer(&answering, socket, None, AnswerCode::HEAD_TIMEOUT, "late").await;
    });
    client.read_exact(&mut [0; 1]).await.unwrap();
    let first_byte_at = SystemTime::now();
    // The log has milliseconds, so the rest is read some of them later.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut rest = Vec::new();
    while !rest.ends_with(b"}\n") {
        assert!(client.read_buf(&mut rest).await.unwrap() > 0);
    }
    // The edge reads on until the client closes.
    drop(client);
    answered.await.unwrap();
    assert!(shared.access_log.flush(Duration::from_secs(30)));
    let logged = time_of(&log.0.lock());
    let latest = written(first_byte_at);
    assert!(logged <= latest, "logged {logged}, sent since {latest}");
}
