//! Tokens made by hand, and verification with a count of its cost.

use std::cell::Cell;
use std::sync::Once;

use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::Error;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use tokens::{
    Algorithm, ClaimPath, Identity, Issuer, IssuerDefinition, KeySet, Rejection, Signer, Unverified,
};

use crate::keys::{SECRET, base64url, pair};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "api";

thread_local! {
    static VERIFICATIONS: Cell<u32> = const { Cell::new(0) };
}

/// A provider that uses aws-lc and counts the verifications of this thread.
static COUNTING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| (DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    verifier_factory: counted,
    key_utils: KeyUtils::new_unimplemented(),
};

fn counted(algorithm: &jsonwebtoken::Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    VERIFICATIONS.with(|count| count.set(count.get() + 1));
    (DEFAULT_PROVIDER.verifier_factory)(algorithm, key)
}

/// Installs the counting provider. Must run before the crate installs the one without a count.
pub(crate) fn count_verifications() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| COUNTING.install_default().expect("nothing was installed before"));
}

pub(crate) fn path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).unwrap()
}

pub(crate) fn definition(algorithms: &[Algorithm]) -> IssuerDefinition {
    count_verifications();
    IssuerDefinition::new(ISSUER, AUDIENCE, algorithms, path("tenant"))
}

pub(crate) fn issuer(algorithms: &[Algorithm]) -> Issuer {
    Issuer::new(definition(algorithms)).unwrap()
}

/// Returns the key set that verifies `algorithm`, without a name.
pub(crate) fn key_set(algorithm: Algorithm) -> KeySet {
    count_verifications();
    let allowed = [algorithm];
    if algorithm.is_symmetric() {
        return KeySet::from_secret(SECRET, &allowed).unwrap();
    }
    KeySet::from_pem(pair(algorithm).public_pem.as_bytes(), &allowed).unwrap()
}

pub(crate) fn signer(algorithm: Algorithm, kid: Option<&str>) -> Signer {
    count_verifications();
    if algorithm.is_symmetric() {
        return Signer::from_secret(SECRET, algorithm, kid).unwrap();
    }
    Signer::from_pem(pair(algorithm).private_pem.as_bytes(), algorithm, kid).unwrap()
}

/// Claims of a good token, with `changes` put over them; a null removes a claim.
pub(crate) fn claims(changes: Value) -> Value {
    let mut claims =
        json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "tenant": "acme", "sub": "u1" });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// Signs a valid token.
pub(crate) fn token(algorithm: Algorithm) -> String {
    signer(algorithm, None).sign(&claims(json!({}))).unwrap()
}

/// Signs a token of any header and claims.
pub(crate) fn forge(
    header: &str,
    claims: &str,
    key: &EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
) -> String {
    count_verifications();
    let message = format!("{}.{}", base64url(header), base64url(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Reads and verifies `token`, and checks that this took at most one verification.
pub(crate) fn verify(token: &str, issuer: &Issuer, keys: &KeySet, now: u64) -> Result<Identity, Rejection> {
    let (outcome, verifications) = counting(token, issuer, keys, now);
    assert!(verifications <= 1, "{verifications} verifications for {token}");
    outcome
}

/// Reads and verifies `token`, and returns the number of verifications as well.
pub(crate) fn counting(
    token: &str,
    issuer: &Issuer,
    keys: &KeySet,
    now: u64,
) -> (Result<Identity, Rejection>, u32) {
    VERIFICATIONS.with(|count| count.set(0));
    let outcome = Unverified::parse(token).and_then(|token| issuer.verify(&token, keys, now));
    (outcome, VERIFICATIONS.with(Cell::get))
}
