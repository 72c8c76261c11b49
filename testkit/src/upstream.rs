//! An upstream that records every request, byte for byte, and answers by a handler of the test.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::message::MessageHead;
use crate::{PATIENCE, eventually};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its head.
    pub head: MessageHead,
    /// Its body, chunks joined.
    pub body: Vec<u8>,
    /// The number of its connection, counted from 0.
    pub connection: usize,
}

/// The state of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The next request is read from it.
    Keep,
    /// It is closed.
    Close,
}

type UpstreamHandler = dyn Fn(&Recorded, &mut TcpStream) -> After + Send + Sync;

/// A server on loopback. Dropping it refuses new connections and closes the open ones.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<UpstreamState>,
}

struct UpstreamState {
    handler: Box<UpstreamHandler>,
    recorded: Mutex<Vec<Recorded>>,
    broken: Mutex<Vec<String>>,
    /// Connections that are open now, by number.
    open: Mutex<HashMap<usize, TcpStream>>,
    connections: AtomicUsize,
    stopping: AtomicBool,
}

impl Recorded {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.head.start.split(' ').next().unwrap_or_default()
    }

    /// Returns the target, as in the request line.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Returns the value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

impl Upstream {
    /// Starts an upstream that answers every request with 200 and `name` as the body.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self::answering(move |_, stream| reply(stream, &response(200, "OK", name)))
    }

    /// Starts an upstream that answers by `handler`.
    #[must_use]
    pub fn answering(handler: impl Fn(&Recorded, &mut TcpStream) -> After + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), handler)
    }

    /// Starts an upstream like [`Upstream::answering`], on a listener that is already bound.
    #[must_use]
    pub fn on(
        listener: TcpListener,
        handler: impl Fn(&Recorded, &mut TcpStream) -> After + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(UpstreamState {
            handler: Box::new(handler),
            recorded: Mutex::default(),
            broken: Mutex::default(),
            open: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns all requests so far, in the order in which they were complete.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.recorded.lock().unwrap().clone()
    }

    /// Returns the only request so far.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[must_use]
    pub fn only(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "requests at the upstream: {requests:#?}");
        requests.remove(0)
    }

    /// Returns the latest request.
    #[must_use]
    pub fn last(&self) -> Recorded {
        self.requests().pop().expect("no request at the upstream")
    }

    /// Returns the number of requests so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.recorded.lock().unwrap().len()
    }

    /// Returns the number of connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Returns errors of connections that sent something else than requests.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        self.shared.broken.lock().unwrap().clone()
    }

    /// Waits for the `count`th request.
    pub fn await_count(&self, count: usize) {
        eventually("another request at the upstream", || {
            (self.count() >= count).then_some(())
        });
    }

    /// Closes every connection that is open now, as an upstream that restarts does.
    pub fn close_connections(&self) {
        for (_, stream) in self.shared.open.lock().unwrap().drain() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops the listener.
        let _ = TcpStream::connect(self.address);
        self.close_connections();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<UpstreamState>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        shared
            .open
            .lock()
            .unwrap()
            .insert(number, stream.try_clone().unwrap());
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            if let Err(error) = serve(&shared, stream, number) {
                shared.broken.lock().unwrap().push(error.to_string());
            }
            shared.open.lock().unwrap().remove(&number);
        });
    }
}

fn serve(shared: &UpstreamState, mut stream: TcpStream, connection: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE * 3))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(head) = MessageHead::read(&mut reader)? {
        if head
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = head.read_body(&mut reader, false)?;
        let recorded = Recorded {
            head,
            body,
            connection,
        };
        shared.recorded.lock().unwrap().push(recorded.clone());
        if (shared.handler)(&recorded, &mut stream) == After::Close {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return Ok(());
        }
    }
    Ok(())
}

/// Returns the bytes of a response with a text body.
#[must_use]
pub fn response(status: u16, reason: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Writes `bytes` and keeps the connection. A client that is gone is no failure of the upstream.
pub fn reply(stream: &mut TcpStream, bytes: &str) -> After {
    let _ = stream.write_all(bytes.as_bytes());
    After::Keep
}
