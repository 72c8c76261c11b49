//! A small HTTP/1.1 server on a thread of its own, with the answers of the origin.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::answers::{ECHO, LARGE, LARGE_SIZE, SMALL, SMALL_BODY};
use crate::placement::Cores;

/// The maximum size of the head of a request.
const MAX_HEAD: usize = 32 * 1024;

/// A running server. It is ended when dropped.
#[derive(Debug)]
pub(super) struct BuiltIn {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl BuiltIn {
    /// Starts a server whose echoed answers begin with `name`.
    pub(super) fn start(name: &'static str) -> anyhow::Result<Self> {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let listener = TcpListener::from_std(socket)?;
                tokio::select! {
                    accepted = accept(listener, name) => accepted,
                    _ = stopped => Ok(()),
                }
            })
        };
        let thread = std::thread::spawn(move || Cores::Others.run(serve));
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for BuiltIn {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The result of a server that is no longer needed has no reader.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

async fn accept(listener: TcpListener, name: &'static str) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A failed connection is noticed by its contestant.
        tokio::spawn(async move { drop(serve(stream, name).await) });
    }
}

/// Answers the requests of a connection until it is closed. Requests have no body.
async fn serve(mut stream: TcpStream, name: &str) -> io::Result<()> {
    let mut received = Vec::with_capacity(MAX_HEAD);
    let large = "x".repeat(LARGE_SIZE);
    while stream.read_buf(&mut received).await? > 0 && received.len() <= MAX_HEAD {
        let Some(head) = received.strip_suffix(b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(head);
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match target {
            SMALL => ("200 OK", SMALL_BODY.to_owned()),
            LARGE => ("200 OK", large.clone()),
            ECHO => ("200 OK", echo(name, &head)),
            _ => ("404 Not Found", String::new()),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        received.clear();
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

fn echo(name: &str, head: &str) -> String {
    let field = |wanted: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        field.map_or("", |(_, value)| value.trim())
    };
    format!(
        "{name} tenant={} flags={}",
        field("x-tenant-id"),
        field("x-feature-flags")
    )
}

#[cfg(test)]
mod tests {
    use super::BuiltIn;
    use crate::driver::{Protocol, Request, exchange_once};
    use crate::origin::answers::{ECHO, SMALL, SMALL_BODY};

    #[test]
    fn the_built_in_origin_answers_like_nginx() {
        let origin = BuiltIn::start("legacy").unwrap();
        let answer = |target| {
            exchange_once(Protocol::Http1, origin.address, &Request { target, token: None }).unwrap()
        };
        assert_eq!(answer(SMALL), (200, SMALL_BODY.to_owned()));
        assert_eq!(answer(ECHO), (200, "legacy tenant= flags=".to_owned()));
        assert_eq!(answer("/other").0, 404);
    }
}
