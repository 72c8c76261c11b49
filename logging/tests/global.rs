//! A process log as the log of its process: events of the `log` crate, and panics.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use logging::{Levels, ProcessLog, ProcessLogOptions};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn panics_and_dependency_events_are_written_to_the_log() {
    let sink = Sink::default();
    let log = ProcessLog::start(Box::new(sink.clone()), ProcessLogOptions::default()).unwrap();
    let (levels, _) = Levels::parse("trace,h2=trace");
    tracing_subscriber::registry().with(log.layer(levels)).init();
    log.log_panics();
    // In the way that pingora and h2 log.
    log::error!(target: "pingora_proxy", "Fail to proxy: GET /?token=1");
    log::error!(target: "pingora_core::services::listening", "Accept() failed");
    log::debug!(target: "proxy::edge", "one of our own");
    tracing::warn!(target: "h2::proto::ping_pong", "recv PING ack that we never sent");
    tracing::error!(target: "h2::proto", "an error of its own");
    let defect = thread::Builder::new()
        .name("proxy".into())
        .spawn(|| panic!("a defect\nwith Bearer s3cret"));
    assert!(defect.unwrap().join().is_err());
    assert!(log.flush(Duration::from_secs(30)));
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    // If RUST_BACKTRACE requests it, a backtrace without times follows.
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once("Z ")?.1))
        .collect();
    assert_eq!(
        lines[..3],
        [
            "ERROR Accept() failed",
            "DEBUG one of our own",
            "ERROR an error of its own"
        ]
    );
    assert!(
        lines[3].starts_with("ERROR thread `proxy` panicked at logging/tests/global.rs:")
            && lines[3].ends_with(": a defect\\nwith Bearer ******"),
        "{text}"
    );
}
