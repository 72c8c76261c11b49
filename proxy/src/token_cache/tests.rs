//! A hit is never more than a verification at that moment would have found.

use serde_json::json;
use tokens::{Algorithm, ClaimPath, Issuer, IssuerDefinition, KeySet, Signer, Unverified};

use super::*;

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 30;
const SECRETS: [&[u8]; 2] = [
    b"0123456789abcdef0123456789abcdef",
    b"fedcba9876543210fedcba9876543210",
];

struct Bench {
    issuers: Arc<Issuers>,
    keys: Vec<Arc<IssuerKeys>>,
    cache: Arc<TokenCache>,
    metrics: Metrics,
}

fn key(secret: usize) -> Arc<IssuerKeys> {
    IssuerKeys::fixed(Arc::new(
        KeySet::from_secret(SECRETS[secret], &[Algorithm::Hs256]).unwrap(),
    ))
}

fn issuers(names: &[&str]) -> Arc<Issuers> {
    let issuer = |name: &&str| {
        let tenant = ClaimPath::parse("tenant").unwrap();
        Issuer::new(IssuerDefinition::new(name, "api", &[Algorithm::Hs256], tenant)).unwrap()
    };
    Arc::new(Issuers::new(names.iter().map(issuer).collect()).unwrap())
}

fn bench(max_bytes: u64) -> Bench {
    let issuers = issuers(&["https://a", "https://b"]);
    let metrics = Metrics::new();
    let cache = TokenCache::new(Arc::clone(&issuers), max_bytes, &metrics);
    Bench {
        issuers,
        keys: vec![key(0), key(0)],
        cache,
        metrics,
    }
}

fn token(claims: serde_json::Value) -> String {
    let mut all = json!({ "iss": "https://a", "aud": "api", "exp": NOW + 100, "tenant": "acme" });
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    Signer::from_secret(SECRETS[0], Algorithm::Hs256, None)
        .unwrap()
        .sign(&all)
        .unwrap()
}

impl Bench {
    fn verify(&self, token: &str, now: u64) -> Arc<Identity> {
        let unverified = Unverified::parse(token).unwrap();
        let issuer = self.issuers.pick(&unverified).unwrap();
        Arc::new(
            issuer
                .verify(&unverified, &self.keys[0].current().unwrap(), now)
                .unwrap(),
        )
    }

    /// Verifies and keeps a token of these claims.
    fn kept(&self, claims: serde_json::Value) -> (String, Arc<Identity>) {
        let token = token(claims);
        let identity = self.verify(&token, NOW);
        self.cache.keep(&token, &identity);
        (token, identity)
    }

    fn finds(&self, token: &str, now: u64) -> bool {
        self.cache.find(token.as_bytes(), now, &self.keys).is_some()
    }

    fn counts(&self) -> [u64; 3] {
        let page = self.metrics.render().unwrap();
        ["hit", "miss", "stale"].map(|result| {
            let start = format!("sluice_token_cache_total{{result=\"{result}\"}} ");
            page.lines()
                .find_map(|line| line.strip_prefix(&start))
                .unwrap()
                .parse()
                .unwrap()
        })
    }
}

#[test]
fn a_verified_token_is_found_again() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, identity) = bench.kept(json!({}));
    let found = bench.cache.find(token.as_bytes(), NOW, &bench.keys).unwrap();
    assert!(Arc::ptr_eq(&found, &identity));
    assert_eq!(bench.counts(), [1, 0, 0]);
}

#[test]
fn a_token_that_differs_in_one_byte_is_not_found() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({}));
    for place in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[place] ^= 1;
        assert!(!bench.finds(std::str::from_utf8(&other).unwrap(), NOW));
    }
    assert!(
        !bench.finds(&token[1..], NOW) && !bench.finds(&format!("{token} "), NOW) && !bench.finds("", NOW)
    );
    assert!(bench.finds(&token, NOW));
}

#[test]
fn cached_token_is_rejected_after_its_expiry() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({ "exp": NOW + 100 }));
    assert!(bench.finds(&token, NOW + 100 + LEEWAY - 1));
    assert!(!bench.finds(&token, NOW + 100 + LEEWAY));
    assert_eq!(bench.counts(), [1, 0, 1]);
    assert_eq!(bench.cache.bytes(), 0, "what has expired makes room");
}

#[test]
fn cached_token_is_rejected_before_its_start() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({ "nbf": NOW }));
    assert!(bench.finds(&token, NOW - LEEWAY));
    assert!(!bench.finds(&token, NOW - LEEWAY - 1), "the clock was set back");
}

#[test]
fn changed_keys_invalidate_cached_tokens_of_the_issuer() {
    let mut bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (of_a, _) = bench.kept(json!({}));
    let (of_b, _) = bench.kept(json!({ "iss": "https://b" }));
    bench.keys[0] = key(1);
    assert!(!bench.finds(&of_a, NOW));
    assert!(bench.finds(&of_b, NOW));
    bench.keys[0] = key(0);
    assert!(!bench.finds(&of_a, NOW), "a stale entry is gone, not asleep");
}

#[test]
fn unchanged_keys_keep_cached_tokens() {
    let mut bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({}));
    bench.keys[0] = key(0);
    assert!(bench.finds(&token, NOW));
}

#[test]
fn absent_keys_invalidate_cached_tokens() {
    let mut bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({}));
    bench.keys.clear();
    assert!(!bench.finds(&token, NOW));
}

#[test]
fn reload_keeps_cached_tokens_of_unchanged_issuers() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({}));
    let same = bench.cache.for_issuers(&issuers(&["https://a", "https://b"]));
    assert!(Arc::ptr_eq(&same, &bench.cache));
    // The same issuers in another order have other numbers.
    let other = bench.cache.for_issuers(&issuers(&["https://b", "https://a"]));
    assert!(other.find(token.as_bytes(), NOW, &bench.keys).is_none());
    other.keep(&token, &bench.verify(&token, NOW));
    assert_eq!(bench.counts(), [0, 1, 0], "both count into the same series");
}

#[test]
fn token_cache_has_a_byte_limit() {
    let max = 256 * 1024;
    let bench = bench(max);
    for user in 0..5_000 {
        bench.kept(json!({ "sub": format!("user-{user}") }));
        assert!(bench.cache.bytes() <= max);
    }
    assert!(bench.cache.bytes() > max / 2);
}

#[test]
fn the_weight_covers_token_and_identity() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, identity) = bench.kept(json!({ "sub": "u".repeat(200) }));
    assert!(bench.cache.bytes() >= (token.len() + identity.size()) as u64);
}

#[test]
fn token_cache_of_size_zero_is_empty() {
    let bench = bench(0);
    let (token, _) = bench.kept(json!({}));
    assert!(!bench.finds(&token, NOW));
}

#[test]
fn debug_output_hides_cached_tokens() {
    let bench = bench(DEFAULT_TOKEN_CACHE_BYTES);
    let (token, _) = bench.kept(json!({}));
    let shown = format!("{:?}", bench.cache);
    assert!(!shown.contains(&token) && !shown.contains("acme"), "{shown}");
}
