//! What is answered without asking the route's own upstream: refusals, redirects, other upstreams.

use rules::{Cause, Otherwise, Reject, RejectBody, Unmatched};

use super::gateway::Gateway;
use crate::node::Node;

/// The largest body of an answer of our own.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The longest redirect URL.
const MAX_URL: usize = 2048;
/// The media type of a body, unless it is named.
const HTML: &str = "text/html; charset=utf-8";

impl<'s> Gateway<'_, 's> {
    /// What a closed gate answers.
    pub(crate) fn otherwise(&mut self, node: Option<&Node<'s>>, user: &str) -> Option<Otherwise> {
        let Some(node) = node else {
            return Some(Otherwise::Reject(Reject {
                status: 404,
                reveal: false,
                body: None,
            }));
        };
        if let Some(upstream) = node.field("upstream") {
            return Some(Otherwise::Upstream(self.upstream(upstream, user)?));
        }
        if let Some(url) = node.field("redirect") {
            return self.redirect(node, url);
        }
        let reject = node.field("reject")?;
        let status = u16::try_from(reject.integer()?).ok()?;
        let body = match node.field("body") {
            Some(body) => Some(self.body(body)?),
            None => None,
        };
        let reveal = node.field("reveal").and_then(Node::boolean).unwrap_or_default();
        if reveal && status != 403 {
            let title = format!("`reveal` is for a 403, not for a {status}");
            let help = "write `reject: 403`, or leave `reveal` out: any other status would not say why";
            self.error("reveal-without-403", title, node.entry("reveal")?.key_span, help);
            return None;
        }
        Some(Otherwise::Reject(Reject { status, reveal, body }))
    }

    /// What a closed gate answers for single causes.
    pub(crate) fn causes(&mut self, node: Option<&Node<'s>>, user: &str) -> Option<Vec<(Cause, Otherwise)>> {
        let entries = node
            .and_then(|node| node.field("causes"))
            .and_then(Node::entries)
            .unwrap_or_default();
        let mut causes = Vec::with_capacity(entries.len());
        for entry in entries {
            let cause = Cause::ALL.into_iter().find(|cause| cause.as_str() == entry.key);
            causes.push(cause.zip(self.otherwise(Some(&entry.value), user)));
        }
        causes.into_iter().collect()
    }

    fn redirect(&mut self, node: &Node<'s>, url: &Node<'s>) -> Option<Otherwise> {
        let location = url.text()?;
        let valid = is_http_url(location) || (location.starts_with('/') && !location.starts_with("//"));
        if !valid || !is_visible(location) {
            let title = format!("`{location}` can't be redirected to");
            let help =
                "write an http or https URL, or a path that begins with one slash; escape what is not ASCII";
            self.error("invalid-url", title, url.span, help);
            return None;
        }
        let status = match node.field("status") {
            Some(status) => u16::try_from(status.integer()?).ok()?,
            None => 302,
        };
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            let title = format!("{status} is not the status of a redirect");
            let span = node.field("status")?.span;
            self.error("invalid-status", title, span, "write 301, 302, 303, 307 or 308");
            return None;
        }
        Some(Otherwise::Redirect {
            status,
            location: (**location).into(),
        })
    }

    /// What happens to a request that no route takes.
    pub(crate) fn unmatched(&mut self, node: Option<&Node<'s>>) -> Option<Unmatched> {
        let Some(node) = node else {
            return Some(Unmatched::Reject(404));
        };
        if let Some(upstream) = node.field("upstream") {
            return Some(Unmatched::Upstream(self.upstream(upstream, "`unmatched`")?));
        }
        Some(Unmatched::Reject(
            u16::try_from(node.field("reject")?.integer()?).ok()?,
        ))
    }

    /// A body from a file.
    pub(crate) fn body(&mut self, node: &Node<'s>) -> Option<RejectBody> {
        let bytes = self.file(node.field("file")?, MAX_BODY_BYTES);
        let content_type = match node.field("content_type") {
            None => HTML,
            Some(node) => {
                let text = node.text()?;
                let is_media_type = text.split_once('/').is_some_and(|(kind, rest)| {
                    !kind.is_empty()
                        && !rest.is_empty()
                        && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
                });
                if !is_media_type {
                    let title = format!("`{text}` is not a media type");
                    self.error(
                        "invalid-media-type",
                        title,
                        node.span,
                        "write it like `text/html` or `text/plain`",
                    );
                    return None;
                }
                text
            }
        };
        Some(RejectBody {
            content_type: content_type.into(),
            bytes: bytes?.into(),
        })
    }
}

/// Whether a text can be fetched or redirected to: http or https, a host, nothing invisible.
pub(super) fn is_http_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    is_visible(text) && host.is_some_and(|host| rules::Host::parse(host).is_ok())
}

/// Whether a URL has a user, and perhaps a password, before its host (RFC 3986 section 3.2.1).
pub(super) fn names_user(url: &str) -> bool {
    let authority = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

fn is_visible(text: &str) -> bool {
    text.len() <= MAX_URL
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'))
}
