//! The key that requests to upstreams are signed with.

use super::gateway::Gateway;
use crate::node::Span;
use crate::settings::SigningKey;
use crate::shape::headers::SignatureFields;
use crate::shape::secret::SecretSource;

/// The length of a key in bytes, the same as of a secret for HS256.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=4_096;

impl<'s> Gateway<'_, 's> {
    /// Returns the key of signatures; none if it has a problem.
    pub(crate) fn signing_key(&mut self, signature: &SignatureFields<'s>) -> Option<SigningKey> {
        let source = signature.secret.value();
        let secret = source.and_then(|source| self.signing_secret(source));
        Some(SigningKey {
            id: signature.names.key_id.or("1".into())?,
            secret: secret?,
        })
    }

    fn signing_secret(&mut self, source: &SecretSource<'s>) -> Option<Box<[u8]>> {
        let (secret, span) = self.secret_bytes(source, *KEY_BYTES.end() + 2)?;
        if !KEY_BYTES.contains(&secret.len()) {
            let length = secret.len();
            let title = format!("a key for signatures must have 32 to 4096 bytes; this one has {length}");
            let help = "make one with `openssl rand -hex 32`";
            return self.refuse("invalid-key", title, span, help);
        }
        Some(secret.into())
    }

    /// Reads a secret. A line break at the end of a file is ignored.
    pub(super) fn secret_bytes(
        &mut self,
        source: &SecretSource<'s>,
        limit: usize,
    ) -> Option<(Vec<u8>, Span)> {
        match source {
            SecretSource::Variable(variable) => Some((self.secret(variable)?.into_bytes(), variable.span)),
            SecretSource::File(file) => {
                let mut bytes = self.file(file, limit)?;
                for end in [b'\n', b'\r'] {
                    if bytes.last() == Some(&end) {
                        bytes.pop();
                    }
                }
                Some((bytes, file.span))
            }
        }
    }
}
