//! Lines gather while the thread pauses, and are written early if the queue fills or is flushed.

use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use tempfile::TempDir;

use super::*;

/// The limit of a test that waits for something that happens at once.
const LONG: Duration = Duration::from_secs(30);
/// The time in which nothing may happen.
const SHORT: Duration = Duration::from_millis(50);
/// A pause that no test waits for.
const FOREVER: Duration = Duration::from_secs(3600);

/// A writer that sends on what each call writes.
struct Sink(Mutex<Sender<String>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let _ = self.0.lock().unwrap().send(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Plain;

impl LineFormatter for Plain {
    type Item = &'static str;

    fn write(&mut self, item: &'static str, lines: &mut Vec<u8>) {
        lines.extend_from_slice(item.as_bytes());
    }
}

/// Starts a log whose thread pauses after its first write, which is over.
fn start_pausing(lines: usize, bytes: usize) -> (LineWriter<&'static str>, Receiver<String>) {
    let (sender, written) = channel();
    let sink = Destination::stream(Box::new(Sink(Mutex::new(sender))));
    let limits = Limits {
        lines,
        bytes,
        pause: FOREVER,
    };
    let log = LineWriter::start("test", sink, limits, Plain, Arc::default()).unwrap();
    log.put("0", 1);
    assert_eq!(written.recv_timeout(LONG).unwrap(), "0");
    (log, written)
}

#[test]
fn lines_of_a_pause_are_written_together_by_a_flush() {
    let (log, written) = start_pausing(64, 1024);
    for line in ["1", "2", "3"] {
        log.put(line, 1);
    }
    // Waits for what must not happen; a thread that does not pause writes within microseconds.
    assert!(written.recv_timeout(SHORT).is_err());
    assert!(log.flush(LONG));
    assert_eq!(written.try_recv().unwrap(), "123");
}

#[test]
fn half_full_queue_ends_the_pause() {
    for (lines, bytes) in [(4, 1024), (64, 4)] {
        let (log, written) = start_pausing(lines, bytes);
        log.put("1", 1);
        log.put("2", 1);
        let mut text = String::new();
        while text != "12" {
            text.push_str(&written.recv_timeout(LONG).unwrap());
        }
    }
}

#[test]
fn pause_ends_by_itself() {
    let (sender, written) = channel();
    let limits = Limits {
        lines: 64,
        bytes: 1024,
        pause: Duration::from_millis(1),
    };
    let sink = Destination::stream(Box::new(Sink(Mutex::new(sender))));
    let log = LineWriter::start("test", sink, limits, Plain, Arc::default()).unwrap();
    for line in ["1", "2", "3"] {
        log.put(line, 1);
        assert_eq!(written.recv_timeout(LONG).unwrap(), line);
    }
}

/// Starts a log that writes to the file `log` in a new folder.
fn start_file() -> (LineWriter<&'static str>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        lines: 64,
        bytes: 1024,
        pause: FOREVER,
    };
    let file = Destination::file(folder.path().join("log")).unwrap();
    let log = LineWriter::start("test", file, limits, Plain, Arc::default()).unwrap();
    (log, folder)
}

#[test]
fn a_renamed_file_is_opened_again_and_no_line_is_lost() {
    let (log, folder) = start_file();
    let (path, renamed) = (folder.path().join("log"), folder.path().join("log.1"));
    log.put("1", 1);
    assert!(log.flush(LONG));
    std::fs::rename(&path, &renamed).unwrap();
    log.put("2", 1);
    log.reopen();
    log.put("3", 1);
    assert!(log.flush(LONG));
    assert_eq!(std::fs::read_to_string(&renamed).unwrap(), "12");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "3");
}

#[test]
fn a_file_that_cannot_be_opened_again_stays_in_use() {
    let (log, folder) = start_file();
    let (path, renamed) = (folder.path().join("log"), folder.path().join("log.1"));
    std::fs::rename(&path, &renamed).unwrap();
    std::fs::create_dir(&path).unwrap();
    log.reopen();
    log.put("1", 1);
    assert!(log.flush(LONG));
    assert_eq!(std::fs::read_to_string(&renamed).unwrap(), "1");
}
