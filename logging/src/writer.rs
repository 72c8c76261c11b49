//! A bounded queue of lines and the thread that writes them. Queueing never blocks: what does not fit is
//! dropped and counted. A slow disk, or a pipe without a reader, therefore delays no request.
//!
//! Waking a thread costs more than queueing a line. A log can therefore have its thread pause after each write: the
//! lines of the pause are written together, and only a queue that is half full, or a flush, wakes the thread early.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::destination::Destination;
use crate::drops::{DropReason, Drops};
use crate::fill::{Fill, Fullness, Limits};
use crate::line_output::{Failed, LineOutput};

/// The polling interval while waiting for room in a full queue.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Turns what is queued into lines. Runs on the thread that writes.
pub trait LineFormatter: Send + 'static {
    /// The type of a queue entry.
    type Item: Send + 'static;

    /// Appends the lines of an item to `lines`.
    fn write(&mut self, item: Self::Item, lines: &mut Vec<u8>);

    /// Returns the time of the next [`LineFormatter::tick`] if the queue stays empty.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Appends the lines that are due at `now`.
    fn tick(&mut self, _now: Instant, _lines: &mut Vec<u8>) {}

    /// Appends the lines that are held back. Called before a flush, and at the end.
    fn settle(&mut self, _lines: &mut Vec<u8>) {}

    /// Notes that the lines that were appended last are written.
    fn wrote(&mut self) {}

    /// Handles a failure of the writer. Called once until a write succeeds again.
    fn failed(&mut self, _error: &io::Error) {}

    /// Handles the result of opening a file again. If it failed, the former file stays in use.
    fn reopened(&mut self, _path: &Path, _result: io::Result<()>) {}
}

/// A handle that queues items of type `T`. Clones share the queue; the writing thread ends after the last of
/// them.
pub struct LineWriter<T> {
    sender: SyncSender<Message<T>>,
    fill: Arc<Fill>,
    thread: Thread,
    drops: Arc<Drops>,
    /// Set to open the file again if the queue has no room for the message.
    reopen: Arc<AtomicBool>,
}

enum Message<T> {
    /// An item, and what it counts for in bytes.
    Item(T, usize),
    /// Everything before it is to be written out, and then acknowledged.
    Flush(SyncSender<()>),
    /// The lines that the formatter holds back are to be written.
    Settle,
    /// The file is to be opened again.
    Reopen,
}

impl<T: Send + 'static> LineWriter<T> {
    /// Starts the thread `name`, which writes to `destination` what `formatter` makes of the items. Dropped lines are counted
    /// in `drops`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        name: &str,
        destination: Destination,
        limits: Limits,
        formatter: impl LineFormatter<Item = T>,
        drops: Arc<Drops>,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(limits.lines);
        let fill = Arc::new(Fill::new(limits));
        let reopen = Arc::new(AtomicBool::new(false));
        let mut writing = WriterThread {
            output: LineOutput::new(destination),
            formatter,
            fill: Arc::clone(&fill),
            pause: limits.pause,
            drops: Arc::clone(&drops),
            reopen: Arc::clone(&reopen),
            lines: Vec::new(),
        };
        let handle = thread::Builder::new()
            .name(name.into())
            .spawn(move || writing.run(&receiver))?;
        Ok(Self {
            sender,
            fill,
            thread: handle.thread().clone(),
            drops,
            reopen,
        })
    }

    /// Queues an item that counts for `size` bytes, or drops and counts it. Never waits.
    pub fn put(&self, item: T, size: usize) {
        let Some(fullness) = self.fill.reserve(size) else {
            return self.drops.add(DropReason::QueueFull);
        };
        if self.sender.try_send(Message::Item(item, size)).is_err() {
            self.release(size);
        }
        // The item is queued before the thread is woken, which would otherwise pause again.
        if fullness == Fullness::HalfReached {
            self.thread.unpark();
        }
    }

    /// Queues an item like [`LineWriter::put`], but waits up to `limit` for room in the queue. Blocks the
    /// caller; for use at the end of the process.
    pub fn put_timeout(&self, item: T, size: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.fill.reserve(size).is_none() {
            if Instant::now() >= deadline {
                return self.drops.add(DropReason::QueueFull);
            }
            thread::sleep(POLL_INTERVAL);
        }
        if !self.send_by(deadline, Message::Item(item, size)) {
            self.release(size);
        }
    }

    /// Waits up to `limit` until everything queued so far is written, and returns true if it is. Blocks the
    /// caller; for use at the end of the process.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (done, flushed) = sync_channel(1);
        self.send_by(deadline, Message::Flush(done))
            && flushed
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .is_ok()
    }

    /// Has the lines that the formatter holds back written before the next item, unless the queue is full. Never waits.
    pub fn settle(&self) {
        let _ = self.sender.try_send(Message::Settle);
    }

    /// Makes the thread open a file again after the lines that are queued, and report it with
    /// [`LineFormatter::reopened`]. Never waits.
    pub fn reopen(&self) {
        // The flag is read after each message, so that it needs no further one if the queue is full. The file is then
        // opened before the lines that are queued are written.
        if self.sender.try_send(Message::Reopen).is_err() {
            self.reopen.store(true, Ordering::Release);
        }
        self.thread.unpark();
    }

    /// Gives back the room of an item that was not queued, and counts it.
    fn release(&self, size: usize) {
        self.fill.release(size);
        self.drops.add(DropReason::QueueFull);
    }

    fn send_by(&self, deadline: Instant, mut message: Message<T>) -> bool {
        loop {
            message = match self.sender.try_send(message) {
                Ok(()) => {
                    // The caller waits, so the thread must not pause.
                    self.thread.unpark();
                    return true;
                }
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(refused)) => refused,
            };
            if Instant::now() >= deadline {
                return false;
            }
            // A channel of std can't be waited for with a limit.
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl<T> Clone for LineWriter<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            fill: Arc::clone(&self.fill),
            thread: self.thread.clone(),
            drops: Arc::clone(&self.drops),
            reopen: Arc::clone(&self.reopen),
        }
    }
}

