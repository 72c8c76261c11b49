//! Traces over OTLP: which requests have one, what its spans and events have, and that no collector delays a request.

use std::time::{Duration, Instant};

use testkit::{
    Authority, H2Client, Proxy, ProxyBuilder, Request, Span, TlsFront, TraceCollector, Upstream,
    attribute_texts, eventually, never, reply, response,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// A pair of a variable that every test process has, and its value.
const VARIABLE: &str = "CARGO_PKG_NAME";

/// Returns a proxy whose board is gated, and that exports to `url`.
fn builder(upstream: &Upstream, url: &str, more: &str) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: { all: [core, board] }, upstream: api }")
        .route("{ name: plain, match: /plain/**, upstream: api, auth: none }")
        .with(&format!("traces: {{ otlp: \"{url}\"{more} }}"))
        .with("trusted_proxies: [127.0.0.1]")
        .admin()
}

fn proxy(upstream: &Upstream, collector: &TraceCollector, more: &str) -> Proxy {
    builder(upstream, &collector.url(), more).start()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the request with a `traceparent` that has these flags.
fn traced(request: Request, flags: &str) -> Request {
    request.header("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"))
}

/// Splits the only request's spans into its own and those of attempts, in their order.
fn parts(spans: Vec<Span>) -> (Span, Vec<Span>) {
    const SERVER: i32 = 2;
    let (mut own, attempts): (Vec<_>, Vec<_>) = spans.into_iter().partition(|span| span.kind == SERVER);
    assert_eq!(own.len(), 1, "{own:#?}");
    (own.remove(0), attempts)
}

#[track_caller]
fn check_attributes(span: &Span, expected: &[&str]) {
    let mut expected: Vec<_> = expected.iter().map(|text| (*text).to_owned()).collect();
    expected.sort();
    assert_eq!(attribute_texts(&span.attributes), expected);
}

#[test]
fn a_span_follows_the_semantic_conventions() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(
        &upstream,
        &collector,
        ", sample: 1, service_name: shop, attributes: { deployment.environment.name: test }",
    );
    let request = proxy.request("/board?secret=1", "acme").host("shop.test");
    assert_eq!(proxy.ask(&request.header("user-agent", "probe/1")).status, 200);
    let (span, attempts) = parts(collector.await_spans(2));
    let id = upstream.only().header("x-request-id").unwrap().to_owned();
    assert_eq!(
        (span.name.as_str(), hex(&span.trace_id)),
        ("GET board", id.clone())
    );
    assert_eq!(
        (hex(&span.span_id), span.parent_span_id.len()),
        (id[16..].to_owned(), 0)
    );
    check_attributes(
        &span,
        &[
            "http.request.method=GET",
            "http.response.status_code=200",
            "http.route=board",
            "network.protocol.name=http",
            "network.protocol.version=1.1",
            "server.address=shop.test",
            "sluice.cause=default",
            "sluice.outcome=forwarded",
            &format!("sluice.request_id={id}"),
            "url.path=/board",
            "url.scheme=http",
            "user_agent.original=probe/1",
        ],
    );
    let address = upstream.address();
    assert_eq!((attempts.len(), attempts[0].name.as_str()), (1, "GET"));
    check_attributes(
        &attempts[0],
        &[
            "http.request.method=GET",
            "http.response.status_code=200",
            "network.peer.address=127.0.0.1",
            &format!("network.peer.port={}", address.port()),
            "server.address=127.0.0.1",
            &format!("server.port={}", address.port()),
            "sluice.upstream=api",
            &format!("url.full=http://{address}/board"),
        ],
    );
    assert_eq!(attempts[0].parent_span_id, span.span_id);
    assert!(span.start_time_unix_nano <= attempts[0].start_time_unix_nano);
    assert!(attempts[0].end_time_unix_nano <= span.end_time_unix_nano);
    let version = format!("service.version={}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        collector.resource(),
        [
            "deployment.environment.name=test",
            "service.name=shop",
            version.as_str()
        ]
    );
}

