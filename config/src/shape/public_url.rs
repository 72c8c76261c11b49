//! The form of the URL of the admin listener for people, and the rule for URLs that need a protected connection.

use std::net::Ipv4Addr;

use super::answer::is_http_url;
use super::issuer::names_user;
use crate::form::parsed;
use crate::validate::InvalidValue;

parsed! {
    PublicUrl("an https URL", "invalid-url"): Box<str> = |url| {
        let help = "write it like `https://sluice.example.com` or, with a prefix of its paths, `https://ops.example.com/sluice`; \
                    `http://` is for 127.0.0.1, [::1] and localhost only";
        if names_user(url) {
            return Err(InvalidValue::new("`public_url` can't contain a user", help));
        }
        let base = url.trim_end_matches('/');
        let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        // Messages contain it as it is: no character has a meaning in JSON, in Slack or in a query.
        let is_plain = path.is_none_or(|(_, path)| {
            path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte))
        });
        let has_query = url.contains(['?', '#']);
        if is_http_url(base) && is_secure_url(base) && is_plain && !has_query {
            return Ok(base.into());
        }
        Err(InvalidValue::new(format!("`{url}` is no https URL of the admin listener"), help))
    };
}

/// Returns true for a URL with https, or with http and a host on loopback.
pub(crate) fn is_secure_url(url: &str) -> bool {
    let is_loopback = || {
        let rest = url.strip_prefix("http://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let is_loopback = host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback());
        matches!(host, "localhost" | "[::1]") || is_loopback
    };
    url.starts_with("https://") || is_loopback()
}
