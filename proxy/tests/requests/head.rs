//! Refusals because of the head or the size of a request (edge.md section 1), and connections that are kept after the
//! proxy's own answers.

use testkit::{Client, Proxy, Request, Upstream};

fn open() -> (Upstream, Proxy) {
    let upstream = Upstream::named("all");
    let proxy = Proxy::builder()
        .upstream("all", &upstream)
        .route("{ name: all, match: /open/**, upstream: all }")
        .with("body_limit: 1KiB")
        .start();
    (upstream, proxy)
}

/// Sends these bytes and checks the status, that the connection is closed after it, and that nothing was forwarded.
#[track_caller]
fn check_refused(head: &str, status: u16) {
    let (upstream, proxy) = open();
    let mut client = proxy.connect();
    client.send(head);
    assert_eq!(client.response().status, status, "{head:?}");
    assert!(client.is_closed(), "still open after {head:?}");
    assert_eq!(upstream.count(), 0, "{head:?}");
}

#[test]
fn a_request_without_one_valid_host_is_refused_and_closed() {
    check_refused("GET /open HTTP/1.1\r\n\r\n", 400);
    check_refused("GET /open HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    for host in ["", "a b", "a/b", "user@a", "a:b", "a:99999", "[::1", "ä"] {
        check_refused(&format!("GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400);
    }
}

#[test]
fn an_absolute_target_must_name_the_same_host() {
    check_refused("GET http://b/open HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check_refused("GET http://user@a/open HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

#[test]
fn ambiguous_length_is_rejected_and_closed() {
    for framing in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: -3",
        "Content-Length: 3x",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
    ] {
        check_refused(
            &format!("POST /open HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n0\r\n\r\n"),
            400,
        );
    }
}

#[test]
fn malformed_head_is_rejected_and_closed() {
    for head in [
        "GET /open HTTP/1.1\nHost: a\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET  /open HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /open HTTP/2.0\r\nHost: a\r\n\r\n",
    ] {
        check_refused(head, 400);
    }
}

/// Returns the origin of a refusal: the HTTP layer, or this proxy with a code.
fn refused_by(bytes: &[u8]) -> String {
    let (_upstream, proxy) = open();
    let mut client = proxy.connect();
    client.send(bytes);
    let refused = client.response();
    assert_eq!(refused.status, 400, "{:?}", String::from_utf8_lossy(bytes));
    refused.code()
}

#[test]
fn a_malformed_head_is_answered_with_a_problem() {
    let cases: [(&[u8], &str); 16] = [
        (
            b"GET /open HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "HOST_INVALID",
        ),
        (b"GET http://b/open HTTP/1.1\r\nHost: a\r\n\r\n", "HOST_INVALID"),
        (b"GET http://u@a/open HTTP/1.1\r\nHost: a\r\n\r\n", "HOST_INVALID"),
        (b"GET /open HTTP/1.1\r\nHost: u@a\r\n\r\n", "HOST_INVALID"),
        (
            b"POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            "FRAMING_INVALID",
        ),
        (
            b"POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            "FRAMING_INVALID",
        ),
        (
            b"POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "FRAMING_INVALID",
        ),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD_INVALID"),
        (b"GET /` HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD_INVALID"),
        (b"GET /<x> HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD_INVALID"),
        (b"GET /open HTTP/1.1\r\n\r\n", "HOST_INVALID"),
        (
            b"GET http://a:80/open HTTP/1.1\r\nHost: a\r\n\r\n",
            "HOST_INVALID",
        ),
        (b"GET http://A/open HTTP/1.1\r\nHost: a\r\n\r\n", "HOST_INVALID"),
        (b"GET /open HTTP/1.1\r\nHost: a:b\r\n\r\n", "HOST_INVALID"),
        (
            b"POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "FRAMING_INVALID",
        ),
        (
            b"POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "FRAMING_INVALID",
        ),
    ];
    let found = cases.map(|(bytes, _)| (String::from_utf8_lossy(bytes).into_owned(), refused_by(bytes)));
    let expected = cases.map(|(bytes, by)| (String::from_utf8_lossy(bytes).into_owned(), by.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_connect_is_refused() {
    let (_upstream, proxy) = open();
    let mut client = proxy.connect();
    client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    let refused = client.response();
    assert_eq!(refused.code(), "METHOD_NOT_ALLOWED");
    assert!(
        refused
            .header("allow")
            .is_some_and(|methods| methods.contains("GET"))
    );
    check_refused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405);
}

#[test]
fn http_1_0_client_needs_no_host_and_gets_no_keep_alive() {
    let (upstream, proxy) = open();
    let mut client = proxy.connect();
    client.send("GET /open HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert!(client.is_closed());
    let seen = upstream.only();
    assert_eq!(seen.head.values("Host"), [upstream.address().to_string()]);
    assert_eq!(seen.header("X-Forwarded-Host"), None);
}

#[test]
fn oversized_body_is_rejected_by_length_or_while_read() {
    let (upstream, proxy) = open();
    assert_eq!(proxy.ask(&Request::post("/open", vec![b'x'; 1024])).status, 200);
    let refused = proxy.ask(&Request::post("/open", vec![b'x'; 1025]));
    assert_eq!(
        (refused.status, refused.code()),
        (413, "BODY_TOO_LARGE".to_owned())
    );
    assert_eq!(upstream.count(), 1);

    let mut client = proxy.connect();
    client.send("POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..8 {
        client.send(format!("100\r\n{}\r\n", "x".repeat(256)));
    }
    let refused = client.response();
    assert_eq!(
        (refused.status, refused.code()),
        (413, "BODY_TOO_LARGE".to_owned())
    );
    assert_eq!(upstream.count(), 1, "a whole request came through");
}

#[test]
fn rejected_large_body_still_gets_its_response() {
    let (_upstream, proxy) = open();
    for _ in 0..10 {
        let mut client = proxy.connect();
        client.send(format!(
            "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            512 * 1024
        ));
        // The proxy may close the connection meanwhile; the response must still be readable.
        let _ = client.try_send(vec![b'x'; 512 * 1024]);
        assert_eq!(client.response().status, 413);
        assert!(
            client.ends_well(),
            "the connection was reset, which can overtake the answer"
        );
    }
}

#[test]
fn the_proxys_own_answer_keeps_the_connection() {
    let (upstream, proxy) = open();
    let mut client = proxy.connect();
    for _ in 0..3 {
        let refused = client.ask(&Request::get("/unknown"));
        assert_eq!((refused.status, refused.header("connection")), (404, None));
        let head = client.ask(&Request::new("HEAD", "/unknown"));
        assert_eq!((head.status, head.body.len()), (404, 0));
        assert_ne!(head.header("content-length"), Some("0"));
        let small = client.ask(&Request::post("/unknown", "a small body"));
        assert_eq!((small.status, small.header("connection")), (404, None));
        assert_eq!(client.ask(&Request::get("/open")).status, 200);
    }
    assert_eq!(upstream.count(), 3);
}

#[test]
fn an_answer_before_an_unsized_body_closes_the_connection() {
    let (_upstream, proxy) = open();
    let mut client = proxy.connect();
    client.send("POST /unknown HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    let refused = client.response();
    assert_eq!(
        (refused.status, refused.header("connection")),
        (404, Some("close"))
    );
    assert!(client.finish().is_closed());
}

#[test]
fn connection_close_of_the_client_is_honoured() {
    let (_upstream, proxy) = open();
    for target in ["/open", "/unknown"] {
        let mut client = proxy.connect();
        client.ask(&Request::get(target).header("Connection", "close"));
        assert!(client.is_closed(), "{target}");
    }
}

#[test]
fn bad_request_closes_only_its_own_connection() {
    let (_upstream, proxy) = open();
    let mut good = proxy.connect();
    assert_eq!(good.ask(&Request::get("/open")).status, 200);
    Client::connect(proxy.address()).send("nonsense\r\n\r\n");
    assert_eq!(good.ask(&Request::get("/open")).status, 200);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (upstream, proxy) = open();
    let mut client = proxy.connect();
    let ahead = [
        Request::get("/open/1"),
        Request::post("/unknown", "a body that is not read"),
        Request::post("/open/2", "a body"),
        Request::get("/a%2fb"),
        Request::get("/open/3"),
    ];
    client.send(ahead.iter().flat_map(Request::bytes).collect::<Vec<_>>());
    let statuses: Vec<_> = ahead.iter().map(|_| client.response().status).collect();
    assert_eq!(statuses, [200, 404, 200, 400, 200]);
    let targets: Vec<_> = upstream
        .requests()
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(targets, ["/open/1", "/open/2", "/open/3"]);
}

#[test]
fn a_refused_client_gets_no_100_continue() {
    let (upstream, proxy) = open();
    for (target, length, status) in [("/unknown", 20, 404), ("/open", 2000, 413)] {
        let mut client = proxy.connect();
        client.send(format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        ));
        let refused = client.any_response_to("POST");
        assert_eq!(
            (refused.status, refused.header("connection")),
            (status, Some("close")),
            "{target} {length}"
        );
        assert!(client.ends_well(), "{target} {length}");
    }
    assert_eq!(upstream.count(), 0);
}
