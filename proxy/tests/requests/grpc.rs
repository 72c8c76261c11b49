//! gRPC over HTTP/2 on both sides: messages and trailers pass an open gate, and trailers-only responses pass
//! unchanged (edge.md section 7).

use testkit::{H2Answer, H2Client, H2Recorded, H2Upstream, Proxy, Request, grpc_message};

fn service(handler: impl Fn(&H2Recorded) -> H2Answer + Send + Sync + 'static) -> (H2Upstream, Proxy) {
    let upstream = H2Upstream::answering(handler);
    let address = upstream.address();
    let proxy = Proxy::builder()
        .upstream_at(
            "rpc",
            &format!("{{ endpoints: [\"{address}\"], protocol: http2 }}"),
        )
        .route("{ name: board, match: /board.Board/**, gate: board, upstream: rpc }")
        .with("headers: { tenant: X-Tenant-Id }")
        .listening("h2c: true")
        .start();
    (upstream, proxy)
}

fn call(proxy: &Proxy, tenant: &str) -> Request {
    Request::new("POST", "/board.Board/Move")
        .token(&proxy.token(tenant))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

#[test]
fn grpc_messages_and_trailers_pass_only_an_open_gate() {
    let (upstream, proxy) = service(|_| H2Answer::grpc(&[b"one", b"two"], "0"));
    let mut client = H2Client::connect(proxy.address());
    let mut stream = client.open(&call(&proxy, "acme"), false);
    stream
        .send(grpc_message(b"first"), false)
        .send(grpc_message(b"second"), true);
    let answer = stream.answer().unwrap();
    assert_eq!((answer.status, answer.trailer("grpc-status")), (200, Some("0")));
    assert_eq!(answer.body, [grpc_message(b"one"), grpc_message(b"two")].concat());
    let seen = upstream.only();
    assert_eq!(
        (seen.target.as_str(), seen.header("x-tenant-id")),
        ("/board.Board/Move", Some("acme"))
    );
    assert_eq!(seen.header("te"), Some("trailers"));
    assert_eq!(
        seen.body,
        [grpc_message(b"first"), grpc_message(b"second")].concat()
    );

    let mut stream = client.open(&call(&proxy, "globex"), false);
    let refused = stream.send(grpc_message(b"first"), true).answer().unwrap();
    assert_eq!((refused.status, refused.header("grpc-status")), (200, Some("12")));
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn grpc_trailers_only_response_is_forwarded_unchanged() {
    let (_upstream, proxy) = service(|_| H2Answer::grpc_failure("5", "no such board"));
    let mut client = H2Client::connect(proxy.address());
    let mut stream = client.open(&call(&proxy, "acme"), false);
    let answer = stream.send(grpc_message(b"x"), true).answer().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("grpc-status"), Some("5"));
    assert_eq!(answer.header("grpc-message"), Some("no such board"));
}

#[test]
fn a_grpc_upstream_that_is_down_is_unavailable() {
    let (upstream, proxy) = service(|_| H2Answer::new(200, ""));
    drop(upstream);
    let mut client = H2Client::connect(proxy.address());
    let refused = testkit::eventually("the end of the service", || {
        let mut stream = client.open(&call(&proxy, "acme"), false);
        let answer = stream.send(grpc_message(b"x"), true).answer().unwrap();
        answer.header("grpc-status").is_some().then_some(answer)
    });
    assert_eq!((refused.status, refused.header("grpc-status")), (200, Some("14")));
}
