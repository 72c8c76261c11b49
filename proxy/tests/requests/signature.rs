//! The signature of injected headers, checked as the documentation describes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use testkit::{Proxy, ProxyBuilder, Recorded, Request, Upstream, now_seconds};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: plain, match: /plain/**, auth: optional, upstream: api }")
        .file("signing-key", SECRET.as_bytes())
        .file("next-key", format!("{OTHER}\n").as_bytes())
        .with(
            "headers: { flags: { name: X-Feature-Flags, include: all }, signature: { secret_file: signing-key, key_id: k1 } }",
        )
}

/// Returns the verdict of the documentation's example on each request.
fn verified(requests: &[Value]) -> Vec<Value> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/requests.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = page
        .split("```python\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let asks =
        "\nimport json, sys\nprint(json.dumps([is_signed(**request) for request in json.load(sys.stdin)]))\n";
    let mut python = Command::new("python3")
        .args(["-c", &format!("{example}{asks}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let input = json!(requests).to_string();
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the request as an application sees it, `seconds` after it was signed.
fn seen(request: &Recorded, seconds: u64) -> Value {
    let headers: Map<String, Value> = request
        .head
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), json!(value)))
        .collect();
    json!({
        "keys": { "k1": SECRET }, "method": request.method(), "target": request.target(),
        "headers": headers, "now": now_seconds() + seconds,
    })
}

#[test]
fn the_documentations_example_verifies_a_signature() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let forged = proxy
        .request("/plain/a%20b?c=d&e", "acme")
        .header("X-Sluice-Signature", "forged")
        .header("X_Sluice_Signature", "forged");
    assert_eq!(proxy.ask(&forged).status, 200);
    let request = upstream.last();
    assert_eq!(request.head.values("x-sluice-signature").len(), 1);
    assert_eq!(request.header("x_sluice_signature"), None);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut seen = seen(&request, 0);
        change(&mut seen);
        seen
    };
    let header = |name: &'static str, value: Value| changed(&|seen| seen["headers"][name] = value.clone());
    let without = |name: &'static str| {
        changed(&|seen| {
            seen["headers"].as_object_mut().unwrap().remove(name).unwrap();
        })
    };
    let signature = request.header("x-sluice-signature").unwrap();
    let cases = [
        (changed(&|_| ()), true),
        (seen(&request, 30), true),
        (
            changed(&|seen| seen["keys"] = json!({ "k0": OTHER, "k1": SECRET })),
            true,
        ),
        // A header that is not signed does not affect the signature.
        (header("x-own", json!("1")), true),
        (header("x-tenant-id", json!("globex")), false),
        (
            header("x-feature-flags", json!("board, core, theme;v=green")),
            false,
        ),
        (without("x-tenant-id"), false),
        (without("x-feature-flags"), false),
        (without("x-sluice-signature"), false),
        (changed(&|seen| seen["target"] = json!("/plain/other")), false),
        (changed(&|seen| seen["target"] = json!("/plain/a%20b?c=d")), false),
        (changed(&|seen| seen["method"] = json!("POST")), false),
        (seen(&request, 120), false),
        (changed(&|seen| seen["keys"] = json!({ "k1": OTHER })), false),
        (changed(&|seen| seen["keys"] = json!({ "k2": SECRET })), false),
        (
            header("x-sluice-signature", json!(signature.replace("x-tenant-id:", ""))),
            false,
        ),
        (
            header("x-sluice-signature", json!(signature.replace("t=1", "t=2"))),
            false,
        ),
        (header("x-sluice-signature", json!("x")), false),
    ];
    let (requests, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    assert_eq!(verified(&requests), expected);
}

#[test]
fn the_absence_of_a_caller_is_signed() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    assert_eq!(proxy.get("/plain/x", "").status, 200);
    let request = upstream.last();
    assert_eq!(request.header("x-tenant-id"), None);
    let mut forged = seen(&request, 0);
    forged["headers"]["x-tenant-id"] = json!("acme");
    assert_eq!(verified(&[seen(&request, 0), forged]), [true, false]);
}

