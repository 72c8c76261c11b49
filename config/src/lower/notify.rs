//! Receivers of notifications.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::gateway::Gateway;
use crate::form::{Placed, PlacedText};
use crate::node::Span;
use crate::notify::{NotificationSink, SinkTarget};
use crate::problem::Problem;
use crate::shape::answer::is_http_url;
use crate::shape::notify::{SinkFields, SinkTargetFields};
use crate::shape::public_url::is_secure_url;
use crate::shape::sluice::{FlagsAt, GatewayFields};

/// The length of a key of signatures in bytes, by Standard Webhooks.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const KEY_PREFIX: &str = "whsec_";

impl<'s> Gateway<'_, 's> {
    /// Returns the receivers of notifications; none if one has a problem.
    pub(crate) fn sinks(&mut self, written: &[Placed<SinkFields<'s>>]) -> Option<Vec<NotificationSink>> {
        let mut names = HashSet::new();
        let mut sinks = Vec::with_capacity(written.len());
        for sink in written {
            sinks.push(self.sink(&sink.value, &mut names));
        }
        sinks.into_iter().collect()
    }

    /// Warns of receivers beside flags that are in no store: notifications are made from its audit log.
    pub(crate) fn warn_of_idle_sinks(&mut self, root: &GatewayFields<'s>) {
        let is_empty = root.notify.value().is_none_or(Vec::is_empty);
        let (Some(key), Some(FlagsAt::File(_) | FlagsAt::Directory(_)), false) =
            (root.notify.key(), root.flags.value(), is_empty)
        else {
            return;
        };
        let title = "`notify` sends nothing: these flags are in no store";
        let help = "keep the flags in a store (`flags: { store: ... }`), or remove `notify`; if another document is to use \
                    it, write `allow: [idle-notify]` at the top";
        let at = self.label(key.span, "");
        self.context
            .warnings
            .push(Problem::warning("idle-notify", title, at).help(help));
    }

    fn sink(&mut self, sink: &SinkFields<'s>, names: &mut HashSet<Box<str>>) -> Option<NotificationSink> {
        let (kind, target) = match &sink.target {
            SinkTargetFields::Slack(url) => {
                let url = url.value().and_then(|url| {
                    let found = self.secret(url)?;
                    self.sink_url(&found, url.span, "the URL of `slack`")
                });
                ("slack", url.map(|url| SinkTarget::Slack { url }))
            }
            SinkTargetFields::Webhook { url, secret } => {
                let url = url.value().and_then(|url| {
                    // Its path may be a secret, as that of Slack is.
                    self.sink_url(&url.value, url.span, "the URL of `webhook`")
                });
                let secret = secret.value().and_then(|secret| self.webhook_key(secret));
                let target = url.zip(secret);
                (
                    "webhook",
                    target.map(|(url, secret)| SinkTarget::Webhook { url, secret }),
                )
            }
        };
        let name = match sink.options.name.written() {
            Some(name) => {
                let given: Box<str> = name.value.value.as_ref().into();
                if !names.insert(given.clone()) {
                    let title = format!("two receivers are named `{given}`");
                    return self.refuse("duplicate", title, name.span, "give one of them another name");
                }
                given
            }
            None => free_name(kind, names),
        };
        let events = sink
            .options
            .events
            .lower(Vec::new(), |events| Some(events.value.clone()));
        Some(NotificationSink {
            name,
            target: target?,
            events: events?,
        })
    }

    /// Checks a URL: https, or http on loopback. `title` names it without its text, which may be a secret.
    fn sink_url(&mut self, url: &str, span: Span, title: &str) -> Option<Box<str>> {
        if is_http_url(url) && is_secure_url(url) {
            return Some(url.into());
        }
        let title = format!("{title} is no valid https URL");
        let help = "write it like `https://hooks.example.com/sluice`, without a user; `http://` is for 127.0.0.1, [::1] and \
                    localhost only";
        self.refuse("invalid-url", title, span, help)
    }

    fn webhook_key(&mut self, reference: &PlacedText<'s>) -> Option<Box<[u8]>> {
        let secret = self.secret(reference)?;
        match webhook_key(secret.trim()) {
            Ok(key) => Some(key),
            Err(rule) => {
                let title = format!("the secret of a webhook {rule}");
                let help = "it is `whsec_` and 24 to 64 bytes in base64; make one with `echo whsec_$(openssl rand -base64 32)`";
                self.refuse("invalid-key", title, reference.span, help)
            }
        }
    }
}

/// Returns the key of signatures, or the rule that its text violates, without a part of it.
fn webhook_key(text: &str) -> Result<Box<[u8]>, String> {
    let encoded = text
        .strip_prefix(KEY_PREFIX)
        .ok_or_else(|| format!("does not begin with `{KEY_PREFIX}`"))?;
    let key = STANDARD
        .decode(encoded)
        .map_err(|_| format!("is not base64 after `{KEY_PREFIX}`"))?;
    let (length, min, max) = (key.len(), KEY_BYTES.start(), KEY_BYTES.end());
    if length < *min {
        return Err(format!("is too short: {length} bytes of at least {min}"));
    }
    if length > *max {
        return Err(format!("is too long: {length} bytes of at most {max}"));
    }
    Ok(key.into())
}

/// Returns `slack`, or `slack-2` if that is taken.
fn free_name(kind: &str, names: &mut HashSet<Box<str>>) -> Box<str> {
    let numbered = (2..).map(|number: usize| format!("{kind}-{number}").into());
    let mut candidates = std::iter::once(Box::from(kind)).chain(numbered);
    let free = candidates.find(|name| !names.contains(name));
    let free = free.unwrap_or_else(|| kind.into());
    names.insert(free.clone());
    free
}
