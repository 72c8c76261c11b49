//! Bypass suite: no spelling of a gated path reaches the gated resource, for an origin with any of the parsing habits
//! that edge.md names.

use testkit::{
    Origin, Proxy, Spelling, SpellingAnswer, Upstream, is_gated_by_rfc_3986, reply, response, served_by,
    spelling_of, spellings, volley,
};

/// Starts a proxy with the gated path beside an open rest, both at one upstream with these `reads`.
fn proxy(upstream: &Upstream, reads: &str, rest: &str) -> Proxy {
    let address = upstream.address();
    Proxy::builder()
        .upstream_at("legacy", &format!("{{ endpoints: [\"{address}\"]{reads} }}"))
        .route("{ name: all, match: /**, upstream: legacy }")
        .route(
            "{ name: admin, match: { host: app.test, path: /admin/users }, gate: board, upstream: legacy }",
        )
        .with(rest)
        .start()
}

/// An upstream that answers with what it was asked for.
fn echo() -> Upstream {
    Upstream::answering(|request, stream| reply(stream, &response(200, "OK", request.target())))
}

fn as_tenant(proxy: &Proxy, tenant: &str, spellings: &[Spelling]) -> Vec<SpellingAnswer> {
    let token = format!("Bearer {}", proxy.token(tenant));
    volley(proxy.address(), spellings, &[("Authorization", &token)])
}

/// Checks that no request that arrived is the gated resource, by RFC 3986 or to any of `origins`. Returns how many
/// arrived.
#[track_caller]
fn check_nothing_gated(upstream: &Upstream, spellings: &[Spelling], origins: &[Origin]) -> usize {
    let requests = upstream.requests();
    let bypasses: Vec<String> = requests
        .iter()
        .filter_map(|recorded| {
            let origin = served_by(origins, recorded).map(|origin| &origin.habits);
            if origin.is_none() && !is_gated_by_rfc_3986(recorded) {
                return None;
            }
            let spelling = &spellings[spelling_of(recorded)];
            Some(format!(
                "{spelling:?} arrived as {} and is served by {origin:?}, or by RFC 3986",
                recorded.target(),
            ))
        })
        .collect();
    assert!(
        bypasses.is_empty(),
        "{} bypasses: {:#?}",
        bypasses.len(),
        &bypasses[..bypasses.len().min(20)]
    );
    requests.len()
}

#[test]
fn every_spelling_reaches_some_origin_without_a_gate() {
    let (spellings, origins) = (spellings(), Origin::all());
    assert!(spellings.len() >= 2_000, "{}", spellings.len());
    assert!(origins.len() >= 300, "{}", origins.len());
    // Without a gate every request is served, which proves that the check can fail.
    let upstream = echo();
    let open = Proxy::builder()
        .upstream("legacy", &upstream)
        .route("{ name: all, match: /**, upstream: legacy }")
        .start();
    let _ = volley(open.address(), &spellings, &[]);
    let requests = upstream.requests();
    let served = requests
        .iter()
        .filter(|recorded| served_by(&origins, recorded).is_some());
    let plain = requests
        .iter()
        .filter(|recorded| served_by(&[Origin::plain()], recorded).is_some());
    let exact = requests.iter().filter(|recorded| is_gated_by_rfc_3986(recorded));
    let (served, plain, exact) = (served.count(), plain.count(), exact.count());
    assert!(served >= 700, "{served} of {} that arrived", requests.len());
    assert!(plain >= 100 && plain < served, "{plain} of {served}");
    assert!(exact >= 100 && exact <= plain, "{exact} of {plain}");
}

#[test]
fn no_spelling_bypasses_a_gate_however_the_origin_reads() {
    let (spellings, upstream) = (spellings(), echo());
    let proxy = proxy(&upstream, "", "");
    let _ = as_tenant(&proxy, "globex", &spellings);
    let arrived = check_nothing_gated(&upstream, &spellings, &Origin::all());
    assert!(arrived >= 100, "only {arrived} of {} arrived", spellings.len());
    assert!(proxy.metric("sluice_ambiguous_targets_total") >= 500.0);
}

#[test]
fn no_spelling_bypasses_a_gate_with_either_encoded_slash_mode() {
    let spellings = spellings();
    for slash in ["keep", "decode"] {
        let upstream = echo();
        let proxy = proxy(&upstream, "", &format!("target: {{ encoded_slash: {slash} }}"));
        let _ = as_tenant(&proxy, "globex", &spellings);
        check_nothing_gated(&upstream, &spellings, &Origin::all());
    }
}

#[test]
fn no_spelling_bypasses_a_gate_for_an_exact_origin() {
    let (spellings, upstream) = (spellings(), echo());
    let proxy = proxy(&upstream, ", reads: exact", "");
    let _ = as_tenant(&proxy, "globex", &spellings);
    check_nothing_gated(&upstream, &spellings, &[Origin::plain()]);
}

#[test]
fn every_spelling_is_served_as_before_with_the_flag() {
    let (spellings, upstream) = (spellings(), echo());
    let answers = |reads: &str| {
        let answers = as_tenant(&proxy(&upstream, reads, ""), "acme", &spellings);
        let reported = |answer: SpellingAnswer| match answer.status {
            200 => (200, answer.body),
            // Other responses contain a request id.
            status => (status, Vec::new()),
        };
        answers.into_iter().map(reported).collect::<Vec<_>>()
    };
    let (with, without) = (answers(""), answers(", reads: exact"));
    for (nth, spelling) in spellings.iter().enumerate() {
        assert_eq!(with[nth], without[nth], "{spelling:?}");
    }
    assert!(with.iter().filter(|(status, _)| *status == 200).count() >= 1_000);
}
