//! Lines come out whole and in order, and nothing waits for a writer that does not.

use std::sync::mpsc;
use std::thread;
use std::time::{Instant, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};

use super::*;
use crate::outcome::RequestOutcome;

/// A writer that can be held up or made to fail.
#[derive(Clone, Default)]
struct Sink(Arc<(Mutex<SinkState>, Condvar)>);

#[derive(Default)]
struct SinkState {
    text: Vec<u8>,
    held: bool,
    failing: bool,
    entered: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        state.entered = true;
        changed.notify_all();
        changed.wait_while(&mut state, |state| state.held);
        if state.failing {
            return Err(io::Error::other("the disk is full"));
        }
        state.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn change(&self, change: impl FnOnce(&mut SinkState)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock());
        changed.notify_all();
    }

    fn wait_until_entered(&self) {
        let (state, changed) = &*self.0;
        changed.wait_while(&mut state.lock(), |state| !state.entered);
    }

    fn paths(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.0.lock().text.clone()).unwrap();
        let path = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["path"].as_str().unwrap().to_owned()
        };
        text.lines().map(path).collect()
    }
}

const LONG: Duration = Duration::from_secs(30);

fn start(sink: &Sink, capacity: usize) -> (AccessLogger, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let output = AccessLogOutput::Writer(Box::new(sink.clone()));
    (
        AccessLogger::start(output, AccessLogFormat::Json, capacity, &metrics).unwrap(),
        metrics,
    )
}

fn write(log: &AccessLogger, path: &str) {
    log.write(&AccessEntry {
        method: "GET",
        path,
        status: 200,
        ..AccessEntry::new(UNIX_EPOCH, "", RequestOutcome::Forwarded)
    });
}

fn dropped(metrics: &Metrics, reason: &str) -> u64 {
    let start = format!("sluice_access_log_dropped_total{{reason=\"{reason}\"}} ");
    let page = metrics.render().unwrap();
    page.lines()
        .find_map(|line| line.strip_prefix(&start))
        .map_or(0, |count| count.parse().unwrap())
}

#[test]
fn all_lines_are_written_in_order() {
    let sink = Sink::default();
    let (log, metrics) = start(&sink, MAX_QUEUED_LINES);
    let paths: Vec<_> = (0..1_000).map(|n| format!("/{n}")).collect();
    for path in &paths {
        write(&log, path);
    }
    assert!(log.flush(LONG));
    assert_eq!(sink.paths(), paths);
    assert_eq!(dropped(&metrics, "queue_full"), 0);
}

#[test]
fn single_line_is_written_without_flush() {
    let (reader, writer) = io::pipe().unwrap();
    let metrics = Arc::new(Metrics::new());
    let log = AccessLogger::start(
        AccessLogOutput::Writer(Box::new(writer)),
        AccessLogFormat::Json,
        8,
        &metrics,
    )
    .unwrap();
    write(&log, "/only");
    let (sender, line) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        io::BufRead::read_line(&mut io::BufReader::new(reader), &mut line).unwrap();
        sender.send(line).unwrap();
    });
    assert!(line.recv_timeout(LONG).unwrap().contains("/only"));
}

#[test]
fn a_hanging_writer_delays_no_request_and_drops_are_counted() {
    let sink = Sink::default();
    let (log, metrics) = start(&sink, 4);
    sink.change(|state| state.held = true);
    write(&log, "/first");
    sink.wait_until_entered();
    let started = Instant::now();
    for n in 0..100 {
        write(&log, &format!("/{n}"));
    }
    assert!(started.elapsed() < LONG);
    assert_eq!(dropped(&metrics, "queue_full"), 96);
    assert!(!log.flush(Duration::from_millis(20)));
    sink.change(|state| state.held = false);
    assert!(log.flush(LONG));
    assert_eq!(sink.paths(), ["/first", "/0", "/1", "/2", "/3"]);
    assert_eq!(dropped(&metrics, "queue_full"), 96);
}

