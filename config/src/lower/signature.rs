//! The key that requests to upstreams are signed with.

use super::gateway::Gateway;
use crate::node::Node;
use crate::settings::SigningKey;

/// The fewest and the most bytes of a key, as of a secret for HS256.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=4_096;
/// The most characters of a key's name.
const MAX_KEY_ID: usize = 64;

impl<'s> Gateway<'_, 's> {
    /// The key of `headers.signature`. Problems are reported; a key that has one is left out.
    pub(crate) fn signing_key(&mut self, root: &Node<'s>) -> Option<SigningKey> {
        let node = root.field("headers")?.field("signature")?;
        let id = match node.field("key_id") {
            None => "1",
            Some(node) => {
                let id = &**node.text()?;
                let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
                if id.is_empty() || id.len() > MAX_KEY_ID || !id.bytes().all(allowed) {
                    let title = format!("`{id}` can't be the name of a key");
                    let help = "write 1 to 64 letters, digits, `.`, `_` and `-`";
                    self.error("invalid-key-id", title, node.span, help);
                    return None;
                }
                id
            }
        };
        let (source, secret) = match (node.field("secret"), node.field("secret_file")) {
            (Some(source), None) => (source, self.secret(source)?.into_bytes()),
            (None, Some(source)) => {
                let mut bytes = self.file(source, *KEY_BYTES.end() + 2)?;
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                }
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
                (source, bytes)
            }
            _ => return None,
        };
        if !KEY_BYTES.contains(&secret.len()) {
            let title = format!(
                "a key for signatures has 32 to 4096 bytes, and this one {}",
                secret.len()
            );
            let help = "make one with `openssl rand -hex 32`";
            self.error("invalid-key", title, source.span, help);
            return None;
        }
        Some(SigningKey {
            id: id.into(),
            secret: secret.into(),
        })
    }
}
