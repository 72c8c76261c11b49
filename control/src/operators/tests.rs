use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::http::Uri;
use rules::AdminHosts;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const EXPIRES: Timestamp = Timestamp(NOW.0 + 60_000);
const HERE: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);

fn token(name: &str, role: Role, org: Option<&str>, expires: Option<Timestamp>) -> (String, StaticToken) {
    let (token, hash) = TokenHash::issue().unwrap();
    assert!(
        tokens::OperatorTokens::new().are_found_in(token.as_bytes()),
        "it is recognised where it does not belong"
    );
    let known = StaticToken {
        name: name.to_owned(),
        role,
        org: org.map(str::to_owned),
        hash,
        expires,
    };
    (token, known)
}

fn headers(authorization: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append(header::AUTHORIZATION, value.parse().unwrap());
    }
    headers
}

async fn sign_in(operators: &Operators, authorization: &[&str]) -> Result<Actor, NotSignedIn> {
    let signed_in = operators
        .sign_in(&headers(authorization), SocketAddr::from(HERE), NOW)
        .await;
    signed_in.map(|signed_in| signed_in.actor)
}

fn invalid(reason: &'static str) -> Result<Actor, NotSignedIn> {
    Err(NotSignedIn::Invalid { reason })
}

/// Accepts one token, with its roles and org.
struct Issuer(AtomicUsize);

#[async_trait]
impl VerifyToken for Issuer {
    async fn verify(&self, token: &str, _: Timestamp) -> Result<VerifiedToken, NotVerified> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match token.split_once('/') {
            Some((roles, org)) => Ok(VerifiedToken {
                subject: "ann".to_owned(),
                display_name: Some(format!("Ann {roles}")),
                roles: roles.split('+').map(str::to_owned).collect(),
                org: Some(org.to_owned()).filter(|org| !org.is_empty()),
                expires: EXPIRES,
            }),
            None if token == "later" => Err(NotVerified::Unavailable),
            None => Err(NotVerified::Invalid {
                reason: "the signature is wrong",
            }),
        }
    }
}

#[tokio::test]
async fn without_credentials_a_local_caller_is_admin() {
    let operators = Operators::local();
    let local = sign_in(&operators, &[]).await.unwrap();
    assert_eq!(
        (local.name.as_str(), local.role, local.org),
        ("local", Role::PlatformAdmin, None)
    );
    for (peer, may) in [
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("10.0.0.1:1", false),
    ] {
        let signed_in = operators
            .sign_in(&HeaderMap::new(), peer.parse().unwrap(), NOW)
            .await;
        assert_eq!(signed_in.is_ok(), may, "{peer}");
        assert!(may || signed_in == Err(NotSignedIn::NotLocal));
    }
}

#[tokio::test]
async fn a_static_token_names_its_actor_until_it_expires() {
    let (ann, known_ann) = token("ann", Role::Operator, None, Some(Timestamp(NOW.0 + 1)));
    let (bob, known_bob) = token("bob", Role::OrgAdmin, Some("acme"), Some(NOW));
    let operators = Operators::of(Known {
        tokens: vec![known_ann, known_bob],
        ..Known::default()
    });
    let signed_in = sign_in(&operators, &[&format!("bEaReR {ann}")]).await.unwrap();
    assert_eq!((signed_in.name.as_str(), signed_in.role), ("ann", Role::Operator));
    let expired = sign_in(&operators, &[&format!("Bearer {bob}")]).await;
    assert_eq!(expired, invalid("the token has expired"));
    assert_eq!(sign_in(&operators, &[]).await, Err(NotSignedIn::Missing));
    for (sent, reason) in [
        (&*format!("Bearer {ann}x"), "the token is unknown"),
        ("Bearer sluice_", "the token is unknown"),
        ("Bearer some.other.token", "the token is unknown"),
        ("Basic YTpi", "authorization is not `Bearer TOKEN`"),
        ("Bearer", "authorization has no token"),
    ] {
        assert_eq!(sign_in(&operators, &[sent]).await, invalid(reason), "{sent}");
    }
    let twice = format!("Bearer {ann}");
    assert_eq!(
        sign_in(&operators, &[&twice, &twice]).await,
        invalid("authorization is given twice")
    );
}

