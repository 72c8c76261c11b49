//! The signature of injected headers, which proves to an upstream on a shared network that this proxy set them.
//! docs/requests.md specifies the signed bytes.

use std::fmt::Write as _;
use std::sync::Arc;

use arrayvec::ArrayString;
use aws_lc_rs::hmac;
use wire::RequestHead;

/// A signer with one key, which `Debug` does not show.
#[derive(Debug)]
pub(crate) struct Signature {
    /// The header's name, as sent.
    name: Arc<str>,
    key_id: Box<str>,
    key: hmac::Key,
    /// The lower-case names whose values, or absence, are signed.
    names: Box<[Box<str>]>,
    /// The list of these names in the header's value.
    listed: Box<str>,
}

impl Signature {
    /// Creates a signer of the headers `names` with `secret`.
    pub(crate) fn new<'a>(
        name: Arc<str>,
        key_id: &str,
        secret: &[u8],
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase().into());
        let names: Box<[Box<str>]> = names.collect();
        Self {
            name,
            key_id: key_id.into(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            listed: names.join(":").into(),
            names,
        }
    }

    /// Appends the signature of a complete request at the second `now`. The client's was removed.
    pub(crate) fn set(&self, head: &mut RequestHead, now: u64) {
        let tag = self.tag(head, now);
        head.fields.push_with(&self.name, |value| {
            // Rendering a value never fails.
            let _ = write!(value, "t={now},kid={},h={},s=", self.key_id, self.listed);
            for byte in tag.as_ref() {
                value.push(&[hex_digit(byte >> 4), hex_digit(byte & 0xF)]);
            }
        });
    }

    fn tag(&self, head: &RequestHead, now: u64) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        let mut second = ArrayString::<20>::new();
        // No number of 64 bits has more digits.
        let _ = write!(second, "{now}");
        for part in ["v1\n", &second, "\n", head.method(), "\n", head.target(), "\n"] {
            context.update(part.as_bytes());
        }
        for name in &self.names {
            context.update(name.as_bytes());
            // Injected headers occur at most once.
            if let Some(value) = head.fields.value(name) {
                context.update(b":");
                context.update(value);
            }
            context.update(b"\n");
        }
        context.sign()
    }
}

fn hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

#[cfg(test)]
mod tests;
