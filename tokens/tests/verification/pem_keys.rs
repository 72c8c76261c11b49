//! Keys from PEM files and secrets: what is taken, and what is refused with which words.

use tokens::{Algorithm, KeySet, MAX_PEM_BYTES, MAX_SECRET_BYTES};

use crate::fixture::{NOW, count_verifications, issuer, token, verify};
use crate::keys::{SECRET, keys, pair, pem};

const ALL_PUBLIC: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

fn check(pem: &str, allowed: &[Algorithm], expected: Result<(), &str>) {
    count_verifications();
    let outcome = KeySet::from_pem(pem.as_bytes(), allowed)
        .map(|_| ())
        .map_err(|error| error.to_string());
    assert_eq!(
        outcome.as_ref().map(|_| ()).map_err(|error| &**error),
        expected,
        "{pem}"
    );
}

#[test]
fn the_type_of_a_key_is_found_in_the_pem() {
    for algorithm in ALL_PUBLIC {
        check(&pair(algorithm).public_pem, &[algorithm], Ok(()));
        check(&pair(algorithm).public_pem, &ALL_PUBLIC, Ok(()));
    }
    let decorated = format!(
        "# the issuer's key\r\n{}\n\n",
        keys().p256.public_pem.replace('\n', "\r\n")
    );
    check(&decorated, &ALL_PUBLIC, Ok(()));
}

#[test]
fn compressed_points_and_pkcs1_keys_are_accepted() {
    check(
        include_str!("keys/p256_compressed.pem"),
        &[Algorithm::Es256],
        Ok(()),
    );
    let der = &keys().rsa.public_der;
    // The last element of a SubjectPublicKeyInfo of 2048 bits is the PKCS #1 key, of 270 bytes.
    let pkcs1 = pem("RSA PUBLIC KEY", &der[der.len() - 270..]);
    let from_pkcs1 = KeySet::from_pem(pkcs1.as_bytes(), &[Algorithm::Rs256]).unwrap();
    let from_spki = KeySet::from_pem(keys().rsa.public_pem.as_bytes(), &[Algorithm::Rs256]).unwrap();
    assert_eq!(from_pkcs1.generation(), from_spki.generation());
    let token = token(Algorithm::Rs256);
    assert!(verify(&token, &issuer(&[Algorithm::Rs256]), &from_pkcs1, NOW).is_ok());
}

#[test]
fn unsuitable_pem_key_is_rejected_with_its_reason() {
    let keys = keys();
    let broken = "it is not a valid public key of RSA, EC (P-256, P-384) or Ed25519";
    let private = "it is a private key; only its public half belongs here (`openssl pkey -in KEY -pubout`)";
    let not_pem = "it contains no PEM block (`-----BEGIN PUBLIC KEY-----`)";
    let two = format!("{}{}", keys.p256.public_pem, keys.rsa.public_pem);
    let truncated = &keys.rsa.public_pem[..200];
    let mut off_curve = keys.p256.public_der.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let large = "x".repeat(MAX_PEM_BYTES + 1);
    let cases = [
        (&*keys.rsa.private_pem, private),
        (&keys.p256.private_pem, private),
        (&keys.ed25519.private_pem, private),
        (&pem("RSA PRIVATE KEY", b"x"), private),
        (&pem("EC PRIVATE KEY", b"x"), private),
        (&pem("ENCRYPTED PRIVATE KEY", b"x"), private),
        (&pem("OPENSSH PRIVATE KEY", b"x"), private),
        (
            include_str!("keys/certificate.pem"),
            "it is a certificate; only its public key belongs here (`openssl x509 -in CERT -noout -pubkey`)",
        ),
        (
            &pem("CERTIFICATE REQUEST", b"x"),
            "it is a PEM block of `CERTIFICATE REQUEST`, not of `PUBLIC KEY`",
        ),
        (
            include_str!("keys/rsa1024.pem"),
            "it is an RSA key of 1024 bits, where 2048 to 8192 are required",
        ),
        (
            include_str!("keys/rsa9216.pem"),
            "it is an RSA key of 9216 bits, where 2048 to 8192 are required",
        ),
        (
            include_str!("keys/p521.pem"),
            "it is an EC key on P-521, where P-256 or P-384 is required",
        ),
        (
            include_str!("keys/secp256k1.pem"),
            "it is an EC key on secp256k1, where P-256 or P-384 is required",
        ),
        (include_str!("keys/rsa_pss.pem"), broken),
        (include_str!("keys/x25519.pem"), broken),
        (include_str!("keys/ed448.pem"), broken),
        (&pem("PUBLIC KEY", &off_curve), broken),
        (&pem("PUBLIC KEY", b""), broken),
        (&pem("PUBLIC KEY", &[0; 32][..31]), broken),
        (
            &pem("PUBLIC KEY", &[&keys.rsa.public_der[..], b"x"].concat()),
            broken,
        ),
        (
            &two,
            "it contains 2 PEM blocks, where one key is required; several keys go into a JWKS, with names",
        ),
        ("", not_pem),
        ("ssh-ed25519 AAAA me@example", not_pem),
        (truncated, not_pem),
        (&large, "it has 65537 bytes, where at most 65536 are read"),
    ];
    for (pem, expected) in cases {
        check(pem, &ALL_PUBLIC, Err(expected));
    }
}

