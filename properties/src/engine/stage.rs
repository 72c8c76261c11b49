//! Plays scripts: a client and its upstreams, connected in memory, on a clock that stands still while there is
//! something to do. What each side sends and receives is recorded.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf, duplex};
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::script::{ClientScript, ResponseScript, ResponseStart, Step, StreamEnd};
use super::strict_reader::requests;

/// The records of a script.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    responses: VecDeque<ResponseScript>,
    capacity: usize,
    /// The connections to upstreams, in the order in which they were opened.
    pub(crate) connections: Vec<Rc<RefCell<Record>>>,
}

/// One side of a connection.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) received: Vec<u8>,
    /// The parts that were sent, each with the number of bytes that were received before.
    pub(crate) sent: Vec<(usize, Vec<u8>)>,
    /// True once this side has said that it sends nothing more.
    pub(crate) has_ended: bool,
}

impl Record {
    /// Returns everything that was sent.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.sent.iter().flat_map(|(_, part)| part).copied().collect()
    }

    /// Returns what was sent before the byte at `received` had arrived.
    pub(crate) fn sent_before(&self, received: usize) -> Vec<u8> {
        let before = self.sent.iter().filter(|(at, _)| *at <= received);
        before.flat_map(|(_, part)| part).copied().collect()
    }
}

impl Stage {
    pub(crate) fn new(responses: Vec<ResponseScript>, capacity: usize) -> Self {
        Self {
            responses: responses.into(),
            capacity,
            connections: Vec::new(),
        }
    }

    /// Opens a connection to an upstream.
    pub(crate) fn connect(stage: &Rc<RefCell<Self>>) -> DuplexStream {
        let record = Rc::<RefCell<Record>>::default();
        let (proxy, upstream) = duplex(stage.borrow().capacity);
        stage.borrow_mut().connections.push(Rc::clone(&record));
        spawn_local(play_upstream(Rc::clone(stage), Player::new(upstream, record)));
        proxy
    }
}

/// One side of a connection that follows a script.
struct Player {
    stream: Option<DuplexStream>,
    record: Rc<RefCell<Record>>,
    /// True once the other side sends nothing more.
    is_at_end: bool,
}

impl Player {
    fn new(stream: DuplexStream, record: Rc<RefCell<Record>>) -> Self {
        Self {
            stream: Some(stream),
            record,
            is_at_end: false,
        }
    }

    /// Receives what has arrived.
    fn poll_receive(&mut self, cx: &mut Context<'_>) {
        let Some(stream) = &mut self.stream else { return };
        let mut space = [0; 4096];
        while !self.is_at_end {
            let mut read = ReadBuf::new(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.record.borrow_mut().received.extend_from_slice(read.filled());
                }
                Poll::Ready(_) => self.is_at_end = true,
                Poll::Pending => return,
            }
        }
    }

    /// Takes a step. With `receives` it receives meanwhile, and before each write, so that the record has the order of
    /// events. Returns false if the other side takes nothing more.
    async fn step(&mut self, step: Step, receives: bool) -> bool {
        match step {
            Step::Pause(time) => {
                let mut pause = pin!(sleep(time));
                poll_fn(|cx| {
                    if receives {
                        self.poll_receive(cx);
                    }
                    pause.as_mut().poll(cx)
                })
                .await;
                true
            }
            Step::Send(bytes) => {
                let mut rest = &bytes[..];
                poll_fn(|cx| {
                    while !rest.is_empty() {
                        if receives {
                            self.poll_receive(cx);
                        }
                        let Some(stream) = &mut self.stream else {
                            return Poll::Ready(false);
                        };
                        match Pin::new(stream).poll_write(cx, rest) {
                            Poll::Ready(Ok(length)) => {
                                let mut record = self.record.borrow_mut();
                                let received = record.received.len();
                                record.sent.push((received, rest[..length].to_vec()));
                                rest = &rest[length..];
                            }
                            Poll::Ready(Err(_)) => return Poll::Ready(false),
                            Poll::Pending => return Poll::Pending,
                        }
                    }
                    Poll::Ready(true)
                })
                .await
            }
        }
    }

    /// Ends the connection.
    async fn end(&mut self, end: StreamEnd) {
        self.record.borrow_mut().has_ended |= end != StreamEnd::Open;
        match (end, &mut self.stream) {
            (StreamEnd::HalfClosed, Some(stream)) => {
                // The other side may be gone.
                let _ = poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)).await;
            }
            (StreamEnd::Closed, _) => self.stream = None,
            _ => {}
        }
    }

    /// Receives until `is_enough`. Returns false if the other side ends before.
    async fn receive_until(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> bool {
        poll_fn(|cx| {
            self.poll_receive(cx);
            if is_enough(&self.record.borrow().received) {
                return Poll::Ready(true);
            }
            match self.is_at_end || self.stream.is_none() {
                true => Poll::Ready(false),
                false => Poll::Pending,
            }
        })
        .await
    }
}

/// Plays a client to its end.
pub(crate) async fn play_client(script: ClientScript, stream: DuplexStream, record: Rc<RefCell<Record>>) {
    let mut player = Player::new(stream, record);
    for step in script.steps {
        if !player.step(step, script.reads_early).await {
            break;
        }
    }
    player.end(script.end).await;
    player.receive_until(|_| false).await;
}

/// Plays an upstream: each request gets the next response of the script.
async fn play_upstream(stage: Rc<RefCell<Stage>>, mut player: Player) {
    for count in 1.. {
        let begun = |received: &[u8]| {
            let requests = requests(received);
            requests.list.len() >= count || requests.list.len() + 1 == count && requests.partial.is_some()
        };
        if !player.receive_until(begun).await {
            return;
        }
        let script = stage.borrow_mut().responses.pop_front();
        let script = script.unwrap_or_else(|| ResponseScript {
            start: ResponseStart::Complete,
            steps: vec![Step::Send(
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
            )],
            end: StreamEnd::Open,
        });
        let is_awaited = |received: &[u8]| {
            let requests = requests(received).list;
            let request = requests.get(count - 1);
            match script.start {
                ResponseStart::Begun => true,
                ResponseStart::Head => request.is_some(),
                ResponseStart::Complete => request.is_some_and(|request| request.is_complete),
            }
        };
        if !player.receive_until(is_awaited).await {
            return;
        }
        for step in script.steps {
            if !player.step(step, true).await {
                break;
            }
        }
        player.end(script.end).await;
    }
}