#[test]
fn the_context_of_a_client_is_continued() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 0");
    let request = traced(Request::get("/plain/a"), "01").header("tracestate", "vendor=1");
    assert_eq!(proxy.ask(&request).status, 200);
    let (span, attempts) = parts(collector.await_spans(2));
    assert_eq!(
        (hex(&span.trace_id), hex(&span.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(
        (span.trace_state.as_str(), hex(&attempts[0].trace_id)),
        ("vendor=1", TRACE.into())
    );
    let seen = upstream.only();
    // The upstream's parent is the span of the attempt.
    let expected = format!("00-{TRACE}-{}-01", hex(&attempts[0].span_id));
    assert_eq!(seen.header("traceparent"), Some(&*expected));
    assert_eq!(seen.header("tracestate"), Some("vendor=1"));
    assert_eq!(proxy.log(1)[0]["trace_id"], TRACE);
    // Flags: sampled, and a parent in another process.
    assert_eq!((span.flags, attempts[0].flags), (0x301, 0x101));
}

#[test]
fn an_invalid_context_restarts_the_trace() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1");
    let invalid = format!("00-{}-{PARENT}-01", TRACE.to_uppercase());
    let request = Request::get("/plain/a").header("traceparent", &invalid);
    proxy.ask(&request.header("tracestate", "vendor=1"));
    let (span, attempts) = parts(collector.await_spans(2));
    let seen = upstream.only();
    assert_eq!(hex(&span.trace_id), seen.header("x-request-id").unwrap());
    assert_eq!((span.parent_span_id.len(), span.trace_state.as_str()), (0, ""));
    let expected = format!("00-{}-{}-01", hex(&span.trace_id), hex(&attempts[0].span_id));
    assert_eq!(
        (seen.header("traceparent"), seen.header("tracestate")),
        (Some(&*expected), None)
    );
}

#[test]
fn a_repeated_context_is_not_in_the_log() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1");
    let request = traced(traced(proxy.request("/board", "globex"), "01"), "01");
    assert_eq!(proxy.ask(&request).status, 404);
    let (span, _) = parts(collector.await_spans(1));
    assert_eq!(proxy.log(1)[0]["trace_id"], hex(&span.trace_id));
}

#[test]
fn an_unsampled_request_has_no_span() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 0");
    proxy.ask(&traced(Request::get("/plain/a"), "00"));
    proxy.get("/plain/b", "");
    let seen = upstream.requests();
    // As without traces: the span of the request, and the flags of the client or those of a new trace.
    for (request, trace, flags) in [(&seen[0], Some(TRACE), "00"), (&seen[1], None, "01")] {
        let id = request.header("x-request-id").unwrap();
        let expected = format!("00-{}-{}-{flags}", trace.unwrap_or(id), &id[16..]);
        assert_eq!(request.header("traceparent"), Some(&*expected));
    }
    never("an export", || collector.exports() > 0);
}

