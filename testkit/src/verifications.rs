//! Counts the signature verifications of this process: aws-lc, with a count for each message.

use std::collections::HashMap;
use std::sync::Mutex;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::Error;
use jsonwebtoken::signature::{Error as BadSignature, Verifier};

/// The number of verifications of each message.
static VERIFIED: Mutex<Option<HashMap<Vec<u8>, usize>>> = Mutex::new(None);

/// aws-lc, with that count.
static COUNTING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| (DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    verifier_factory: counted,
    key_utils: KeyUtils::new_unimplemented(),
};

struct Counted(Box<dyn JwtVerifier>);

fn counted(algorithm: &jsonwebtoken::Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(Box::new(Counted((DEFAULT_PROVIDER.verifier_factory)(
        algorithm, key,
    )?)))
}

impl Verifier<Vec<u8>> for Counted {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), BadSignature> {
        let mut verified = VERIFIED.lock().unwrap();
        *verified
            .get_or_insert_default()
            .entry(message.to_vec())
            .or_default() += 1;
        drop(verified);
        self.0.verify(message, signature)
    }
}

impl JwtVerifier for Counted {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.0.algorithm()
    }
}

/// Has the verifications of this process counted. Issuers do so before they sign anything.
pub(crate) fn count_verifications() {
    // An error means that the counting provider is installed: other providers are installed after an issuer
    // exists.
    let _ = COUNTING.install_default();
}

/// Returns the number of times that the signature of `token` was verified in this process.
#[must_use]
pub fn verifications(token: &str) -> usize {
    let message = token.rsplit_once('.').map_or("", |(message, _)| message);
    let verified = VERIFIED.lock().unwrap();
    let counts = verified.as_ref();
    counts
        .and_then(|counts| counts.get(message.as_bytes()))
        .copied()
        .unwrap_or(0)
}
