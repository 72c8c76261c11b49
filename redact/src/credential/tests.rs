//! Texts that are drawn at random.

use super::*;

#[test]
fn random_texts_are_distinguished_from_names_and_paths() {
    for text in [
        "3q2PXw8dRk1mZb9Y",
        "keys/Zm9vYmFyMTIzNDU2Nzg5MA==",
        "kL9mN2pQ4rS6tU8vW0",
    ] {
        assert!(looks_random(text), "{text}");
    }
    for text in [
        "key.pem",
        "/run/secrets/hmac",
        "issuer-keys/production-2026.pem",
        "hunter2",
    ] {
        assert!(!looks_random(text), "{text}");
    }
}
