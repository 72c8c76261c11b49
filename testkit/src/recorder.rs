//! An upstream that records the bytes of each connection, frames requests by one [`FramingRule`], and answers
//! each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::PATIENCE;
use crate::framing_rule::FramingRule;

/// A server on loopback that records. Dropping it refuses new connections.
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<RecorderState>,
}

struct RecorderState {
    way: FramingRule,
    connections: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    open: Mutex<Vec<TcpStream>>,
    stopping: AtomicBool,
}

impl Recorder {
    /// Starts a server that frames requests by this rule.
    #[must_use]
    pub fn reading(way: FramingRule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(RecorderState {
            way,
            connections: Mutex::default(),
            open: Mutex::default(),
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

    /// Returns the bytes of each connection so far.
    #[must_use]
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        let connections = self.shared.connections.lock().unwrap();
        connections
            .iter()
            .map(|bytes| bytes.lock().unwrap().clone())
            .collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops the listener.
        let _ = TcpStream::connect(self.address);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<RecorderState>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let recorded = Arc::new(Mutex::new(Vec::new()));
        shared.connections.lock().unwrap().push(Arc::clone(&recorded));
        shared.open.lock().unwrap().push(stream.try_clone().unwrap());
        let way = shared.way;
        thread::spawn(move || serve(stream, way, &recorded));
    }
}

/// Answers each request when it is complete; if its path has `early` in it, as soon as its head is. The
/// answer repeats the request line.
fn serve(mut stream: TcpStream, way: FramingRule, recorded: &Mutex<Vec<u8>>) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(PATIENCE * 3));
    let mut answered = 0;
    let mut piece = [0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        let seen = {
            let mut bytes = recorded.lock().unwrap();
            bytes.extend_from_slice(&piece[..length]);
            way.read(&bytes)
        };
        for (number, line) in seen.requests.iter().enumerate().skip(answered) {
            if number >= seen.complete && !line.contains("/early") {
                break;
            }
            answered += 1;
            let shown: String = line.chars().filter(char::is_ascii_graphic).collect();
            let body = if line.starts_with("HEAD ") { "" } else { "ok" };
            let answer = format!("HTTP/1.1 200 OK\r\nX-Saw: {shown}\r\nContent-Length: 2\r\n\r\n{body}");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}
