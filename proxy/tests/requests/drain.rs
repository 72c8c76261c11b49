//! Shutdown: not ready at once, serving a while longer, and no request aborted before its timeout (edge.md section
//! 9).

use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::thread;

use proxy::{DrainEnd, Stopped};
use testkit::{After, Client, Proxy, ProxyBuilder, Request, Upstream, eventually, reply, response};

const FINISHED: Stopped = Stopped {
    cut_off: 0,
    end: DrainEnd::Finished,
};
const TIMED_OUT: Stopped = Stopped {
    cut_off: 1,
    end: DrainEnd::TimedOut,
};

fn open(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: all, match: /**, upstream: api }")
        .admin()
}

/// Starts an upstream that responds to a request for each message on the channel.
fn waiting() -> (mpsc::Sender<()>, Upstream) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = wait.lock().unwrap().recv();
        reply(stream, &response(200, "OK", "done"))
    });
    (go, upstream)
}

#[test]
fn a_drain_finishes_requests_and_refuses_new_connections() {
    let (go, upstream) = waiting();
    let proxy = open(&upstream).start();
    let address = proxy.address();
    let mut idle = proxy.connect();
    go.send(()).unwrap();
    assert_eq!(idle.ask(&Request::get("/")).status, 200);
    let mut busy = proxy.connect();
    busy.send(Request::get("/").bytes());
    upstream.await_count(2);
    let stopping = thread::spawn(move || proxy.stop());
    eventually("the listener to close", || TcpStream::connect(address).err());
    assert!(idle.is_closed());
    assert!(!stopping.is_finished());
    go.send(()).unwrap();
    let answer = busy.response();
    assert_eq!(
        (answer.text(), answer.header("connection")),
        ("done", Some("close"))
    );
    assert_eq!(stopping.join().unwrap(), FINISHED);
}

#[test]
fn draining_proxy_is_unready_and_serves_for_the_delay() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream)
        .with("drain: { delay: 300ms, timeout: 5s }")
        .start();
    let (address, admin) = (proxy.address(), proxy.running().admin().unwrap());
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/")).status, 200);
    let stopping = thread::spawn(move || proxy.stop());
    eventually("it to say so", || {
        (Client::connect(admin).ask(&Request::get_admin("/readyz")).status == 503).then_some(())
    });
    assert_eq!(client.ask(&Request::get("/")).status, 200);
    assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
    assert_eq!(stopping.join().unwrap(), FINISHED);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn request_over_the_drain_timeout_is_aborted_and_counted() {
    let upstream = Upstream::answering(|_, _| After::Keep);
    let proxy = open(&upstream)
        .with("drain: { delay: 0s, timeout: 50ms }")
        .start();
    let mut client = proxy.connect();
    client.send(Request::get("/silent").bytes());
    upstream.await_count(1);
    let (stopped, log) = proxy.stop_and_log();
    assert_eq!(stopped, TIMED_OUT);
    assert!(client.is_closed());
    let line = &log[0];
    assert_eq!((log.len(), &line["path"]), (1, &"/silent".into()));
    assert_eq!(
        (&line["outcome"], &line["error"], &line["status"]),
        (&"aborted".into(), &"SHUTDOWN".into(), &0.into())
    );
}

#[test]
fn websocket_open_at_the_drain_timeout_is_logged() {
    let upstream = crate::upstream::echo();
    let proxy = open(&upstream)
        .with("drain: { delay: 0s, timeout: 50ms }")
        .start();
    let mut client = proxy.connect();
    let upgrade = Request::get("/live").header("Connection", "Upgrade");
    client.send(upgrade.header("Upgrade", "websocket").bytes());
    assert_eq!(client.response().status, 101);
    let (stopped, log) = proxy.stop_and_log();
    assert_eq!((stopped, log.len()), (TIMED_OUT, 1));
    let line = &log[0];
    assert_eq!(
        (&line["path"], &line["outcome"], &line["error"]),
        (&"/live".into(), &"aborted".into(), &"SHUTDOWN".into())
    );
    assert_eq!(
        (&line["status"], &line["answered_by"]),
        (&101.into(), &"upstream".into())
    );
}
