//! Header names that only the proxy may set: whatever a client sends under one, or under an alias of one, the origin
//! sees the proxy's value or none (edge.md section 6).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use testkit::{Client, H2Client, Proxy, Request, Upstream};

/// Marks everything that a client forges.
const FORGED: &str = "forged";
/// Forged headers of one request: with those that belong to it fewer than a head may have.
const BATCH: usize = 40;

const HEADERS: &str = "headers:\n  tenant: X-Tenant-Id\n  user: X-User-Id\n  flags: { name: X-Feature-Flags, include: all }\n  \
                       revision: X-Flags-Revision\n  request_id: X-Request-Id\n  per_flag: [board, theme]\n  signature: { secret_file: key }\n";

/// Names that the proxy sets, with true for those that it sets for a tenant.
const OURS: [&str; 12] = [
    "x-sluice-signature",
    "x-tenant-id",
    "x-user-id",
    "x-feature-flags",
    "x-flags-revision",
    "x-request-id",
    "x-feature-board",
    "x-feature-theme",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
];
/// Names that no one sets.
const NOBODYS: [&str; 52] = [
    "x-feature-other",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-user",
    "x-forwarded-ssl",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
    "x-rewrite-uri",
    "x-override-url",
    "x-http-path-override",
    "x-original-method",
    "x-script-name",
    "x-host",
    "forwarded-for",
    "front-end-https",
    "proxy",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-cluster-client-ip",
    "fastly-client-ip",
    "client-ip",
    "x-envoy-external-address",
    "method-override",
    "_method",
    "x-proxy-url",
    "disguised-host",
    "x-request-url",
    "x-waws-unencoded-url",
    "x-http-host-override",
    "x-real-host",
    "x-tunneled-method",
    "x-original-for",
    "remote-addr",
    "x-matched-path",
    "x-invoke-path",
    "x-invoke-query",
    "x-invoke-output",
    "x-now-route-matches",
    "x-middleware-subrequest",
    "x-middleware-rewrite",
    "x-sendfile-type",
    "x-accel-mapping",
    "x-true-client-ip",
    "cdn-src-ip",
    "x-appengine-remote-addr",
];
/// Names of framing and content, of which the aliases are removed.
const FRAMING: [&str; 9] = [
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "http2-settings",
    "content-type",
    "content-encoding",
    "trailer",
];
/// Characters of a name that an application may read as `_` (RFC 9110 section 5.6.2).
const SEPARATORS: &str = "-_.!#$%&'*+^`|~";

/// The kinds of paths to an upstream: an open gate, a fallback, a shadow gate, no gate, optional and no
/// authentication, and no route.
const PATHS: [&str; 7] = [
    "/open",
    "/closed",
    "/shadow",
    "/plain",
    "/some",
    "/unread",
    "/unmatched",
];

fn proxy_for(address: SocketAddr) -> Proxy {
    Proxy::builder()
        .upstream_at("api", &format!("\"{address}\""))
        .route("{ name: open, match: /open, gate: core, upstream: api }")
        .route("{ name: closed, match: /closed, gate: old, upstream: api, otherwise: { upstream: api } }")
        .route("{ name: shadow, match: /shadow, gate: old, mode: shadow, upstream: api }")
        .route("{ name: plain, match: /plain, upstream: api }")
        .route("{ name: some, match: /some, auth: optional, upstream: api }")
        .route("{ name: unread, match: /unread, auth: none, upstream: api }")
        .with("unmatched: { upstream: api }")
        .with(HEADERS)
        .listening("h2c: true")
        .file("key", &[b'k'; 32])
        .start()
}