#[tokio::test]
async fn a_removed_token_is_rejected() {
    let (ann, known) = token("ann", Role::Viewer, None, None);
    let operators = Operators::of(Known {
        tokens: vec![known],
        ..Known::default()
    });
    let sent = format!("Bearer {ann}");
    assert!(sign_in(&operators, &[&sent]).await.is_ok());
    let (_, other) = token("other", Role::Viewer, None, None);
    operators.replace(Some(Known {
        tokens: vec![other],
        ..Known::default()
    }));
    assert_eq!(
        sign_in(&operators, &[&sent]).await,
        invalid("the token is unknown")
    );
}

#[tokio::test]
async fn revoking_removes_tokens_and_adds_none() {
    let [(ann, known_ann), (bob, known_bob), (eve, known_eve)] =
        ["ann", "bob", "eve"].map(|name| token(name, Role::Viewer, None, None));
    let operators = Operators::of(Known {
        tokens: vec![known_ann, known_bob.clone()],
        ..Known::default()
    });
    operators.revoke_missing(&Known {
        tokens: vec![known_eve, known_bob],
        ..Known::default()
    });
    for (token, is_accepted) in [(ann, false), (bob, true), (eve, false)] {
        let signed_in = sign_in(&operators, &[&format!("Bearer {token}")]).await;
        assert_eq!(signed_in.is_ok(), is_accepted);
    }
}

#[tokio::test]
async fn roles_of_an_issuer_are_mapped_and_the_widest_applies() {
    let issuer = Arc::new(Issuer(AtomicUsize::new(0)));
    let roles = [
        ("sre", Role::PlatformAdmin),
        ("support", Role::Viewer),
        ("customer", Role::OrgAdmin),
    ];
    let operators = Operators::of(Known {
        tokens: Vec::new(),
        issuer: Some(IssuerRoles {
            issuer: "https://login.example".to_owned(),
            verify: Arc::<Issuer>::clone(&issuer) as Arc<dyn VerifyToken>,
            roles: roles.map(|(name, role)| (name.to_owned(), role)).to_vec(),
        }),
        ..Known::default()
    });
    let no_role = || {
        Err(NotSignedIn::NoRole {
            name: "oidc:https://login.example#ann".to_owned(),
        })
    };
    for (sent, expected) in [
        ("support/", Ok((Role::Viewer, None))),
        ("support+sre/acme", Ok((Role::PlatformAdmin, None))),
        ("customer/acme", Ok((Role::OrgAdmin, Some("acme".to_owned())))),
        ("customer/", no_role()),
        ("platform-admin/", no_role()),
        ("SRE/", no_role()),
        ("later", Err(NotSignedIn::Unavailable)),
        (
            "forged",
            Err(NotSignedIn::Invalid {
                reason: "the signature is wrong",
            }),
        ),
    ] {
        let signed_in = sign_in(&operators, &[&format!("Bearer {sent}")]).await;
        assert_eq!(signed_in.map(|actor| (actor.role, actor.org)), expected, "{sent}");
    }
    // A token with the prefix of static tokens is never given to the issuer.
    let asked = issuer.0.load(Ordering::Relaxed);
    assert_eq!(
        sign_in(&operators, &["Bearer sluice_x/acme"]).await,
        invalid("the token is unknown")
    );
    assert_eq!(issuer.0.load(Ordering::Relaxed), asked);
}

