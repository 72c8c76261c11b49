//! Making tokens.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;
use tokens::{Algorithm, InvalidAlgorithm, KeySet, Signer, Unverified};

use crate::fixture::{NOW, claims, count_verifications, issuer, signer, verify};
use crate::keys::{SECRET, keys, pem};

#[test]
fn an_algorithm_is_parsed_from_its_exact_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::parse(&algorithm.to_string()), Ok(algorithm));
    }
    for name in ["none", "None", "NONE"] {
        assert_eq!(Algorithm::parse(name), Err(InvalidAlgorithm::None));
    }
    assert_eq!(
        Algorithm::parse("rs256").unwrap_err().to_string(),
        "`rs256` is not a known algorithm; known algorithms are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, \
         PS512, ES256, ES384, EdDSA"
    );
}

#[test]
fn a_signer_sets_kid_and_alg() {
    let signed = signer(Algorithm::Es256, Some("k1"))
        .sign(&claims(json!({})))
        .unwrap();
    let unverified = Unverified::parse(&signed).unwrap();
    assert_eq!(
        (unverified.kid(), unverified.algorithm()),
        (Some("k1"), Algorithm::Es256)
    );
}

#[test]
fn a_sec1_key_signs_as_its_pkcs8_form_does() {
    count_verifications();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let private = pem("EC PRIVATE KEY", der.as_ref());
    let signer = Signer::from_pem(private.as_bytes(), Algorithm::Es256, None).unwrap();
    let public = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).unwrap();
    let info = {
        use aws_lc_rs::encoding::PublicKeyX509Der;
        use aws_lc_rs::signature::KeyPair;
        AsDer::<PublicKeyX509Der<'_>>::as_der(public.public_key()).unwrap()
    };
    let keys = KeySet::from_pem(pem("PUBLIC KEY", info.as_ref()).as_bytes(), &[Algorithm::Es256]).unwrap();
    let signed = signer.sign(&claims(json!({}))).unwrap();
    assert!(verify(&signed, &issuer(&[Algorithm::Es256]), &keys, NOW).is_ok());
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_its_reason() {
    count_verifications();
    let keys = keys();
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let encrypted =
        "it is encrypted; signing needs it without a passphrase (`openssl pkey -in KEY -out PLAIN`)";
    let cases = [
        (
            &*keys.rsa.public_pem,
            Algorithm::Rs256,
            "it is a public key; signing needs the private one",
        ),
        (
            &keys.rsa.private_pem,
            Algorithm::Es256,
            "it is not a private key that ES256 can sign with",
        ),
        (
            &keys.rsa.private_pem,
            Algorithm::EdDsa,
            "it is not a private key that EdDSA can sign with",
        ),
        (
            &keys.p256.private_pem,
            Algorithm::Es384,
            "it is not a private key that ES384 can sign with",
        ),
        (
            &keys.p256.private_pem,
            Algorithm::Rs256,
            "it is not a private key that RS256 can sign with",
        ),
        (
            &keys.ed25519.private_pem,
            Algorithm::Ps256,
            "it is not a private key that PS256 can sign with",
        ),
        (
            &pem("PRIVATE KEY", b"x"),
            Algorithm::Rs256,
            "it is not a private key that RS256 can sign with",
        ),
        (
            &keys.rsa.private_pem,
            Algorithm::Hs256,
            "HS256 signs with a secret",
        ),
        (&pem("ENCRYPTED PRIVATE KEY", b"x"), Algorithm::Rs256, encrypted),
        (legacy, Algorithm::Rs256, encrypted),
        (
            "",
            Algorithm::Rs256,
            "it contains no PEM block (`-----BEGIN PUBLIC KEY-----`)",
        ),
    ];
    for (pem, algorithm, expected) in cases {
        let error = Signer::from_pem(pem.as_bytes(), algorithm, None).unwrap_err();
        assert_eq!(error.to_string(), expected, "{algorithm}");
    }
    let error = Signer::from_secret(SECRET, Algorithm::Rs256, None).unwrap_err();
    assert_eq!(error.to_string(), "RS256 signs with a private key");
}

#[test]
fn a_signer_shows_no_key_material() {
    let shown = format!("{:?}", signer(Algorithm::Hs256, None));
    assert!(
        !shown.contains("48, 49, 50") && !shown.contains("0123456789"),
        "{shown}"
    );
}

#[test]
fn installing_the_crypto_provider_is_idempotent() {
    count_verifications();
    tokens::install_crypto_provider();
    tokens::install_crypto_provider();
    let signed = signer(Algorithm::Hs256, None).sign(&claims(json!({}))).unwrap();
    let keys = KeySet::from_secret(SECRET, &[Algorithm::Hs256]).unwrap();
    assert!(verify(&signed, &issuer(&[Algorithm::Hs256]), &keys, NOW).is_ok());
}
