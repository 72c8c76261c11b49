//! The tokens of a run: RS256, signed once and kept in files, because a million signatures take minutes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::tenants::{GateResult, tenant_id};

/// The issuer of the tokens.
pub(crate) const ISSUER: &str = "https://issuer.load.example";
/// Their audience.
pub(crate) const AUDIENCE: &str = "load";
/// The `kid` in their header.
const KEY_ID: &str = "load-1";
/// The tokens expire at the end of the year 2099, so that a file of them stays usable.
const EXPIRES: u64 = 4_102_444_800;

/// The key pair that signs the tokens.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pair: RsaKeyPair,
}

/// A list of distinct tokens whose tenants have the same result.
#[derive(Debug)]
pub(crate) struct TokenSet {
    /// One token per line; every line has the same length.
    lines: String,
    line_length: usize,
}

impl SigningKey {
    /// Reads the key in `folder`, or makes one and stores it there.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join("key.der");
        if !file.exists() {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let private: Pkcs8V1Der<'_> = pair.as_der()?;
            fs::write(&file, private.as_ref())?;
        }
        let pair = RsaKeyPair::from_pkcs8(&fs::read(&file)?);
        Ok(Self {
            pair: pair.context("the key of an earlier run can't be read")?,
        })
    }

    /// Returns the public key as DER (SPKI).
    fn public_der(&self) -> anyhow::Result<Vec<u8>> {
        let public: PublicKeyX509Der<'_> = self.pair.public_key().as_der()?;
        Ok(public.as_ref().to_vec())
    }

    /// Returns the public key as PEM.
    pub(crate) fn public_pem(&self) -> anyhow::Result<String> {
        Ok(pem::encode(&pem::Pem::new("PUBLIC KEY", self.public_der()?)))
    }

    /// Returns the public key as DER (SPKI) in base64.
    pub(crate) fn public_base64(&self) -> anyhow::Result<String> {
        Ok(STANDARD.encode(self.public_der()?))
    }

    /// Returns the public key as a JWKS.
    pub(crate) fn public_jwks(&self) -> String {
        let public = self.pair.public_key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (n, e) = (public.modulus(), public.exponent());
        let key = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
            "n": number(n.big_endian_without_leading_zero()), "e": number(e.big_endian_without_leading_zero()),
        });
        json!({ "keys": [key] }).to_string()
    }

    /// Signs the token with this number for a tenant with this result.
    fn token(&self, result: GateResult, number: u32) -> anyhow::Result<String> {
        let tenants = result.tenants();
        let tenant = tenant_id(tenants.start + number % (tenants.end - tenants.start));
        let header = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" }).to_string();
        // The number has a fixed width, so that all tokens have the same length.
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": format!("user-{number:07}"), "exp": EXPIRES, "tenant": tenant,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    /// Returns `count` distinct tokens with this result, from the file in `folder` if it has them.
    pub(crate) fn tokens(&self, folder: &Path, result: GateResult, count: u32) -> anyhow::Result<TokenSet> {
        let file = folder.join(format!("{}-{count}.txt", result.word()));
        if let Ok(lines) = fs::read_to_string(&file)
            && let Ok(set) = TokenSet::new(lines)
            && set.len() == count as usize
        {
            return Ok(set);
        }
        let lines = self.sign_many(result, count)?;
        fs::write(&file, &lines)?;
        TokenSet::new(lines)
    }

    fn sign_many(&self, result: GateResult, count: u32) -> anyhow::Result<String> {
        let threads = u32::try_from(available_parallelism()?.get())?;
        let share = count.div_ceil(threads);
        std::thread::scope(|scope| {
            let parts: Vec<_> = (0..threads)
                .map(|thread| {
                    let numbers = (thread * share).min(count)..((thread + 1) * share).min(count);
                    scope.spawn(move || {
                        let tokens =
                            numbers.map(|number| self.token(result, number).map(|token| token + "\n"));
                        tokens.collect::<anyhow::Result<String>>()
                    })
                })
                .collect();
            let texts = parts
                .into_iter()
                .map(|part| part.join().unwrap_or_else(|_| anyhow::bail!("a signer panicked")));
            texts.collect()
        })
    }
}

impl TokenSet {
    fn new(lines: String) -> anyhow::Result<Self> {
        let line_length = lines.find('\n').context("a list of tokens is empty")? + 1;
        anyhow::ensure!(
            lines.len().is_multiple_of(line_length),
            "a list of tokens is damaged"
        );
        Ok(Self { lines, line_length })
    }

    /// Returns the number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.lines.len() / self.line_length
    }

    /// Returns the token with this number; the numbers after the last token begin again with the first.
    pub(crate) fn token(&self, number: usize) -> &str {
        let start = number % self.len() * self.line_length;
        self.lines
            .get(start..start + self.line_length - 1)
            .unwrap_or_default()
    }
}

/// A position in a list of tokens. Each request takes the next token, also over several runs.
#[derive(Debug)]
pub(crate) struct TokenCursor {
    set: Arc<TokenSet>,
    next: AtomicUsize,
}

impl TokenCursor {
    /// Begins with the first token.
    pub(crate) fn new(set: Arc<TokenSet>) -> Self {
        Self {
            set,
            next: AtomicUsize::new(0),
        }
    }

    /// Returns the next token.
    pub(crate) fn take(&self) -> &str {
        self.set.token(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::SigningKey;
    use crate::tenants::GateResult;

    #[test]
    fn tokens_are_distinct_and_kept_in_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::open(folder.path()).unwrap();
        let set = key.tokens(folder.path(), GateResult::Hidden, 5).unwrap();
        let distinct: HashSet<&str> = (0..5).map(|number| set.token(number)).collect();
        assert_eq!((set.len(), distinct.len()), (5, 5));
        assert_eq!(set.token(5), set.token(0));

        let reopened = SigningKey::open(folder.path()).unwrap();
        assert_eq!(reopened.public_pem().unwrap(), key.public_pem().unwrap());
        let again = reopened.tokens(folder.path(), GateResult::Hidden, 5).unwrap();
        assert_eq!(again.lines, set.lines);
    }
}
