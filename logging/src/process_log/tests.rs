use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};

use tracing::{error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::drops::DropReason;
use crate::levels::Levels;

const LONG: Duration = Duration::from_secs(30);

/// A writer that can be held up.
#[derive(Clone, Default)]
struct Sink(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    text: Vec<u8>,
    is_held: bool,
    is_entered: bool,
    fails: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.is_entered = true;
        changed.notify_all();
        let mut state = changed.wait_while(state, |state| state.is_held).unwrap();
        if state.fails {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn hold(&self, is_held: bool) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        (state.is_held, state.is_entered) = (is_held, false);
        changed.notify_all();
    }

    fn wait_until_entered(&self) {
        let (state, changed) = &*self.0;
        drop(
            changed
                .wait_while(state.lock().unwrap(), |state| !state.is_entered)
                .unwrap(),
        );
    }

    /// Returns the written lines without their times.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.0.lock().unwrap().text.clone()).unwrap();
        let timeless = |line: &str| line.split_once("Z ").map_or(line, |(_, rest)| rest).to_owned();
        text.lines().map(timeless).collect()
    }
}

fn start(sink: &Sink, options: ProcessLogOptions) -> ProcessLog {
    ProcessLog::start(Box::new(sink.clone()), options).unwrap()
}

/// Starts a log with room for this many lines, whose output blocks.
fn start_held(sink: &Sink, lines: usize) -> ProcessLog {
    let limits = Limits {
        lines,
        bytes: 1024,
        pause: Duration::ZERO,
    };
    let options = ProcessLogOptions {
        limits,
        ..ProcessLogOptions::default()
    };
    let log = start(sink, options);
    sink.hold(true);
    log
}

/// Runs `work` with its events logged, and returns the lines.
fn logged(directives: &str, work: impl FnOnce()) -> Vec<String> {
    let sink = Sink::default();
    let log = start(&sink, ProcessLogOptions::default());
    let (levels, _) = Levels::parse(directives);
    let subscriber = tracing_subscriber::registry().with(log.layer(levels));
    tracing::subscriber::with_default(subscriber, work);
    assert!(log.flush(LONG));
    sink.lines()
}

#[test]
fn an_event_is_one_line_of_its_message_and_fields() {
    let lines = logged("", || {
        info!(listener = "public", address = %"127.0.0.1:1", "listening");
        warn!(kids = ?["a"], "kept\nand\u{1b}[2J");
        tracing::debug!("nothing of this");
    });
    assert_eq!(
        lines,
        [
            " INFO listening listener=\"public\" address=127.0.0.1:1",
            " WARN kept\\nand\\u{1b}[2J kids=[\"a\"]",
        ]
    );
}

#[test]
fn repeated_line_is_written_once_with_a_count() {
    let lines = logged("", || {
        for _ in 0..3_000 {
            warn!(client = 1, "useless");
        }
        error!("another");
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], " WARN useless client=1");
    assert_eq!(lines[1], "ERROR another");
    assert!(
        lines[2].starts_with(" WARN useless client=1 (repeated 2999 times in the last "),
        "{lines:?}"
    );
}

#[test]
fn lines_about_changes_are_always_written() {
    let lines = logged("", || {
        for _ in 0..2 {
            warn!("unhealthy");
            info!("healthy");
        }
        info!("healthy");
    });
    assert_eq!(
        lines,
        [
            " WARN unhealthy",
            " INFO healthy",
            " WARN unhealthy",
            " INFO healthy",
            " INFO healthy"
        ]
    );
}

#[test]
fn pending_count_is_written_without_further_lines() {
    let (log, lines) = watched(ProcessLogOptions {
        window: Duration::from_millis(50),
        ..ProcessLogOptions::default()
    });
    for _ in 0..5 {
        log.line(Level::WARN, "m".into(), "again".into());
    }
    let mut text = String::new();
    while !text.contains("repeated") {
        text.push_str(&lines.recv_timeout(LONG).unwrap());
    }
    assert!(
        text.contains("again (repeated 4 times in the last 1 s)"),
        "{text}"
    );
}