#[test]
fn the_flag_of_an_untrusted_client_has_no_effect() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: plain, match: /plain/**, upstream: api, auth: none }")
        .with(&format!("traces: {{ otlp: \"{}\", sample: 0 }}", collector.url()))
        .start();
    proxy.ask(&traced(Request::get("/plain/a"), "01"));
    assert!(
        upstream
            .only()
            .header("traceparent")
            .unwrap()
            .starts_with(&format!("00-{TRACE}-"))
    );
    never("an export", || collector.exports() > 0);
}

#[test]
fn the_flag_of_a_trusted_proxy_can_be_ignored() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 0, parent: ignore");
    proxy.ask(&traced(Request::get("/plain/a"), "01"));
    never("an export", || collector.exports() > 0);
}

#[test]
fn the_sampling_changes_without_a_restart() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 0");
    proxy.get("/plain/a", "");
    let published = proxy.reload("sluice.yaml", "sample: 0", "sample: 1");
    assert_eq!(published.needs_restart, [""; 0]);
    proxy.get("/plain/b", "");
    let (span, _) = parts(collector.await_spans(2));
    assert!(attribute_texts(&span.attributes).contains(&"url.path=/plain/b".to_owned()));
}

#[test]
fn every_attempt_has_a_span() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{dead}\", \"{}\"] }}",
        upstream.address()
    ))
    .with(&format!("traces: {{ otlp: \"{}\", sample: 1 }}", collector.url()))
    .start();
    let mut retried = 0;
    // Endpoints take turns: one of two requests meets the dead one first.
    for _ in 0..2 {
        assert_eq!(proxy.get("/", "").status, 200);
    }
    let spans = collector.await_spans(5);
    for attempt in spans.iter().filter(|span| span.kind == 3) {
        let attributes = attribute_texts(&attempt.attributes);
        let has = |attribute: &str| attributes.iter().any(|text| text == attribute);
        if has(&format!("server.port={}", dead.port())) {
            assert!(has("error.type=UPSTREAM_UNREACHABLE"), "{attributes:?}");
            assert_eq!(attempt.status.as_ref().unwrap().code, 2, "{attributes:?}");
            retried += 1;
        } else {
            assert!(has("http.response.status_code=200"), "{attributes:?}");
        }
    }
    let resent = spans
        .iter()
        .filter(|span| attribute_texts(&span.attributes).contains(&"http.request.resend_count=1".to_owned()));
    let resent: Vec<_> = resent.collect();
    assert_eq!((retried, resent.len()), (1, 1));
    let parents: Vec<_> = upstream.requests();
    let names = |span: &Span| {
        let id = hex(&span.span_id);
        parents
            .iter()
            .any(|seen| seen.header("traceparent").unwrap().contains(&id))
    };
    assert!(names(resent[0]), "the upstream's parent is the second attempt");
}

#[test]
fn an_error_of_the_server_sets_the_status() {
    let upstream = Upstream::answering(|_, stream| reply(stream, &response(503, "No", "")));
    let collector = TraceCollector::http();
    let proxy = proxy(&upstream, &collector, ", sample: 1");
    assert_eq!(proxy.get("/plain/a", "").status, 503);
    let (span, attempts) = parts(collector.await_spans(2));
    for span in [&span, &attempts[0]] {
        let attributes = attribute_texts(&span.attributes);
        assert!(
            attributes.contains(&"error.type=503".to_owned()),
            "{attributes:?}"
        );
        assert_eq!(span.status.as_ref().unwrap().code, 2);
    }
}

#[test]
fn a_refused_request_has_its_cause_and_no_attempt() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1");
    assert_eq!(proxy.get("/board", "globex").status, 404);
    let (span, attempts) = parts(collector.await_spans(1));
    assert_eq!(attempts.len(), 0);
    let attributes = attribute_texts(&span.attributes);
    for expected in [
        "http.response.status_code=404",
        "sluice.outcome=rejected",
        "sluice.error=NOT_FOUND",
        "sluice.cause=default",
    ] {
        assert!(attributes.contains(&expected.to_owned()), "{attributes:?}");
    }
    // An error of the client is no error of the server.
    assert_eq!(span.status.as_ref().unwrap().code, 0);
}

#[test]
fn unknown_methods_and_http2_are_named() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = builder(&upstream, &collector.url(), ", sample: 1")
        .listening("h2c: true")
        .start();
    proxy.ask(&Request::new("BREW", "/plain/a"));
    let (span, _) = parts(collector.await_spans(2));
    assert_eq!(span.name, "HTTP plain");
    let attributes = attribute_texts(&span.attributes);
    assert!(
        attributes.contains(&"http.request.method=_OTHER".to_owned()),
        "{attributes:?}"
    );
    let mut client = H2Client::connect(proxy.address());
    assert_eq!(client.ask(&Request::get("/plain/b")).status, 200);
    let spans = collector.await_spans(4);
    let versions = spans.iter().flat_map(|span| attribute_texts(&span.attributes));
    assert_eq!(
        versions
            .filter(|text| text == "network.protocol.version=2")
            .count(),
        1
    );
}

/// The attributes of the evaluations of a request of acme for the board.
const EVALUATIONS: [&[&str]; 2] = [
    &[
        "feature_flag.context.id=acme",
        "feature_flag.key=core",
        "feature_flag.provider.name=sluice",
        "feature_flag.result.reason=default",
        "feature_flag.result.variant=on",
        "feature_flag.set.id=production",
        "sluice.cause=default",
    ],
    &[
        "feature_flag.context.id=acme",
        "feature_flag.key=board",
        "feature_flag.provider.name=sluice",
        "feature_flag.result.reason=targeting_match",
        "feature_flag.result.variant=on",
        "feature_flag.set.id=production",
        "sluice.cause=override",
    ],
];

#[track_caller]
fn check_evaluations(mut evaluations: Vec<Vec<String>>) {
    evaluations.sort();
    let mut expected: Vec<Vec<String>> = EVALUATIONS
        .iter()
        .map(|attributes| attributes.iter().map(|text| (*text).to_owned()).collect())
        .collect();
    expected.sort();
    for evaluation in &mut evaluations {
        let version = evaluation
            .iter()
            .position(|text| text.starts_with("feature_flag.version="));
        evaluation.remove(version.expect("a version"));
    }
    assert_eq!(evaluations, expected);
}

#[test]
fn flag_evaluations_are_log_events() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1");
    assert_eq!(proxy.get("/board", "acme").status, 200);
    let (span, _) = parts(collector.await_spans(2));
    let logs = eventually("evaluations at the collector", || {
        let logs = collector.logs();
        (logs.len() >= 2).then_some(logs)
    });
    for log in &logs {
        assert_eq!(log.event_name, "feature_flag.evaluation");
        assert_eq!((&log.trace_id, &log.span_id), (&span.trace_id, &span.span_id));
    }
    check_evaluations(logs.iter().map(|log| attribute_texts(&log.attributes)).collect());
    assert!(span.events.is_empty());
    proxy.await_metric("sluice_trace_events_total{result=\"exported\"}", 2.0);
    proxy.await_metric("sluice_trace_spans_total{result=\"exported\"}", 2.0);
}

#[test]
fn flag_evaluations_can_be_span_events() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1, evaluations: span_events");
    assert_eq!(proxy.get("/board", "acme").status, 200);
    let (span, attempts) = parts(collector.await_spans(2));
    assert!(
        span.events
            .iter()
            .all(|event| event.name == "feature_flag.evaluation")
    );
    check_evaluations(
        span.events
            .iter()
            .map(|event| attribute_texts(&event.attributes))
            .collect(),
    );
    assert!(attempts[0].events.is_empty());
    assert!(collector.logs().is_empty());
}

#[test]
fn no_secret_is_exported() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let more = format!(", sample: 1, headers: {{ authorization: \"${{{VARIABLE}}}\" }}");
    let proxy = proxy(&upstream, &collector, &more);
    let token = proxy.token("acme");
    let request = Request::get("/board?key=hunter2-query")
        .token(&token)
        .header("cookie", "session=hunter2-cookie")
        .header("x-api-key", "hunter2-key")
        .header("x-forwarded-for", "192.0.2.99")
        .header("referer", "https://shop.test/?hunter2-referer");
    assert_eq!(proxy.ask(&request).status, 200);
    proxy.ask(&Request::get("/board").token("hunter2.bad.token"));
    // A token in a path or a text of the client is masked, as in the access log.
    let in_path = Request::get(&format!("/invite/{token}")).header("user-agent", &format!("app {token}"));
    proxy.ask(&in_path);
    collector.await_spans(4);
    eventually("evaluations at the collector", || {
        (collector.logs().len() == 2).then_some(())
    });
    let payload = String::from_utf8_lossy(&collector.payload()).into_owned();
    assert!(payload.contains("/board"), "texts of the payload can be read");
    let signature = token.rsplit('.').next().unwrap();
    // `u-1` is the user of the token; the address is that of the client.
    for secret in ["hunter2", &*token, signature, "u-1", "192.0.2.99", "key="] {
        assert!(!payload.contains(secret), "{secret}");
    }
    let value = std::env::var(VARIABLE).unwrap();
    assert_eq!(collector.authorizations()[0], value);
}

#[test]
fn traces_are_exported_over_grpc() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::grpc());
    let more = format!(", protocol: grpc, sample: 1, headers: {{ authorization: \"${{{VARIABLE}}}\" }}");
    let proxy = proxy(&upstream, &collector, &more);
    assert_eq!(proxy.get("/board", "acme").status, 200);
    collector.await_spans(2);
    eventually("evaluations at the collector", || {
        (collector.logs().len() == 2).then_some(())
    });
    let value = std::env::var(VARIABLE).unwrap();
    assert_eq!(collector.authorizations(), [value.clone(), value]);
}

#[test]
fn a_collector_is_trusted_by_its_authority() {
    let upstream = Upstream::named("api");
    let (authority, other) = (Authority::new(), Authority::new());
    for (protocol, alpn) in [("http", "http/1.1"), ("grpc", "h2")] {
        let collector = if protocol == "http" {
            TraceCollector::http()
        } else {
            TraceCollector::grpc()
        };
        let front = TlsFront::new(
            &authority.server(&["localhost"]),
            &[alpn],
            None,
            collector.address(),
        );
        let url = format!("https://localhost:{}", front.address().port());
        let start = |ca: &Authority| {
            let more = format!(", protocol: {protocol}, sample: 1, ca_file: ca.pem");
            builder(&upstream, &url, &more)
                .file("ca.pem", ca.pem().as_bytes())
                .start()
        };
        let refusing = start(&other);
        assert_eq!(refusing.get("/plain/a", "").status, 200);
        refusing.await_metric("sluice_trace_export_failures_total", 1.0);
        assert_eq!(collector.exports(), 0, "{protocol}");
        let proxy = start(&authority);
        assert_eq!(proxy.get("/plain/a", "").status, 200);
        collector.await_spans(2);
    }
}

#[test]
fn a_collector_that_is_away_fails_no_request() {
    let upstream = Upstream::named("api");
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for protocol in ["http", "grpc"] {
        let proxy = builder(
            &upstream,
            &format!("http://{dead}"),
            &format!(", protocol: {protocol}, sample: 1"),
        )
        .start();
        assert_eq!(proxy.get("/plain/a", "").status, 200);
        proxy.await_metric("sluice_trace_spans_total{result=\"failed\"}", 2.0);
        proxy.await_metric("sluice_trace_export_failures_total", 1.0);
    }
}

#[test]
fn a_slow_collector_delays_no_request() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1, timeout: 1s");
    collector.hold();
    proxy.get("/plain/a", "");
    eventually("the export that is held", || {
        (collector.exports() > 0).then_some(())
    });
    let (mut client, begun) = (proxy.connect(), Instant::now());
    for _ in 0..50 {
        assert_eq!(client.ask(&Request::get("/plain/b")).status, 200);
    }
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    proxy.await_metric("sluice_trace_spans_total{result=\"failed\"}", 2.0);
    collector.accept();
    proxy.await_metric("sluice_trace_spans_total{result=\"exported\"}", 100.0);
}

#[test]
fn a_collector_that_refuses_is_asked_once_more() {
    let upstream = Upstream::named("api");
    for (collector, protocol, transient, permanent) in [
        (TraceCollector::http(), "http", 503, 400),
        (TraceCollector::grpc(), "grpc", 14, 3),
    ] {
        let proxy = proxy(
            &upstream,
            &collector,
            &format!(", protocol: {protocol}, sample: 1"),
        );
        collector.refuse(permanent);
        proxy.get("/plain/a", "");
        proxy.await_metric("sluice_trace_export_failures_total", 1.0);
        assert_eq!(collector.exports(), 1, "{protocol}");
        collector.refuse(transient);
        proxy.get("/plain/a", "");
        eventually("a second export", || (collector.exports() == 2).then_some(()));
        collector.accept();
        collector.await_spans(2);
        assert_eq!(proxy.metric("sluice_trace_export_failures_total"), 1.0);
    }
}

#[test]
fn the_last_traces_are_exported_at_shutdown() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1");
    for _ in 0..20 {
        proxy.get("/plain/a", "");
    }
    proxy.stop();
    assert_eq!(collector.spans().len(), 40);
}

#[test]
fn a_collector_without_an_answer_does_not_hold_a_shutdown() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, ", sample: 1, timeout: 60s");
    collector.hold();
    proxy.get("/plain/a", "");
    eventually("the export that is held", || {
        (collector.exports() > 0).then_some(())
    });
    let begun = Instant::now();
    proxy.stop();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    collector.accept();
}