#[test]
fn a_key_that_fits_none_of_the_algorithms_is_refused() {
    let keys = keys();
    let cases = [
        (
            &keys.rsa,
            Algorithm::Es256,
            "it is an RSA key, which is used with RS256, RS384, RS512, PS256, PS384, PS512; the issuer allows ES256",
        ),
        (
            &keys.p384,
            Algorithm::Es256,
            "it is an EC key on P-384, which is used with ES384; the issuer allows ES256",
        ),
        (
            &keys.p256,
            Algorithm::Es384,
            "it is an EC key on P-256, which is used with ES256; the issuer allows ES384",
        ),
        (
            &keys.ed25519,
            Algorithm::Rs256,
            "it is an Ed25519 key, which is used with EdDSA; the issuer allows RS256",
        ),
        (
            &keys.rsa,
            Algorithm::Hs256,
            "it is an RSA key, which is used with RS256, RS384, RS512, PS256, PS384, PS512; the issuer allows HS256",
        ),
    ];
    for (pair, allowed, expected) in cases {
        check(&pair.public_pem, &[allowed], Err(expected));
    }
    check(
        &keys.rsa.public_pem,
        &[],
        Err("no algorithm is allowed, so no key can be used"),
    );
}

#[test]
fn a_secret_is_at_least_as_long_as_its_hash() {
    use Algorithm::{Hs256, Hs384, Hs512, Rs256};
    let long = vec![b'x'; MAX_SECRET_BYTES + 1];
    let cases: [(&[u8], &[Algorithm], Option<&str>); 9] = [
        (&SECRET[..32], &[Hs256], None),
        (SECRET, &[Hs256, Hs384, Hs512], None),
        (
            &SECRET[..31],
            &[Hs256],
            Some("the secret has 31 bytes, where HS256 needs at least 32"),
        ),
        (
            b"",
            &[Hs256],
            Some("the secret has 0 bytes, where HS256 needs at least 32"),
        ),
        (
            &SECRET[..47],
            &[Hs256, Hs384],
            Some("the secret has 47 bytes, where HS384 needs at least 48"),
        ),
        (
            &SECRET[..63],
            &[Hs512],
            Some("the secret has 63 bytes, where HS512 needs at least 64"),
        ),
        (
            &long,
            &[Hs256],
            Some("it has 4097 bytes, where at most 4096 are read"),
        ),
        (
            SECRET,
            &[Rs256],
            Some("it is a secret, which is used with HS256, HS384, HS512; the issuer allows RS256"),
        ),
        (
            SECRET,
            &[],
            Some("no algorithm is allowed, so no key can be used"),
        ),
    ];
    for (secret, allowed, expected) in cases {
        let outcome = KeySet::from_secret(secret, allowed)
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            outcome.as_deref(),
            expected,
            "{} bytes for {allowed:?}",
            secret.len()
        );
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let keys = KeySet::from_secret(SECRET, &[Algorithm::Hs256]).unwrap();
    let shown = format!("{keys:?}");
    assert!(
        !shown.contains("0123456789abcdef") && !shown.contains("48, 49, 50"),
        "{shown}"
    );
    assert!(shown.contains("Generation(..)"), "{shown}");
}