/// Starts a log whose output arrives at the receiver.
#[test]
fn counts_of_repetitions_come_before_a_last_line() {
    let sink = Sink::default();
    let log = start(&sink, ProcessLogOptions::default());
    let levels = Levels::parse("info").0;
    let subscriber = tracing_subscriber::registry().with(log.layer(levels));
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            warn!("keys could not be fetched");
        }
        log.write_counts();
        info!("ended");
        for _ in 0..2 {
            warn!("the disk is full");
        }
    });
    log.last_error("not started", LONG);
    assert!(log.flush(LONG));
    let lines = sink.lines();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(
        lines,
        [
            " WARN keys could not be fetched",
            " WARN keys could not be fetched (repeated 2 times in the last 1 s)",
            " INFO ended",
            " WARN the disk is full",
            " WARN the disk is full (repeated once in the last 1 s)",
            "ERROR not started",
        ]
    );
}

fn watched(options: ProcessLogOptions) -> (ProcessLog, Receiver<String>) {
    struct Channel(Sender<String>);
    impl Write for Channel {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (sender, receiver) = channel();
    (
        ProcessLog::start(Box::new(Channel(sender)), options).unwrap(),
        receiver,
    )
}

#[test]
fn a_hanging_output_blocks_no_caller_and_drops_are_reported() {
    let sink = Sink::default();
    let log = start_held(&sink, 8);
    log.block(Level::INFO, "first");
    sink.wait_until_entered();
    for number in 0..100 {
        log.block(Level::INFO, &format!("line {number}"));
    }
    log.block(Level::INFO, &"x".repeat(2_000));
    assert!(!log.flush(Duration::from_millis(10)), "it hangs");
    assert_eq!(log.drops().count(DropReason::QueueFull), 93);
    sink.hold(false);
    assert!(log.flush(LONG));
    let lines = sink.lines();
    assert_eq!(lines[0], "first");
    assert_eq!(lines[1], " WARN 93 lines of the log were dropped");
    assert_eq!(lines.len(), 10, "{lines:?}");
}

#[test]
fn dropped_lines_are_reported_after_the_next_write() {
    let sink = Sink::default();
    let log = start(&sink, ProcessLogOptions::default());
    // More than the buffer of the output holds, so that each is written at once.
    let long = "x".repeat(100_000);
    sink.0.0.lock().unwrap().fails = true;
    (0..3).for_each(|_| log.block(Level::INFO, &long));
    log.flush(LONG);
    assert_eq!(log.drops().count(DropReason::WriteFailed), 3);
    sink.0.0.lock().unwrap().fails = false;
    log.block(Level::INFO, "again");
    assert!(log.flush(LONG));
    assert_eq!(
        sink.lines()[..2],
        [" WARN 3 lines of the log were dropped", "again"]
    );
}

#[test]
fn last_line_waits_for_room_until_its_timeout() {
    let sink = Sink::default();
    let log = start_held(&sink, 1);
    log.block(Level::INFO, "a");
    sink.wait_until_entered();
    log.block(Level::INFO, "b");
    log.last_error("lost", Duration::from_millis(20));
    let waiting = thread::spawn({
        let log = log.clone();
        move || log.last_error("kept", LONG)
    });
    sink.hold(false);
    waiting.join().unwrap();
    assert!(log.flush(LONG));
    let lines = sink.lines();
    assert_eq!(lines.last().unwrap(), "ERROR kept");
    assert!(!lines.contains(&"ERROR lost".to_owned()), "{lines:?}");
}

#[test]
fn secrets_are_masked_and_spans_are_left_out() {
    let token = "sluice_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE";
    let lines = logged("trace", || {
        let _inside = info_span!("asked", token).entered();
        warn!(token, "refused `{token}` of https://u:p@host");
    });
    let mask = "*".repeat(token.len());
    assert_eq!(
        lines,
        [format!(
            " WARN refused `{mask}` of https://***@host token=\"{mask}\""
        )]
    );
    let sink = Sink::default();
    let log = start(&sink, ProcessLogOptions::default());
    log.block(Level::INFO, &format!("error: a\n  --> b {token}"));
    assert!(log.flush(LONG));
    assert_eq!(sink.lines(), ["error: a".to_owned(), format!("  --> b {mask}")]);
}

#[test]
fn colours_are_written_only_if_enabled() {
    let sink = Sink::default();
    let options = ProcessLogOptions {
        format: LogFormat::Text(LogColour::Always),
        ..ProcessLogOptions::default()
    };
    let log = start(&sink, options);
    log.line(Level::ERROR, "m".into(), "bad".into());
    assert!(log.flush(LONG));
    let text = String::from_utf8(sink.0.0.lock().unwrap().text.clone()).unwrap();
    assert!(
        text.ends_with("Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m bad\n"),
        "{text:?}"
    );
}

#[test]
fn report_is_always_written_in_full() {
    let sink = Sink::default();
    let log = start(&sink, ProcessLogOptions::default());
    for _ in 0..2 {
        log.report(Level::ERROR, "not reloaded:", "error: a\n  --> b");
    }
    assert!(log.flush(LONG));
    let once = ["ERROR not reloaded:", "error: a", "  --> b"];
    assert_eq!(sink.lines(), [once, once].concat());
}

#[test]
fn a_json_log_has_one_record_for_each_entry() {
    let sink = Sink::default();
    let options = ProcessLogOptions {
        format: LogFormat::Json,
        ..ProcessLogOptions::default()
    };
    let log = start(&sink, options);
    let (levels, _) = Levels::parse("info");
    let token = "sluice_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE";
    let subscriber = tracing_subscriber::registry().with(log.layer(levels));
    tracing::subscriber::with_default(subscriber, || {
        info!(
            listener = "public",
            port = 80,
            open = true,
            "listening \"here\"\n{token}"
        );
        warn!(error = %"no\u{1b}[2J", "again");
        warn!(error = %"no\u{1b}[2J", "again");
    });
    log.report(Level::ERROR, "not reloaded", "error: a\n  --> b\n");
    log.block(Level::WARN, "one\ntwo\n");
    log.summarized(Level::WARN, "1 warning", "warning: c\n");
    log.last_error("not started: d\ne", LONG);
    assert!(log.flush(LONG));
    let text = String::from_utf8(sink.0.0.lock().unwrap().text.clone()).unwrap();
    let records = text.lines().map(|line| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        let record = record.as_object_mut().unwrap();
        let time = record.remove("time").unwrap();
        assert!(
            time.as_str().unwrap().ends_with('Z') && time.as_str().unwrap().len() == 27,
            "{time}"
        );
        serde_json::Value::Object(record.clone())
    });
    let (mask, target) = ("*".repeat(token.len()), "logging::process_log::tests");
    let expected = serde_json::json!([
        { "level": "INFO", "target": target, "message": format!("listening \"here\"\\n{mask}"),
          "fields": { "listener": "public", "port": 80, "open": true } },
        { "level": "WARN", "target": target, "message": "again", "fields": { "error": "no\\u{1b}[2J" } },
        { "level": "ERROR", "message": "not reloaded", "report": "error: a\n  --> b" },
        { "level": "WARN", "message": "one\ntwo" },
        { "level": "WARN", "message": "1 warning", "report": "warning: c" },
        { "level": "WARN", "target": target, "message": "again", "fields": { "error": "no\\u{1b}[2J" },
          "repeated": 1, "seconds": 1 },
        { "level": "ERROR", "message": "not started: d", "report": "e" },
    ]);
    assert_eq!(serde_json::Value::Array(records.collect()), expected);
}
