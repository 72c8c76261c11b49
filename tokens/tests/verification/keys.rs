//! Key pairs, made once for the whole run.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPublicKeyUncompressedBin};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pem::Pem;
use serde_json::{Value, json};
use tokens::Algorithm;

/// 64 bytes: long enough for every HMAC.
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// One key pair in all the forms that tests need.
pub(crate) struct Pair {
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
    pub(crate) public_der: Vec<u8>,
    /// The public key as a JWK without `kid`, `use` and `alg`.
    pub(crate) jwk: Value,
}

pub(crate) struct Keys {
    pub(crate) rsa: Pair,
    pub(crate) other_rsa: Pair,
    pub(crate) p256: Pair,
    pub(crate) other_p256: Pair,
    pub(crate) p384: Pair,
    pub(crate) ed25519: Pair,
}

pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        rsa: rsa(),
        other_rsa: rsa(),
        p256: ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
        other_p256: ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
        p384: ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
        ed25519: ed25519(),
    })
}

/// Returns the pair that signs with `algorithm`; not for HMAC.
pub(crate) fn pair(algorithm: Algorithm) -> &'static Pair {
    match algorithm {
        Algorithm::Es256 => &keys().p256,
        Algorithm::Es384 => &keys().p384,
        Algorithm::EdDsa => &keys().ed25519,
        _ => &keys().rsa,
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    pem::encode(&Pem::new(label, der))
}

fn pair_of(private: &[u8], public: &[u8], jwk: Value) -> Pair {
    Pair {
        private_pem: pem("PRIVATE KEY", private),
        public_pem: pem("PUBLIC KEY", public),
        public_der: public.to_vec(),
        jwk,
    }
}

fn rsa() -> Pair {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
    let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
    let jwk = json!({ "kty": "RSA", "n": base64url(modulus), "e": base64url(exponent) });
    let info = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(public).unwrap();
    let private = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    pair_of(private.as_ref(), info.as_ref(), jwk)
}

pub(crate) fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &str) -> Pair {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let public = pair.public_key();
    let point: EcPublicKeyUncompressedBin<'_> = public.as_be_bytes().unwrap();
    let coordinates = &point.as_ref()[1..];
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let jwk = json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) });
    let info = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(public).unwrap();
    pair_of(pair.to_pkcs8v1().unwrap().as_ref(), info.as_ref(), jwk)
}

fn ed25519() -> Pair {
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = pair.public_key();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(public.as_ref()) });
    let info = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(public).unwrap();
    pair_of(pair.to_pkcs8v1().unwrap().as_ref(), info.as_ref(), jwk)
}
