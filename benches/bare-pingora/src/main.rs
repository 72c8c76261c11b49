//! A proxy on pingora-proxy whose filters are all the default ones, with one worker thread. It forwards every request
//! to one origin, over HTTP/1.1. It accepts HTTP/1.1 and HTTP/2 with prior knowledge, and ends at SIGINT.
//!
//! `bare-pingora ORIGIN` prints `listening address=ADDRESS` on standard error.

use std::{
    error::Error,
    io::{Write, stderr},
    net::{SocketAddr, TcpListener},
    os::fd::IntoRawFd,
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora_core::{
    apps::HttpServerOptions,
    server::{Fds, ListenFds, configuration::ServerConf},
    services::{Service as _, listening::Service},
    upstreams::peer::HttpPeer,
};
use pingora_proxy::{ProxyHttp, Session, http_proxy};
use tokio::{runtime, signal, sync::watch};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Bare {
    origin: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _ctx: &mut (),
    ) -> pingora_core::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.origin, false, String::new())))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let origin = std::env::args()
        .nth(1)
        .ok_or("usage: bare-pingora ORIGIN")?
        .parse()?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let socket = TcpListener::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?.to_string();

    // pingora's connector spawns tasks, which needs a runtime context.
    let inside = runtime.enter();
    let conf = ServerConf {
        threads: 1,
        ..ServerConf::default()
    };
    let mut proxy = http_proxy(&Arc::new(conf), Bare { origin });
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    proxy.server_options = Some(options);
    let mut service = Service::new("bare".to_owned(), proxy);
    service.add_tcp(&address);
    let mut sockets = Fds::new();
    sockets.add(address.clone(), socket.into_raw_fd());
    let sockets: ListenFds = Arc::new(Mutex::new(sockets));
    let (_stop, stopped) = watch::channel(false);
    runtime.spawn(async move { service.start_service(Some(sockets), stopped, 1).await });
    drop(inside);

    writeln!(stderr(), "listening address={address}")?;
    runtime.block_on(signal::ctrl_c())?;
    Ok(())
}