#[tokio::test]
async fn equal_names_of_token_and_issuer_are_two_actors() {
    let (token, known) = token("ann", Role::Operator, None, None);
    let roles = |issuer: &str| IssuerRoles {
        issuer: issuer.to_owned(),
        verify: Arc::new(Issuer(AtomicUsize::new(0))),
        roles: vec![("sre".to_owned(), Role::Operator)],
    };
    let operators = Operators::of(Known {
        tokens: vec![known.clone()],
        issuer: Some(roles("https://login.example")),
        ..Known::default()
    });
    let name = async |operators: &Operators, token: &str| {
        let signed_in = sign_in(operators, &[&format!("Bearer {token}")]).await;
        signed_in.unwrap().name
    };
    assert_eq!(name(&operators, &token).await, "ann");
    assert_eq!(name(&operators, "sre/").await, "oidc:https://login.example#ann");
    operators.replace(Some(Known {
        tokens: vec![known],
        issuer: Some(roles("https://other.example")),
        ..Known::default()
    }));
    assert_eq!(name(&operators, "sre/").await, "oidc:https://other.example#ann");
}

#[tokio::test]
async fn the_subject_identifies_an_actor_and_not_its_display_name() {
    let operators = Operators::of(Known {
        tokens: Vec::new(),
        issuer: Some(IssuerRoles {
            issuer: "https://login.example".to_owned(),
            verify: Arc::new(Issuer(AtomicUsize::new(0))),
            roles: vec![("sre".to_owned(), Role::Operator)],
        }),
        ..Known::default()
    });
    // The issuer displays the roles, with control characters in the last one.
    for (token, expected) in [
        ("sre/", Some("Ann sre")),
        ("sre+more/", Some("Ann sre+more")),
        ("sre+\u{7}/", None),
    ] {
        let accepted = operators.accepted.read().clone().unwrap();
        let actor = accepted.sign_in(token, NOW).await.unwrap().0.actor;
        assert_eq!(actor.name, "oidc:https://login.example#ann");
        assert_eq!(actor.display_name.as_deref(), expected);
    }
}

#[tokio::test]
async fn only_failed_sign_ins_of_an_address_are_limited() {
    let (ann, known) = token("ann", Role::Viewer, None, None);
    let operators = Operators::of(Known {
        tokens: vec![known],
        ..Known::default()
    });
    for _ in 0..FAILURES_PER_MINUTE {
        assert_eq!(
            sign_in(&operators, &["Bearer x"]).await,
            invalid("the token is unknown")
        );
    }
    let too_many = sign_in(&operators, &["Bearer x"]).await;
    let Err(NotSignedIn::TooMany { wait }) = too_many else {
        panic!("{too_many:?}");
    };
    assert!(
        wait > Duration::ZERO && wait <= Duration::from_secs(6),
        "{wait:?}"
    );
    assert!(sign_in(&operators, &[&format!("Bearer {ann}")]).await.is_ok());
    let elsewhere = SocketAddr::from(([10, 0, 0, 1], 1));
    let other = operators.sign_in(&headers(&["Bearer x"]), elsewhere, NOW).await;
    assert_eq!(other.map(|other| other.actor), invalid("the token is unknown"));
}