#[test]
fn the_key_rotates_with_a_reload() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    assert_eq!(proxy.get("/plain/x", "acme").status, 200);
    let first = upstream.last();
    proxy.reload(
        "sluice.yaml",
        "secret_file: signing-key, key_id: k1",
        "secret_file: next-key, key_id: k2",
    );
    assert_eq!(proxy.get("/plain/x", "acme").status, 200);
    let second = upstream.last();
    let requests = [&first, &second].map(|request| {
        let mut seen = seen(request, 0);
        seen["keys"] = json!({ "k1": SECRET, "k2": OTHER });
        seen
    });
    assert_eq!(verified(&requests), [true, true]);
    assert_eq!(verified(&[seen(&second, 0)]), [false]);
}

#[test]
fn flags_are_sent_as_baggage_beside_the_clients_members() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: plain, match: /plain, auth: optional, upstream: api }")
        .with("headers: { flags: { name: X-Feature-Flags, include: all }, baggage: true }")
        .start();
    let request = proxy
        .request("/plain", "acme")
        .header("Baggage", "k=v;p=1, feature.board=off")
        .header("baggage", "feature.old=on,l=w");
    assert_eq!(proxy.ask(&request).status, 200);
    assert_eq!(
        upstream.last().head.values("baggage"),
        ["feature.board=on,feature.core=on,feature.theme=blue,k=v;p=1,l=w"]
    );
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: plain, match: /plain, auth: optional, upstream: api }")
        .start();
    let request = Request::get("/plain").header("baggage", "k=v");
    assert_eq!(proxy.ask(&request).status, 200);
    assert_eq!(upstream.last().head.values("baggage"), ["k=v"]);
}

#[test]
fn the_response_header_lists_flags_if_configured() {
    let upstream = Upstream::answering(|_, stream| {
        testkit::reply(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Feature-Flags: forged\r\nx-feature-flags: again\r\n\r\nok",
        )
    });
    let route = "{ name: plain, match: /plain, auth: optional, upstream: api }";
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route(route)
        .with("headers: { flags: { name: X-On, include: all }, response: X-Feature-Flags }")
        .start();
    let answer = proxy.get("/plain", "acme");
    assert_eq!(
        answer.head.values("x-feature-flags"),
        ["board, core, theme;v=blue"]
    );
    let proxy = Proxy::builder().upstream("api", &upstream).route(route).start();
    let answer = proxy.get("/plain", "acme");
    assert_eq!(answer.head.values("x-feature-flags"), ["forged", "again"]);
}

#[test]
fn a_shared_cache_may_not_store_the_flags_of_a_caller() {
    let upstream = Upstream::answering(|_, stream| {
        testkit::reply(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: public, max-age=60, s-maxage=600\r\n\
             CDN-Cache-Control: max-age=600\r\nVary: Accept\r\n\r\nok",
        )
    });
    let route = "{ name: plain, match: /plain, upstream: api }";
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route(route)
        .route("{ name: static, match: /static, auth: none, upstream: api }")
        .with("headers: { response: X-Feature-Flags }")
        .start();
    let callers = [proxy.get("/plain", "acme"), proxy.ask(&Request::get("/plain"))];
    for answer in &callers {
        assert_eq!(answer.head.values("cache-control"), ["private, max-age=60"]);
        assert_eq!(answer.head.values("cdn-cache-control"), [""; 0]);
        assert_eq!(answer.head.values("vary"), ["Accept", "Authorization"]);
    }
    let [caller, anonymous] = callers.map(|answer| answer.head.values("x-feature-flags").len());
    assert_eq!((caller, anonymous), (1, 0));
    // These flags are the same for everyone.
    let answer = proxy.get("/static", "acme");
    assert_eq!(
        answer.head.values("cache-control"),
        ["public, max-age=60, s-maxage=600"]
    );
    assert_eq!(answer.head.values("vary"), ["Accept"]);
    let proxy = Proxy::builder().upstream("api", &upstream).route(route).start();
    let answer = proxy.get("/plain", "acme");
    assert_eq!(
        answer.head.values("cache-control"),
        ["public, max-age=60, s-maxage=600"]
    );
}
