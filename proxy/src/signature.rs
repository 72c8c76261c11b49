//! The signature of injected headers, which proves to an upstream on a shared network that this proxy set them.
//! docs/requests.md specifies the signed bytes.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::HeaderName;
use pingora::http::RequestHeader;

/// A signer with one key, which `Debug` does not show.
#[derive(Debug)]
pub(crate) struct Signature {
    /// The header's name, as sent.
    name: Bytes,
    key_id: Box<str>,
    key: hmac::Key,
    /// The names whose values, or absence, are signed.
    names: Box<[HeaderName]>,
    /// The list of these names in the header's value.
    listed: Box<str>,
}

impl Signature {
    /// Creates a signer of the headers `names` with `secret`.
    pub(crate) fn new<'a>(
        name: Bytes,
        key_id: &str,
        secret: &[u8],
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names = names
            .into_iter()
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let names: Box<[HeaderName]> = names.collect();
        let listed: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
        Self {
            name,
            key_id: key_id.into(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            listed: listed.join(":").into(),
            names,
        }
    }

    /// Sets the signature of a complete request at the second `now`.
    pub(crate) fn set(&self, request: &mut RequestHeader, now: u64) -> pingora::Result<()> {
        let mut value = format!("t={now},kid={},h={},s=", self.key_id, self.listed);
        for byte in self.tag(request, now).as_ref() {
            let _ = write!(value, "{byte:02x}");
        }
        request.insert_header(self.name.clone(), value)
    }

    fn tag(&self, request: &RequestHeader, now: u64) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(format!("v1\n{now}\n{}\n", request.method).as_bytes());
        context.update(request.raw_path());
        context.update(b"\n");
        for name in &self.names {
            context.update(name.as_str().as_bytes());
            // Injected headers occur at most once.
            if let Some(value) = request.headers.get(name) {
                context.update(b":");
                context.update(value.as_bytes());
            }
            context.update(b"\n");
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests;
