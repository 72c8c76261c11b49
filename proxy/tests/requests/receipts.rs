//! Decision receipts: what is kept of a request, and how it would be decided now.

use proxy::{Receipt, ReceiptFilter, ReceiptNow};
use rules::{Timestamp, bucket};
use testkit::{Issuer, KeyServer, Proxy, ProxyBuilder, Request, Response, Upstream, eventually};
use tokens::Algorithm;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

const FLAGS: &str = "
tiers: [free]
flags:
  board: { lifecycle: ga, rollout: { percentage: 0 } }
  list: { lifecycle: ga, requires: [board] }
  regional: { lifecycle: ga, rules: [{ name: eu, when: { attribute: region, in: [eu] }, serve: on }] }
tenants: { acme: { tier: free }, globex: { tier: free } }
";

fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board/**, gate: board, upstream: api }")
        .route("{ name: list, match: /list, gate: list, upstream: api }")
        .route("{ name: regional, match: /regional/**, gate: regional, upstream: api }")
        .route("{ name: plain, match: /plain, upstream: api }")
        .flags(FLAGS)
}

/// Returns the id in a problem document.
fn id_of(answer: &Response) -> String {
    answer.json()["request_id"].as_str().unwrap().to_owned()
}

/// Returns the receipt of the answer, which is kept after it was sent.
fn receipt(proxy: &Proxy, id: &str) -> (Receipt, ReceiptNow) {
    let observations = proxy.running().observations();
    eventually("the receipt", || observations.receipt(id, NOW))
}

fn refused(proxy: &Proxy, request: &Request) -> (Receipt, ReceiptNow) {
    let answer = proxy.ask(request);
    receipt(proxy, &id_of(&answer))
}

#[test]
fn a_receipt_names_flag_cause_and_bucket() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let request = proxy.request("/board/7?page=2", "acme");
    let (then, now) = refused(&proxy, &request);
    assert_eq!(
        (then.outcome, then.status, then.code),
        ("rejected", 404, Some("NOT_FOUND"))
    );
    assert_eq!((then.method.as_str(), then.path.as_str()), ("GET", "/board/7"));
    assert_eq!(
        (then.route.as_deref(), then.verdict),
        (Some("board"), Some("closed"))
    );
    assert_eq!(
        (then.tenant.as_deref(), then.user.as_deref()),
        (Some("acme"), Some("u-1"))
    );
    assert_eq!(then.issuer.as_deref(), Some(proxy.issuer().name()));
    let [flag] = &*then.flags else { panic!("{then:?}") };
    assert_eq!((flag.flag.as_str(), flag.variant.as_str()), ("board", "off"));
    assert_eq!((flag.reason, flag.cause), ("DEFAULT", "default"));
    assert_eq!(flag.bucket, Some(bucket("board", "acme")));
    assert_eq!(then.revision, now.revision);
    assert!(now.differences.is_empty() && now.undecided.is_none(), "{now:?}");
    assert_eq!((now.outcome, now.status), (Some("rejected"), Some(404)));
}

#[test]
fn the_decision_now_differs_after_a_change() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let answer = proxy.get("/board/7", "acme");
    let id = &id_of(&answer);
    receipt(&proxy, id);
    proxy.publish_flags(&FLAGS.replace("percentage: 0", "percentage: 100"));
    let (_, now) = receipt(&proxy, id);
    assert_eq!((now.outcome, now.verdict), (Some("forwarded"), Some("open")));
    let differences: Vec<_> = now.differences.iter().collect();
    let named = |what: &str| {
        let found = differences.iter().find(|found| found.what == what);
        found.map(|found| (found.then.as_str(), found.now.as_str()))
    };
    assert_eq!(named("outcome"), Some(("rejected", "forwarded")));
    assert_eq!(named("board: variant"), Some(("off", "on")));
    assert_eq!(named("board: cause"), Some(("default", "rollout")));
    assert_eq!(named("board: bucket"), None);
    proxy.publish_flags(
        &FLAGS
            .replace("percentage: 0", "percentage: 100")
            .replace("board: {", "board: { enabled: false,"),
    );
    let (_, now) = receipt(&proxy, id);
    assert_eq!(now.flags[0].cause, "killed");
}

#[test]
fn a_required_flag_that_closed_the_gate_is_named() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let (then, _) = refused(&proxy, &proxy.request("/list", "acme"));
    let flags: Vec<_> = then
        .flags
        .iter()
        .map(|flag| (flag.flag.as_str(), flag.cause, flag.is_required))
        .collect();
    assert_eq!(
        flags,
        [("list", "prerequisite", false), ("board", "default", true)]
    );
}

#[test]
fn every_refusal_by_sluice_is_kept() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .route(
            "{ name: limited, match: /limited, auth: none, upstream: api, limit: { rate: 1/h, by: client } }",
        )
        .start();
    for (request, code) in [
        (proxy.request("/board/1", "acme"), "NOT_FOUND"),
        (Request::get("/board/1"), "TOKEN_MISSING"),
        (Request::get("/board/1").token("a.b.c"), "TOKEN_MALFORMED"),
        (proxy.request("/unknown", "acme"), "NOT_FOUND"),
        (proxy.request("/a%2fb", "acme"), "TARGET_INVALID"),
    ] {
        let (then, _) = refused(&proxy, &request);
        assert_eq!(then.code, Some(code));
    }
    proxy.get("/limited", "");
    let (then, now) = refused(&proxy, &proxy.request("/limited", ""));
    assert_eq!((then.code, then.outcome), (Some("RATE_LIMITED"), "limited"));
    assert_eq!((now.outcome, now.differences.len()), (Some("forwarded"), 0));
    let (then, now) = refused(&proxy, &Request::get("/board/1"));
    assert_eq!((then.outcome, now.outcome), ("unauthenticated", None));
    assert!(now.undecided.unwrap().contains("token"), "{now:?}");
}

#[test]
fn a_forwarded_request_is_kept_only_in_a_sample() {
    let upstream = Upstream::named("api");
    let unsampled = builder(&upstream).start();
    assert_eq!(unsampled.get("/plain", "").status, 200);
    let (kept, _) = refused(&unsampled, &unsampled.request("/board/1", "acme"));
    let list = unsampled
        .running()
        .observations()
        .receipts(&ReceiptFilter::default(), 10);
    assert_eq!(list, [kept]);
    let sampled = builder(&upstream)
        .with("receipts: { keep: 16, sample: 1 }")
        .start();
    sampled.get("/plain", "");
    let observations = sampled.running().observations();
    let kept = eventually("the receipt", || {
        observations.receipts(&ReceiptFilter::default(), 10).pop()
    });
    assert_eq!(
        (kept.outcome, kept.route.as_deref()),
        ("forwarded", Some("plain"))
    );
    let off = builder(&upstream).with("receipts: off").admin().start();
    off.get("/board/1", "acme");
    off.await_metric(
        "sluice_requests_total{route=\"board\",outcome=\"rejected\",status=\"4xx\"}",
        1.0,
    );
    assert!(
        off.running()
            .observations()
            .receipts(&ReceiptFilter::default(), 10)
            .is_empty()
    );
}

#[test]
fn an_unmatched_request_is_matched_again() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let answer = proxy.get("/later", "acme");
    let id = &id_of(&answer);
    let (then, now) = receipt(&proxy, id);
    assert_eq!(
        (then.outcome, then.route, now.outcome),
        ("unmatched", None, Some("unmatched"))
    );
    proxy.reload("sluice.yaml", "match: /plain,", "match: /later,");
    let (_, now) = receipt(&proxy, id);
    assert_eq!(
        (now.route.as_deref(), now.outcome),
        (Some("plain"), Some("forwarded"))
    );
}

#[test]
fn an_unmatched_request_is_not_decided_for_nobody() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    // Its token was not verified, because no route matched.
    let answer = proxy.get("/later/7", "acme");
    let id = &id_of(&answer);
    proxy.reload("sluice.yaml", "match: /board/", "match: /later/");
    let (then, now) = receipt(&proxy, id);
    assert_eq!((then.outcome, now.outcome), ("unmatched", None));
    assert!(now.undecided.unwrap().contains("before its caller was known"));
}

#[test]
fn a_caller_that_could_not_be_verified_is_not_decided_again() {
    let (upstream, keys) = (Upstream::named("api"), KeyServer::broken());
    let issuer = Issuer::new("https://login.example", Algorithm::Es256, "k1");
    let proxy = builder(&upstream)
        .issuer(&issuer, Algorithm::Es256, Some(&keys))
        .start();
    let request = Request::get("/board/7").token(&issuer.token("acme"));
    let (then, now) = refused(&proxy, &request);
    assert_eq!(then.code, Some("KEYS_UNAVAILABLE"));
    assert!(now.undecided.is_some() && now.outcome.is_none(), "{now:?}");
}

#[test]
fn a_receipt_of_a_removed_route_is_not_decided_again() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let answer = proxy.get("/board/1", "acme");
    let id = &id_of(&answer);
    receipt(&proxy, id);
    proxy.reload("sluice.yaml", "name: board,", "name: renamed,");
    let (_, now) = receipt(&proxy, id);
    assert_eq!(now.undecided, Some("its route no longer exists"));
}

#[test]
fn receipts_hold_no_secret_of_a_request() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("identity: { attributes: { region: { header: x-region } } }")
        .start();
    let (token, secret) = (proxy.token("acme"), "Zx9Qw7Er5Ty3Ui1Op8As6Df4");
    let in_path = format!("/regional/reset/{token}?password=hunter2-{secret}");
    let request = proxy
        .request(&in_path, "acme")
        .header("x-region", &format!("password={secret}"))
        .header("cookie", &format!("session={secret}"))
        .header("x-api-key", secret);
    let (then, now) = refused(&proxy, &request);
    assert_eq!(then.attributes.len(), 1, "{then:?}");
    let listed = proxy
        .running()
        .observations()
        .receipts(&ReceiptFilter::default(), 10);
    let text = format!("{then:?} {now:?} {listed:?}");
    assert!(
        text.contains("region") && text.contains("/regional/reset/"),
        "{text}"
    );
    for planted in [&token[..40], &token[token.len() - 40..], secret, "hunter2"] {
        assert!(!text.contains(planted), "{planted} is in {text}");
    }
}

#[test]
fn attributes_decide_again_as_they_did() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("identity: { attributes: { region: { header: x-region } } }")
        .start();
    let request = proxy.request("/regional/1", "acme").header("x-region", "us");
    let answer = proxy.ask(&request);
    let id = &id_of(&answer);
    let (then, now) = receipt(&proxy, id);
    assert_eq!(then.attributes, [("region".to_owned(), "us".to_owned())]);
    assert_eq!(now.outcome, Some("rejected"));
    proxy.publish_flags(&FLAGS.replace("in: [eu]", "in: [us]"));
    assert_eq!(receipt(&proxy, id).1.outcome, Some("forwarded"));
}
