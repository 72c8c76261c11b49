//! Thousands of slow clients, driven by one thread: each sends a byte now and then, or nothing, or reads nothing.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Pause of the thread after it has sent a byte on each connection.
const PAUSE: Duration = Duration::from_secs(1);

/// Connections that are held open until this is dropped.
pub(crate) struct SlowClients {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SlowClients {
    /// Opens `count` connections, sends `begin` on each, and then `drip` a byte at a time, repeatedly.
    pub(crate) fn start(
        address: SocketAddr,
        count: usize,
        begin: &'static [u8],
        drip: &'static [u8],
    ) -> Self {
        let mut streams: Vec<TcpStream> = (0..count)
            .map(|_| {
                let mut stream = TcpStream::connect(address).expect("the proxy listens");
                stream.write_all(begin).expect("the proxy reads");
                stream.set_nonblocking(true).unwrap();
                stream
            })
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut bytes = drip.iter().cycle();
            while !stopped.load(Ordering::Relaxed) {
                if let Some(byte) = bytes.next() {
                    for stream in &mut streams {
                        match stream.write(&[*byte]) {
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                            // The proxy has closed it; the socket stays open on this side.
                            Ok(_) | Err(_) => {}
                        }
                    }
                }
                thread::park_timeout(PAUSE);
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for SlowClients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