/// Returns the names that fold to `name`: with each separator, with two mixed, in three cases.
fn aliases(name: &str) -> Vec<String> {
    let mut spellings = Vec::new();
    for separator in SEPARATORS.chars() {
        let all: String = name.replace('-', &separator.to_string());
        let first = name.replacen('-', &separator.to_string(), 1);
        for alias in [all, first] {
            let mut start = true;
            let title: String = alias
                .chars()
                .map(|letter| {
                    let cased = if start {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    };
                    start = !letter.is_ascii_alphanumeric();
                    cased
                })
                .collect();
            spellings.extend([alias.to_ascii_uppercase(), title, alias]);
        }
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// Returns all spellings that a client may try, except framing names, which frame its own message.
fn forgeries() -> Vec<String> {
    let names = OURS.iter().chain(&NOBODYS).flat_map(|name| aliases(name));
    let framing = FRAMING.iter().flat_map(|name| {
        let own = |alias: &String| alias.eq_ignore_ascii_case(name);
        aliases(name).into_iter().filter(move |alias| !own(alias))
    });
    names.chain(framing).collect()
}

/// Returns a request with a token, if the path needs one or a tenant is expected.
fn request(proxy: &Proxy, path: &str, tenant: &str) -> Request {
    proxy.request(path, tenant)
}

/// Checks the headers that the origin received.
#[track_caller]
fn check_seen(upstream: &Upstream, path: &str, tenant: &str, sent: &[String]) {
    let seen = upstream.last();
    let forged: Vec<_> = seen
        .head
        .headers
        .iter()
        .filter(|(_, value)| value.contains(FORGED))
        .collect();
    assert!(forged.is_empty(), "{path} as {tenant:?}: {forged:?} of {sent:?}");
    for name in OURS {
        let folded = |found: &str| {
            found
                .to_ascii_lowercase()
                .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        };
        let alike: Vec<_> = seen
            .head
            .headers
            .iter()
            .filter(|(found, _)| folded(found) == name)
            .collect();
        assert!(alike.len() <= 1, "{path} as {tenant:?}: {alike:?}");
    }
    let tenants = seen.head.values("x-tenant-id");
    let reported = !tenant.is_empty() && path != "/unread";
    assert_eq!(tenants, if reported { vec![tenant] } else { vec![] }, "{path}");
    assert_eq!(seen.head.values("x-forwarded-for"), ["127.0.0.1"], "{path}");
    assert_eq!(seen.head.values("x-forwarded-host"), ["test"], "{path}");
    assert_eq!(seen.head.values("x-request-id").len(), 1, "{path}");
}

#[test]
fn no_spelling_of_an_injected_name_reaches_an_origin() {
    let upstream = Upstream::named("api");
    let proxy = proxy_for(upstream.address());
    let forgeries = forgeries();
    assert!(forgeries.len() > 2_000, "{}", forgeries.len());
    for path in PATHS {
        let tenants: &[&str] = match path {
            "/open" | "/closed" => &["acme"],
            _ => &["acme", ""],
        };
        for tenant in tenants {
            let mut client = proxy.connect();
            for batch in forgeries.chunks(BATCH) {
                let mut request = request(&proxy, path, tenant);
                for name in batch {
                    request = request.header(name, FORGED);
                }
                let answer = client.ask(&request);
                assert_eq!(
                    answer.status,
                    200,
                    "{path} as {tenant:?}: {} {batch:?}",
                    answer.text()
                );
                check_seen(&upstream, path, tenant, batch);
            }
        }
    }
}

#[test]
fn repeated_injected_name_is_forwarded_once_by_the_proxy() {
    let upstream = Upstream::named("api");
    let proxy = proxy_for(upstream.address());
    for path in PATHS {
        for name in OURS.iter().chain(&NOBODYS) {
            let alias = name.replace('-', "_");
            let spellings = [*name, *name, &name.to_ascii_uppercase(), &alias, &alias];
            let mut request = request(&proxy, path, "acme");
            for spelling in spellings {
                request = request.header(spelling, FORGED).header(spelling, "");
            }
            assert_eq!(proxy.ask(&request).status, 200, "{path} {name}");
            check_seen(&upstream, path, "acme", &[(*name).to_owned()]);
        }
    }
}

#[test]
fn listing_a_header_in_connection_removes_no_injected_one() {
    let upstream = Upstream::named("api");
    let proxy = proxy_for(upstream.address());
    for path in PATHS {
        for name in OURS {
            for nominated in [name.to_owned(), name.replace('-', "_"), name.to_ascii_uppercase()] {
                let request = request(&proxy, path, "acme")
                    .header("Connection", &nominated)
                    .header(&nominated, FORGED);
                let before = upstream.count();
                match proxy.ask(&request).status {
                    200 => check_seen(&upstream, path, "acme", &[nominated]),
                    // Requests that nominate some names are refused.
                    400 => assert_eq!(upstream.count(), before, "{nominated}"),
                    other => panic!("{path}: {nominated}: {other}"),
                }
            }
        }
    }
}

/// Starts an origin that records every byte, and responds at the end of a message with chunks or without a body.
fn raw_origin() -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                bytes.extend_from_slice(&chunk[..read]);
                let text = String::from_utf8_lossy(&bytes);
                let ended = |body: &str| body == "0\r\n\r\n" || body.contains("\r\n0\r\n");
                if text.split_once("\r\n\r\n").is_some_and(|(_, body)| ended(body))
                    && text.ends_with("\r\n\r\n")
                {
                    break;
                }
            }
            kept.lock().unwrap().extend(bytes);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    (address, seen)
}

