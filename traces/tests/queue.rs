//! The queue of a tracer: bounded in number, and never waited for.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use traces::{
    Destination, EventSignal, ExportResult, FinishedTrace, MAX_QUEUED_TRACES, Protocol, SpanId, SpanKind,
    SpanStatus, TraceId, TraceSpan, Tracer,
};

fn tracer(url: &str) -> Tracer {
    Tracer::start(Destination {
        url: url.into(),
        protocol: Protocol::Http,
        headers: Vec::new(),
        roots: None,
        timeout: Duration::from_mins(1),
        resource: Vec::new(),
        events: EventSignal::Logs,
    })
    .unwrap()
}

fn trace() -> FinishedTrace {
    let now = SystemTime::now();
    FinishedTrace {
        id: TraceId([1; 16]),
        state: String::new(),
        spans: vec![TraceSpan {
            id: SpanId([1; 8]),
            parent: None,
            kind: SpanKind::Server,
            name: "GET".into(),
            start: now,
            end: now,
            attributes: Vec::new(),
            status: SpanStatus::Unset,
        }],
        events: Vec::new(),
    }
}

#[test]
fn a_full_queue_drops_and_counts() {
    // It accepts connections by its backlog, and answers nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let tracer = tracer(&format!("http://{}", silent.local_addr().unwrap()));
    let begun = Instant::now();
    let sent = 3 * MAX_QUEUED_TRACES;
    for _ in 0..sent {
        tracer.send(trace());
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let dropped = tracer.counts().spans(ExportResult::Dropped);
    // One batch may be on its way already.
    let least = (sent - MAX_QUEUED_TRACES - 512) as u64;
    let most = (sent - MAX_QUEUED_TRACES) as u64;
    assert!((least..=most).contains(&dropped), "{dropped}");
    // The flush is bounded.
    let begun = Instant::now();
    assert!(!tracer.end(Duration::from_millis(200)));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn an_empty_queue_ends_at_once() {
    let tracer = tracer("http://127.0.0.1:9");
    assert!(tracer.end(Duration::from_secs(5)));
}
