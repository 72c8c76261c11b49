//! Issuers of tokens for tests: a key, its public half as PEM and JWK, and tokens signed with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokens::{Algorithm, Signer};

use crate::verifications::count_verifications;

/// The audience of every test token.
pub(crate) const AUDIENCE: &str = "api";

/// An issuer of tokens with one key.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    signer: Signer,
    /// The public key as a PEM file, or the secret.
    public: Vec<u8>,
    /// The public key as a JWK; null for a secret.
    jwk: Value,
}

/// Seconds since 1970.
#[must_use]
pub fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Issuer {
    /// Creates an issuer with a new key for `algorithm` and a `kid`.
    #[must_use]
    pub fn new(name: &str, algorithm: Algorithm, kid: &str) -> Self {
        count_verifications();
        let (private, public, mut jwk) = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return Self::secret(name, algorithm),
            Algorithm::Es256 => ec_key(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32),
            Algorithm::Es384 => ec_key(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48),
            Algorithm::EdDsa => ed_key(),
            _ => rsa_key(),
        };
        jwk["kid"] = json!(kid);
        jwk["alg"] = json!(algorithm.as_str());
        jwk["use"] = json!("sig");
        let private = pem::encode(&pem::Pem::new("PRIVATE KEY", private));
        let public = pem::encode(&pem::Pem::new("PUBLIC KEY", public)).into_bytes();
        let signer = Signer::from_pem(private.as_bytes(), algorithm, Some(kid)).unwrap();
        Self {
            name: name.to_owned(),
            signer,
            public,
            jwk,
        }
    }

    fn secret(name: &str, algorithm: Algorithm) -> Self {
        let public = b"a secret that is known to tests only and is sixty-four bytes long".to_vec();
        let signer = Signer::from_secret(&public, algorithm, None).unwrap();
        Self {
            name: name.to_owned(),
            signer,
            public,
            jwk: Value::Null,
        }
    }

    /// Returns its name, as in `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key that verifies its tokens, as a file: a PEM, or the secret itself.
    #[must_use]
    pub fn key_file(&self) -> &[u8] {
        &self.public
    }

    /// Returns its public key as a JWK.
    #[must_use]
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// Returns the JWKS of these issuers' keys.
    #[must_use]
    pub fn jwks(issuers: &[&Self]) -> String {
        json!({ "keys": issuers.iter().map(|issuer| &issuer.jwk).collect::<Vec<_>>() }).to_string()
    }

    /// Returns valid claims for a tenant, to be changed by the test. Each call returns different claims, so
    /// that no two tokens are equal. Verifications are counted by token, and all tests share one secret.
    #[must_use]
    pub fn claims(&self, tenant: &str) -> Value {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = now_seconds();
        // Half a minute more than a number of minutes: two explanations of one token, which give whole minutes, agree.
        json!({
            "iss": self.name, "aud": AUDIENCE, "sub": "u-1", "iat": now, "exp": now + 630, "tenant": tenant,
            "jti": COUNT.fetch_add(1, Ordering::Relaxed).to_string(),
        })
    }

    /// Signs a valid token for a tenant.
    #[must_use]
    pub fn token(&self, tenant: &str) -> String {
        self.sign(&self.claims(tenant))
    }

    /// Signs a token of exactly these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims).unwrap()
    }
}

/// The private key (PKCS #8), the public one (SPKI) and the JWK.
type KeyEncodings = (Vec<u8>, Vec<u8>, Value);

fn ec_key(algorithm: &'static EcdsaSigningAlgorithm, curve: &str, width: usize) -> KeyEncodings {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (&point[1..=width], &point[width + 1..]);
    let jwk = json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) });
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (private.as_ref().to_vec(), public.as_ref().to_vec(), jwk)
}

fn ed_key() -> KeyEncodings {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) });
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (private.as_ref().to_vec(), public.as_ref().to_vec(), jwk)
}

fn rsa_key() -> KeyEncodings {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public = pair.public_key();
    let n = encoded(public.modulus().big_endian_without_leading_zero());
    let e = encoded(public.exponent().big_endian_without_leading_zero());
    let spki: PublicKeyX509Der<'_> = public.as_der().unwrap();
    (
        private.as_ref().to_vec(),
        spki.as_ref().to_vec(),
        json!({ "kty": "RSA", "n": n, "e": e }),
    )
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