#[test]
fn client_trailers_carry_no_injected_name() {
    let (address, seen) = raw_origin();
    let proxy = proxy_for(address);
    let names = [
        "X-Tenant-Id",
        "X_Tenant_Id",
        "X-Feature-Flags",
        "X-Forwarded-For",
        "Content-Length",
    ];
    for path in PATHS {
        let token = proxy.token("acme");
        let trailers: String = names.iter().map(|name| format!("{name}: {FORGED}\r\n")).collect();
        let trailers = format!("{trailers}X-Other: passed\r\n");
        let message = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nTrailer: X-Tenant-Id\r\n\
             Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n{trailers}\r\n"
        );
        let mut client = Client::connect(proxy.address());
        let _ = client.try_send(&message);
        let (status, _) = client.head();
        assert!(matches!(status, 200 | 400), "{path}: {status}");
        let seen = String::from_utf8(std::mem::take(&mut *seen.lock().unwrap())).unwrap();
        assert!(!seen.contains(FORGED), "{path}: {seen}");
        assert!(
            status == 400 || seen.ends_with("X-Other: passed\r\n\r\n"),
            "{path}: {seen}"
        );
        assert!(
            !seen.to_ascii_lowercase().contains("\r\ntrailer:"),
            "{path}: {seen}"
        );
    }
}

#[test]
fn no_spelling_of_an_injected_name_passes_over_http2() {
    let upstream = Upstream::named("api");
    let proxy = proxy_for(upstream.address());
    let mut forgeries: Vec<String> = forgeries()
        .iter()
        .map(|name| name.to_ascii_lowercase())
        // These make a request malformed, which is a stream error (RFC 9113 section 8.2.2).
        .filter(|name| name != "te" && name != "connection")
        .collect();
    forgeries.sort_unstable();
    forgeries.dedup();
    assert!(forgeries.len() > 800, "{}", forgeries.len());
    let mut client = H2Client::connect(proxy.address());
    for path in PATHS {
        for batch in forgeries.chunks(BATCH) {
            let mut request = request(&proxy, path, "acme");
            for name in batch {
                request = request.header(name, FORGED).header(name, FORGED);
            }
            let answer = client.ask(&request);
            assert_eq!(answer.status, 200, "{path}: {batch:?}");
            check_seen(&upstream, path, "acme", batch);
        }
    }
}

#[test]
fn http2_trailers_carry_no_injected_name() {
    let (address, seen) = raw_origin();
    let proxy = proxy_for(address);
    for path in PATHS {
        let token = proxy.token("acme");
        let mut client = H2Client::connect(proxy.address());
        let head = Request::new("POST", path).token(&token);
        let mut stream = client.open(&head, false);
        stream.send("body", false);
        stream.trailers(&[
            ("x-tenant-id", FORGED),
            ("x_tenant_id", FORGED),
            ("x-other", "passed"),
        ]);
        let status = stream.head().map(|(status, _)| status);
        assert!(matches!(status, Ok(200 | 400) | Err(_)), "{path}: {status:?}");
        let seen = String::from_utf8(std::mem::take(&mut *seen.lock().unwrap())).unwrap();
        assert!(!seen.contains(FORGED), "{path}: {seen}");
    }
}
