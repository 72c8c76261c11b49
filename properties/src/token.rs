//! Tokens and keys: only signed tokens are accepted, with exactly the claims that were signed.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rules::{AttributeValue, Decimal};
use serde_json::{Value, json};
use tokens::{
    Algorithm, ClaimPath, DEFAULT_LEEWAY_SECONDS, Identity, Issuer, IssuerDefinition, KeySet, MAX_GROUPS,
    MAX_JWKS_KEYS, MAX_TOKEN_BYTES, Rejection, Signer, Unverified,
};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "i";
const AUDIENCE: &str = "api";
const SECRET: &[u8] = b"a secret of sixty-four bytes that is known to everybody who reads";
const ALL: [Algorithm; 4] = [
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

/// An issuer, its keys, and a good token of it.
struct Signed {
    issuer: Issuer,
    keys: KeySet,
    token: String,
}

static SIGNED: LazyLock<[Signed; 3]> = LazyLock::new(|| {
    let secret = Signer::from_secret(SECRET, Algorithm::Hs256, Some("h"));
    let edwards = Signer::from_pem(include_bytes!("../keys/ed25519.pem"), Algorithm::EdDsa, Some("e"));
    let curve = Signer::from_pem(include_bytes!("../keys/p256.pem"), Algorithm::Es256, Some("p"));
    [
        Signed::of(
            Algorithm::Hs256,
            KeySet::from_secret(SECRET, &[Algorithm::Hs256]),
            secret,
        ),
        Signed::of(
            Algorithm::EdDsa,
            KeySet::from_pem(include_bytes!("../keys/ed25519.pub.pem"), &[Algorithm::EdDsa]),
            edwards,
        ),
        Signed::of(
            Algorithm::Es256,
            KeySet::from_pem(include_bytes!("../keys/p256.pub.pem"), &[Algorithm::Es256]),
            curve,
        ),
    ]
});

impl Signed {
    fn of(
        algorithm: Algorithm,
        keys: Result<KeySet, tokens::InvalidKey>,
        signer: Result<Signer, tokens::InvalidSigner>,
    ) -> Self {
        let path = |text| ClaimPath::parse(text).expect("a path");
        let mut definition = IssuerDefinition::new(ISSUER, AUDIENCE, &[algorithm], path("org.id"));
        definition.groups = Some(path("groups"));
        definition.attributes = vec![(0, path("plan")), (1, path("/list"))];
        let claims =
            json!({ "iss": ISSUER, "aud": [AUDIENCE], "exp": NOW + 60, "sub": "u", "org": { "id": "t" } });
        Self {
            issuer: Issuer::new(definition).expect("an issuer"),
            keys: keys.expect("a key"),
            token: signer.expect("a signer").sign(&claims).expect("a token"),
        }
    }

    fn verify(&self, token: &str) -> Result<Identity, Rejection> {
        let token = Unverified::parse(token)?;
        let identity = self.issuer.verify(&token, &self.keys, NOW)?;
        assert!(identity.is_fresh(NOW, DEFAULT_LEEWAY_SECONDS));
        assert!(!identity.is_fresh(
            identity.expires_at + DEFAULT_LEEWAY_SECONDS,
            DEFAULT_LEEWAY_SECONDS
        ));
        Ok(identity)
    }
}

/// Checks tokens and keys. The first byte selects the input: a token, changes to a valid one, a header and
/// claims to sign, or keys.
pub fn token(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 6 {
        0 => unsigned(rest),
        1 => changed(&SIGNED[0], rest),
        2 => changed(&SIGNED[1], rest),
        3 => changed(&SIGNED[2], rest),
        4 => signed(rest),
        _ => keys(rest),
    }
}

/// Checks that an unsigned token is rejected by every issuer.
fn unsigned(token: &[u8]) {
    let Ok(token) = std::str::from_utf8(token) else {
        return;
    };
    for signed in SIGNED.iter().filter(|signed| signed.token != token) {
        let rejection = signed.verify(token).expect_err("an unsigned token is refused");
        check_words(&rejection);
    }
}

/// Changes a valid token: groups of three bytes choose the operation, the offset and the byte.
fn changed(signed: &Signed, changes: &[u8]) {
    let mut token = signed.token.clone().into_bytes();
    for change in changes.chunks_exact(3) {
        let at = usize::from(change[1]) * 3 % token.len().max(1);
        match change[0] % 6 {
            0 if !token.is_empty() => token[at] = change[2],
            1 => token.insert(at, change[2]),
            2 if !token.is_empty() => drop(token.remove(at)),
            3 => token.truncate(at),
            4 if !token.is_empty() => token[at] ^= 1 << (change[2] % 8),
            _ => token.extend_from_within(at..),
        }
        if token.len() > MAX_TOKEN_BYTES {
            break;
        }
    }
    let Ok(token) = String::from_utf8(token) else {
        return;
    };
    let message = |token: &str| token.rsplit_once('.').map(|(message, _)| message.to_owned());
    match signed.verify(&token) {
        Err(rejection) => {
            assert_ne!(token, signed.token, "{rejection}");
            check_words(&rejection);
        }
        // An ECDSA signature has two forms for one message.
        Ok(identity) if identity.algorithm == Algorithm::Es256 => {
            assert_eq!(message(&token), message(&signed.token));
        }
        Ok(_) => assert_eq!(token, signed.token, "a changed token counts"),
    }
}

/// Signs a header and claims as they are; the first line break separates them.
fn signed(parts: &[u8]) {
    let mut parts = parts.splitn(2, |&byte| byte == b'\n');
    let (header, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    let token = format!("{message}.{signature}");
    match SIGNED[0].verify(&token) {
        Err(rejection) => check_words(&rejection),
        Ok(identity) => check_identity(&identity, header, claims, token.len()),
    }
}

/// Reads what was signed again, plainly.
fn check_identity(identity: &Identity, header: &[u8], claims: &[u8], length: usize) {
    assert!(length <= MAX_TOKEN_BYTES);
    let header: Value = serde_json::from_slice(header).expect("a header is JSON");
    let claims: Value = serde_json::from_slice(claims).expect("claims are JSON");
    assert_eq!(header["alg"], "HS256");
    assert!(header.get("crit").is_none());
    assert_eq!(claims["iss"], ISSUER);
    let audiences = claims["aud"]
        .as_array()
        .map_or(std::slice::from_ref(&claims["aud"]), Vec::as_slice);
    assert!(audiences.iter().any(|audience| audience == AUDIENCE), "{claims}");
    let leeway = 30.0;
    let number = |name: &str| claims.get(name).map(|value| value.as_f64().expect("a number"));
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this century are whole in an f64"
    )]
    let now = NOW as f64;
    assert!(number("exp").expect("an end") + leeway > now, "{claims}");
    assert!(
        number("nbf").is_none_or(|start| start <= now + leeway),
        "{claims}"
    );
    match &identity.tenant {
        Ok(tenant) => {
            assert_eq!(claims["org"]["id"], tenant.as_str());
            assert!(tenant.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            assert!((1..=rules::MAX_TENANT_ID).contains(&tenant.as_str().len()));
        }
        Err(problem) => assert!(!problem.code().is_empty()),
    }
    if let Some(user) = &identity.user {
        let user = user.as_str();
        assert_eq!(claims["sub"], user);
        assert!((1..=rules::MAX_USER_ID).contains(&user.len()));
        assert!(user.trim() == user && !user.chars().any(char::is_control));
    }
    assert!(identity.groups.len() <= MAX_GROUPS);
    assert!(identity.attributes.len() <= 2);
    let plan = identity.attributes.iter().find(|(index, _)| *index == 0);
    if let Value::Number(number) = &claims["plan"] {
        let expected = Decimal::parse(number.as_str()).ok().map(AttributeValue::Number);
        assert_eq!(plan.map(|(_, value)| value.clone()), expected, "{number}");
    }
}

/// Checks that the answer is fit for `error_description` (RFC 6750 section 3) and holds nothing of the token.
fn check_words(rejection: &Rejection) {
    let words = rejection.description();
    let fits = |byte: u8| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'~');
    assert!(!words.is_empty() && words.bytes().all(fits), "{words}");
    assert!(
        rejection
            .code()
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    );
}

/// Reads the bytes as a JWKS, a PEM file and a secret.
fn keys(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(set) = KeySet::from_jwks(text, &ALL)
    {
        let mut kids: Vec<&str> = set.kids().collect();
        let count = kids.len();
        kids.sort_unstable();
        kids.dedup();
        assert_eq!(kids.len(), count, "a name twice");
        assert!(count + set.skipped().len() <= MAX_JWKS_KEYS.max(1));
        let again = KeySet::from_jwks(text, &ALL).expect("the same keys again");
        assert!(set.generation() == again.generation());
    }
    if let Ok(set) = KeySet::from_pem(bytes, &ALL) {
        assert_eq!(set.kids().count(), 0);
        assert!(
            KeySet::from_secret(bytes, &[Algorithm::Hs256]).is_err(),
            "a public key is no secret"
        );
    }
    if let Err(invalid) = KeySet::from_secret(bytes, &[Algorithm::Hs256]) {
        assert!(!invalid.to_string().is_empty());
    }
}
