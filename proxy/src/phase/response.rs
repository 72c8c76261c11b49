//! The upstream's response on its way to the client. Hop-by-hop headers end here (RFC 9110 section 7.6.1); the rest
//! is passed on unchanged.

use wire::{Fields, ResponseHead};

use crate::findings::Findings;
use crate::injected_headers::InjectedHeaders;
use crate::phase::cache_control;

/// Maximum of names in `Connection` that are read.
const MAX_NOMINATIONS: usize = 32;
/// Headers that stay even if `Connection` lists them.
const KEPT: [&str; 3] = ["content-length", "content-type", "set-cookie"];

/// Removes the fields that are not for the client, and sets the header that lists the flags. The framing of the body
/// is left to the code that sends it: `Content-Length` stays, `Transfer-Encoding` is removed.
pub(crate) fn filter_fields(head: &mut ResponseHead, injected: &InjectedHeaders, found: &Findings) {
    let is_switch = head.status() == 101;
    let nominated = nominated(&head.fields);
    head.fields.retain(|name, _| {
        let is_removed = is_hop_by_hop(name)
            || nominated
                .iter()
                .any(|nominated| name.eq_ignore_ascii_case(nominated));
        // A switch of protocols names the new one.
        !is_removed || is_switch && name.eq_ignore_ascii_case(b"upgrade")
    });
    if is_switch {
        head.fields.push("Connection", b"Upgrade");
    }
    if let Some(header) = &injected.response {
        // The header belongs to the proxy: a value that the upstream set under that name is removed.
        head.fields.remove(&header.name);
        if let Some(flags) = &found.headers.flags {
            head.fields.push(&header.name, flags.as_bytes());
        }
        // The absence of the header depends on the caller as well. Nothing else is stored: no interim response, and no
        // switch of protocols.
        if found.flags_vary && !head.is_interim() && !is_switch {
            cache_control::set_private(&mut head.fields, &header.vary);
        }
    }
}

/// Returns the names that `Connection` lists and that are removed. Usually there is none.
fn nominated(fields: &Fields) -> Vec<Box<[u8]>> {
    let values = fields.values("connection");
    let names = values.flat_map(|value| value.split(|&byte| byte == b','));
    let names = names.take(MAX_NOMINATIONS).map(<[u8]>::trim_ascii);
    let is_kept = |name: &[u8]| {
        let mut kept = KEPT.iter().chain(&["close", "keep-alive"]);
        kept.any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()))
    };
    names.filter(|name| !is_kept(name)).map(Box::from).collect()
}

/// Returns true for a name that belongs to one connection.
fn is_hop_by_hop(name: &[u8]) -> bool {
    let names: &[&str] = match name.len() {
        2 => &["te"],
        7 => &["trailer", "upgrade"],
        10 => &["connection", "keep-alive"],
        16 => &["proxy-connection"],
        17 => &["transfer-encoding"],
        18 => &["proxy-authenticate"],
        19 => &["proxy-authorization"],
        _ => &[],
    };
    names
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests;