#[tokio::test]
async fn a_flood_locks_no_operator_of_the_issuer_out() {
    let operators = Operators::of(Known {
        tokens: Vec::new(),
        issuer: Some(IssuerRoles {
            issuer: "https://login.example".to_owned(),
            verify: Arc::new(Issuer(AtomicUsize::new(0))),
            roles: vec![("sre".to_owned(), Role::Operator)],
        }),
        ..Known::default()
    });
    for _ in 0..500 {
        assert!(sign_in(&operators, &["Bearer x"]).await.is_err());
        assert!(sign_in(&operators, &["Bearer sre/"]).await.is_ok());
    }
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_count_as_one() {
    let (_, known) = token("ann", Role::Viewer, None, None);
    let operators = Operators::of(Known {
        tokens: vec![known],
        ..Known::default()
    });
    let mut last = Ok(());
    for host in 0..=FAILURES_PER_MINUTE {
        let peer = format!("[2001:db8::{host:x}]:1").parse().unwrap();
        last = operators
            .sign_in(&headers(&["Bearer x"]), peer, NOW)
            .await
            .map(|_| ());
    }
    assert!(matches!(last, Err(NotSignedIn::TooMany { .. })), "{last:?}");
}

/// Returns the token as an older version stored it, without an id.
fn without_id(token: &StaticToken) -> StaticToken {
    let text = token.hash.to_string();
    let (text, _) = text.rsplit_once(':').unwrap();
    StaticToken {
        hash: TokenHash::parse(text).unwrap(),
        ..token.clone()
    }
}

#[tokio::test]
async fn tokens_with_and_without_an_id_sign_in() {
    let mut tokens = Vec::new();
    let mut secrets = Vec::new();
    for at in 0..20 {
        let (secret, known) = token(&format!("t{at}"), Role::Viewer, None, None);
        tokens.push(if at % 2 == 0 { known } else { without_id(&known) });
        secrets.push(secret);
    }
    let operators = Operators::of(Known {
        tokens,
        ..Known::default()
    });
    for _ in 0..2 {
        for (at, secret) in secrets.iter().enumerate() {
            let actor = sign_in(&operators, &[&format!("Bearer {secret}")]).await.unwrap();
            assert_eq!(actor.name, format!("t{at}"));
            // Only the id is right.
            let (id, rest) = secret.split_at(OPERATOR_TOKEN_PREFIX.len() + 8);
            let other = format!("Bearer {id}{}", "A".repeat(rest.len()));
            assert!(sign_in(&operators, &[&other]).await.is_err(), "{other}");
        }
    }
}

/// Returns operators with 998 tokens without an id, one with an id and one more without, and the last two tokens.
fn many_without_id() -> (Vec<StaticToken>, [String; 2]) {
    let (secret, known) = token("new", Role::Viewer, None, None);
    let (old_secret, old) = token("old", Role::Viewer, None, None);
    let mut tokens: Vec<_> = (1..MAX_STATIC_TOKENS - 1)
        .map(|_| without_id(&token("other", Role::Viewer, None, None).1))
        .collect();
    tokens.extend([known, without_id(&old)]);
    (tokens, [secret, old_secret])
}

/// Keeps `callers` sign-ins with invalid tokens in progress.
fn flood(operators: &Arc<Operators>, callers: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let callers = (0..callers).map(|_| {
        let operators = Arc::clone(operators);
        tokio::spawn(async move {
            loop {
                let bogus = format!("Bearer {}", token("bogus", Role::Viewer, None, None).0);
                let refused = sign_in(&operators, &[&bogus]).await;
                assert!(refused.is_err());
                tokio::task::yield_now().await;
            }
        })
    });
    callers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_locks_no_static_token_out() {
    let (tokens, secrets) = many_without_id();
    let operators = Arc::new(Operators::of(Known {
        tokens,
        ..Known::default()
    }));
    // As many as the admin listener has connections.
    let flood = flood(&operators, 128);
    tokio::time::sleep(Duration::from_millis(200)).await;
    // None has signed in before. That with an id is of the same address.
    for (secret, peer) in secrets.iter().zip([HERE, ([127, 0, 0, 2], 1)]) {
        let begun = std::time::Instant::now();
        let sent = headers(&[&format!("Bearer {secret}")]);
        operators.sign_in(&sent, peer.into(), NOW).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
    flood.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_stay_found_across_a_reload() {
    let (tokens, [_, secret]) = many_without_id();
    let known = |tokens: &[StaticToken]| Known {
        tokens: tokens.to_vec(),
        ..Known::default()
    };
    let operators = Operators::of(known(&tokens));
    let sent = format!("Bearer {secret}");
    sign_in(&operators, &[&sent]).await.unwrap();
    let is_searched = || {
        operators
            .accepted()
            .unwrap()
            .tokens
            .searched_tokens(&secret)
            .is_some()
    };
    // In another place of the list, with another role; and then without it.
    let mut reordered = tokens.clone();
    reordered.reverse();
    reordered[0].role = Role::Operator;
    operators.replace(Some(known(&reordered)));
    assert!(!is_searched());
    assert_eq!(sign_in(&operators, &[&sent]).await.unwrap().role, Role::Operator);
    operators.replace(Some(known(&reordered[1..])));
    assert!(is_searched());
    assert_eq!(
        sign_in(&operators, &[&sent]).await,
        invalid("the token is unknown")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_invalid_tokens_are_compared_at_a_limited_rate() {
    let (tokens, [secret, _]) = many_without_id();
    let operators = Arc::new(Operators::of(Known {
        tokens,
        ..Known::default()
    }));
    let searches = &operators.attempts.searches(HERE.0.into());
    let begun = std::time::Instant::now();
    let tokens = std::num::NonZeroU32::new(1_000).unwrap();
    for _ in 0..60 {
        drop(searches.turn(HERE.0.into(), tokens).await);
    }
    // 10,000 hashes at once, and 100,000 per second after them.
    let taken = begun.elapsed();
    assert!((480..5_000).contains(&taken.as_millis()), "{taken:?}");
    // Tokens with an id, and texts that cannot be a token, do not wait for a turn.
    let _turn = searches.turn(HERE.0.into(), tokens).await;
    for _ in 0..2_000 {
        sign_in(&operators, &["Bearer sluice_short"]).await.unwrap_err();
        sign_in(&operators, &[&format!("Bearer {secret}")]).await.unwrap();
    }
}

#[test]
fn only_a_salted_hash_of_a_token_is_stored() {
    let (token, hash) = TokenHash::issue().unwrap();
    let (other, _) = TokenHash::issue().unwrap();
    assert!(
        token.starts_with(OPERATOR_TOKEN_PREFIX) && token.len() == OPERATOR_TOKEN_PREFIX.len() + 43,
        "{token}"
    );
    let text = hash.to_string();
    let again = TokenHash::parse(&text).unwrap();
    assert!(again.is_of(&token) && !again.is_of(&other) && !again.is_of(""));
    assert_eq!(format!("{hash:?}"), "TokenHash(..)");
    for unusable in [
        "",
        "hmac-sha256:",
        "hmac-sha256:AA:AA",
        "hmac-sha256:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:AA",
        &text[1..],
        &format!("{text}="),
    ] {
        assert_eq!(
            TokenHash::parse(unusable),
            Err(TokenHashError::Hash),
            "{unusable}"
        );
    }
}

#[test]
fn requests_of_other_sites_are_rejected() {
    let names = AdminHosts::new(["sluice.internal".into()]);
    let check = |expected: Result<(), Foreign>, given: &[(&'static str, &str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let found = same_origin(&Uri::from_static("/api/v1/whoami"), &headers, &names);
        assert_eq!(found, expected, "{given:?}");
    };
    check(Ok(()), &[("host", "127.0.0.1:9090")]);
    check(Ok(()), &[("host", "[::1]:9090")]);
    check(Ok(()), &[("host", "LocalHost:9090")]);
    check(
        Ok(()),
        &[
            ("host", "sluice.internal:9090"),
            ("origin", "http://sluice.internal:9090"),
        ],
    );
    check(Err(Foreign::Host), &[]);
    check(Err(Foreign::Host), &[("host", "evil.example:9090")]);
    check(Err(Foreign::Host), &[("host", "127.0.0.1.evil.example")]);
    check(
        Err(Foreign::Host),
        &[("host", "localhost"), ("host", "localhost")],
    );
    let host = ("host", "127.0.0.1:9090");
    check(Ok(()), &[host, ("origin", "http://127.0.0.1:9090")]);
    check(Err(Foreign::Origin), &[host, ("origin", "http://127.0.0.1:9091")]);
    check(Err(Foreign::Origin), &[host, ("origin", "https://evil.example")]);
    check(Err(Foreign::Origin), &[host, ("origin", "null")]);
    check(Err(Foreign::Origin), &[host, ("sec-fetch-site", "cross-site")]);
    check(Ok(()), &[host, ("sec-fetch-site", "none")]);
}

#[test]
fn with_an_empty_list_no_caller_signs_in() {
    let operators = Operators::of(Known::default());
    let peer = "127.0.0.1:4711".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let signed_in = runtime.block_on(operators.sign_in(&HeaderMap::new(), peer, Timestamp(0)));
    assert_eq!(signed_in, Err(NotSignedIn::Missing));
    operators.replace(None);
    assert!(!operators.asks());
}