#[test]
fn the_queue_is_bounded_in_bytes_as_well() {
    let sink = Sink::default();
    let (log, metrics) = start(&sink, MAX_QUEUED_LINES);
    sink.change(|state| state.held = true);
    write(&log, "/first");
    sink.wait_until_entered();
    let long = format!("/{}", "x".repeat(MAX_QUEUED_BYTES / 4));
    for _ in 0..5 {
        write(&log, &long);
    }
    assert_eq!(dropped(&metrics, "queue_full"), 2);
    sink.change(|state| state.held = false);
    assert!(log.flush(LONG));
    for _ in 0..3 {
        write(&log, &long);
    }
    assert!(log.flush(LONG));
    assert_eq!(sink.paths().len(), 7, "what was written out makes room again");
    assert_eq!(dropped(&metrics, "queue_full"), 2);
}

#[test]
fn a_failed_write_is_retried() {
    let sink = Sink::default();
    let (log, _metrics) = start(&sink, MAX_QUEUED_LINES);
    sink.change(|state| state.failing = true);
    write(&log, "/kept");
    assert!(log.flush(LONG));
    assert_eq!(sink.paths(), Vec::<String>::new());
    sink.change(|state| state.failing = false);
    write(&log, "/next");
    assert!(log.flush(LONG));
    assert_eq!(sink.paths(), ["/kept", "/next"]);
}

#[test]
fn lines_that_a_failing_writer_loses_are_counted() {
    let sink = Sink::default();
    let (log, metrics) = start(&sink, MAX_QUEUED_LINES);
    sink.change(|state| state.failing = true);
    let path = format!("/{}", "x".repeat(1_000));
    for _ in 0..200 {
        write(&log, &path);
    }
    assert!(log.flush(LONG));
    let lost = dropped(&metrics, "write_failed");
    sink.change(|state| state.failing = false);
    write(&log, &path);
    assert!(log.flush(LONG));
    assert_eq!(sink.paths().len() as u64, 201 - lost);
    assert!(lost > 100, "{lost}");
}

#[test]
fn existing_log_file_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    std::fs::write(&path, "before\n").unwrap();
    let metrics = Arc::new(Metrics::new());
    let log = AccessLogger::start(
        AccessLogOutput::File(path.clone()),
        AccessLogFormat::Human,
        8,
        &metrics,
    )
    .unwrap();
    write(&log, "/one");
    assert!(log.flush(LONG));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("before\n00:00:00.000  - "), "{text}");
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn unopenable_log_file_is_reported_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = AccessLogOutput::File(folder.path().join("missing").join("access.log"));
    assert!(AccessLogger::start(output, AccessLogFormat::Json, 8, &Arc::new(Metrics::new())).is_err());
}

#[test]
fn disabled_access_log_writes_nothing() {
    let log = AccessLogger::start(
        AccessLogOutput::Off,
        AccessLogFormat::Json,
        8,
        &Arc::new(Metrics::new()),
    )
    .unwrap();
    assert!(!log.is_on());
    write(&log, "/one");
    assert!(log.flush(Duration::ZERO));
}

#[test]
fn the_thread_ends_with_the_last_clone() {
    let sink = Sink::default();
    let (log, _metrics) = start(&sink, 8);
    let clone = log.clone();
    write(&log, "/one");
    drop(log);
    write(&clone, "/two");
    drop(clone);
    let deadline = Instant::now() + LONG;
    // The thread holds the only other handle of the sink.
    while Arc::strong_count(&sink.0) > 1 {
        assert!(Instant::now() < deadline, "the thread goes on");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(sink.paths(), ["/one", "/two"]);
}

#[test]
fn secrets_in_a_line_are_masked_and_it_stays_json() {
    let sink = Sink::default();
    let (log, _metrics) = start(&sink, 8);
    write(
        &log,
        "/reset?access_token=abc\"&a=eyJhbGciOiJFUzI1NiJ9.eyJvcmciOiJhY21lIn0.c2ln",
    );
    assert!(log.flush(LONG));
    assert_eq!(
        sink.paths(),
        [format!("/reset?access_token=***\"&a={}", "*".repeat(45))]
    );
}
