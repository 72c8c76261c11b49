//! Making tokens, for trying things out and for tests. The proxy never signs one.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use jsonwebtoken::{EncodingKey, Header};
use pem::Pem;
use serde_json::{Value, json};

use crate::algorithm::Algorithm;
use crate::invalid_key::InvalidKey;
use crate::pem_file;
use crate::provider::install_crypto_provider;

/// Signs claims with one key and one algorithm.
#[derive(Debug)]
pub struct Signer {
    header: Header,
    key: EncodingKey,
}

/// Reasons for refusing a key for signing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigner {
    /// It can't be read as one key.
    #[error(transparent)]
    Unreadable(#[from] InvalidKey),
    /// A public key.
    #[error("it is a public key; signing needs the private one")]
    PublicKey,
    /// A private key behind a passphrase.
    #[error("it is encrypted; signing needs it without a passphrase (`openssl pkey -in KEY -out PLAIN`)")]
    Encrypted,
    /// A PEM where the algorithm needs a secret, or the other way round.
    #[error("{algorithm} signs with {}", if .algorithm.is_symmetric() { "a secret" } else { "a private key" })]
    WrongSource {
        /// The requested algorithm.
        algorithm: Algorithm,
    },
    /// The key is of another type than the algorithm needs, or broken.
    #[error("it is not a private key that {algorithm} can sign with")]
    Unfit {
        /// The requested algorithm.
        algorithm: Algorithm,
    },
}

/// The key was checked and signed before, and now did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SigningFailed;

impl Signer {
    /// Reads a private key in a PEM file: `PRIVATE KEY` (PKCS #8), `RSA PRIVATE KEY` (PKCS #1) or `EC PRIVATE
    /// KEY` (SEC 1). `kid` is added to every header.
    pub fn from_pem(bytes: &[u8], algorithm: Algorithm, kid: Option<&str>) -> Result<Self, InvalidSigner> {
        let block = pem_file::only_block(bytes).map_err(InvalidKey::from)?;
        match block.tag() {
            "ENCRYPTED PRIVATE KEY" => return Err(InvalidSigner::Encrypted),
            label if !label.ends_with("PRIVATE KEY") => return Err(InvalidSigner::PublicKey),
            _ if block.headers().get("Proc-Type").is_some() => return Err(InvalidSigner::Encrypted),
            _ => {}
        }
        let unfit = InvalidSigner::Unfit { algorithm };
        let key = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                return Err(InvalidSigner::WrongSource { algorithm });
            }
            Algorithm::Es256 => ec_key(&block, &ECDSA_P256_SHA256_FIXED_SIGNING).ok_or(unfit)?,
            Algorithm::Es384 => ec_key(&block, &ECDSA_P384_SHA384_FIXED_SIGNING).ok_or(unfit)?,
            Algorithm::EdDsa => EncodingKey::from_ed_der(block.contents()),
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => EncodingKey::from_rsa_pem(bytes).map_err(|_| unfit)?,
        };
        Self::checked(key, algorithm, kid)
    }

    /// Reads a shared secret of any length; verifiers refuse short ones.
    pub fn from_secret(bytes: &[u8], algorithm: Algorithm, kid: Option<&str>) -> Result<Self, InvalidSigner> {
        if !algorithm.is_symmetric() {
            return Err(InvalidSigner::WrongSource { algorithm });
        }
        Self::checked(EncodingKey::from_secret(bytes), algorithm, kid)
    }

    /// Sets the `typ` of the headers instead of `JWT`, or removes it.
    #[must_use]
    pub fn with_typ(mut self, typ: Option<&str>) -> Self {
        self.header.typ = typ.map(str::to_owned);
        self
    }

    /// Signs a token of exactly these claims. Nothing is added or checked.
    pub fn sign(&self, claims: &Value) -> Result<String, SigningFailed> {
        jsonwebtoken::encode(&self.header, claims, &self.key).map_err(|_| SigningFailed)
    }

    /// Creates a signer, and signs once to check the key.
    fn checked(key: EncodingKey, algorithm: Algorithm, kid: Option<&str>) -> Result<Self, InvalidSigner> {
        install_crypto_provider();
        let mut header = Header::new(algorithm.to_library());
        header.kid = kid.map(str::to_owned);
        let signer = Self { header, key };
        match signer.sign(&json!({})) {
            Ok(_) => Ok(signer),
            Err(SigningFailed) => Err(InvalidSigner::Unfit { algorithm }),
        }
    }
}

/// Reads an EC key on the curve of `algorithm`, from PKCS #8 or SEC 1, in the form that jsonwebtoken reads.
fn ec_key(block: &Pem, algorithm: &'static EcdsaSigningAlgorithm) -> Option<EncodingKey> {
    let der = block.contents();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der)
        .or_else(|_| EcdsaKeyPair::from_private_key_der(algorithm, der))
        .ok()?;
    Some(EncodingKey::from_ec_der(pair.to_pkcs8v1().ok()?.as_ref()))
}