impl<T> fmt::Debug for LineWriter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWriter")
            .field("fill", &self.fill)
            .finish_non_exhaustive()
    }
}

/// The state of the writing thread.
struct WriterThread<S> {
    output: LineOutput,
    formatter: S,
    fill: Arc<Fill>,
    pause: Duration,
    drops: Arc<Drops>,
    reopen: Arc<AtomicBool>,
    /// The lines of one item, kept for its room.
    lines: Vec<u8>,
}

impl<S: LineFormatter> WriterThread<S> {
    /// Writes until the last sender is dropped.
    fn run(&mut self, queue: &Receiver<Message<S::Item>>) {
        while let Some(mut next) = self.next(queue) {
            // Everything queued is flushed with as few writes as possible, and the last line does not wait
            // for another one.
            while let Some(message) = next {
                self.take(message);
                // Due lines are written while the queue is busy, too: a flood would otherwise hold their
                // counts back.
                self.tick();
                next = queue.try_recv().ok();
            }
            self.tick();
            self.flush();
            if !self.pause.is_zero() {
                // A sender wakes a thread that waits in the channel, but not one that is parked here.
                thread::park_timeout(self.pause);
            }
        }
        self.formatter.settle(&mut self.lines);
        self.write();
        self.flush();
    }

    /// Returns the next message. The inner `None` means that the formatter is due, the outer one that all
    /// senders are gone.
    fn next(&self, queue: &Receiver<Message<S::Item>>) -> Option<Option<Message<S::Item>>> {
        let Some(due) = self.formatter.due() else {
            return queue.recv().ok().map(Some);
        };
        match queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(message) => Some(Some(message)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn take(&mut self, message: Message<S::Item>) {
        match message {
            Message::Item(item, size) => {
                self.formatter.write(item, &mut self.lines);
                self.write();
                // The bytes are released after the write, so that the limit covers the item in work.
                self.fill.release(size);
            }
            Message::Flush(done) => {
                self.formatter.settle(&mut self.lines);
                self.write();
                self.flush();
                // The caller may have stopped waiting.
                let _ = done.try_send(());
            }
            Message::Settle => {
                self.formatter.settle(&mut self.lines);
                self.write();
            }
            Message::Reopen => self.reopen_file(),
        }
        if self.reopen.swap(false, Ordering::AcqRel) {
            self.reopen_file();
        }
    }

    fn reopen_file(&mut self) {
        if let Some((path, result)) = self.output.reopen() {
            self.formatter.reopened(path, result);
        }
    }

    fn tick(&mut self) {
        let Some(due) = self.formatter.due() else { return };
        let now = Instant::now();
        if due <= now {
            self.formatter.tick(now, &mut self.lines);
            self.write();
        }
    }

    fn write(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        match self.output.write(&self.lines) {
            Ok(()) => self.formatter.wrote(),
            Err(failed) => {
                self.drops.add(DropReason::WriteFailed);
                self.failed(failed);
            }
        }
        self.lines.clear();
    }

    fn flush(&mut self) {
        if let Err(failed) = self.output.flush() {
            self.failed(failed);
        }
    }

    fn failed(&mut self, failed: Failed) {
        if let Failed::New(error) = failed {
            self.formatter.failed(&error);
        }
    }
}

#[cfg(test)]
mod tests;
