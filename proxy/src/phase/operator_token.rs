//! Removal of operators' static tokens, which belong to the admin API. A client that sends one to a public listener
//! has the wrong port, and the application must not receive it.

use rules::HOP_HEADERS;
use tokens::OperatorTokens;
use wire::Fields;

use crate::credential_sources::TokenPlace;

/// Removes each header with such a token, with all its values, because the application may read any of them. If
/// tokens are expected in a cookie, only that cookie is removed. Returns the lower-case names of the changed headers.
pub(crate) fn remove(fields: &mut Fields, place: &TokenPlace, tokens: &OperatorTokens) -> Vec<String> {
    if holders(fields, tokens).next().is_none() {
        return Vec::new();
    }
    let mut changed = Vec::new();
    if place.values(fields).any(|value| tokens.are_found_in(value)) {
        changed.push(place.header().to_owned());
        place.clear(fields);
    }
    let holders = holders(fields, tokens).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
    let holders: Vec<String> = holders.collect();
    for name in holders {
        fields.remove(&name);
        if !changed.contains(&name) {
            changed.push(name);
        }
    }
    changed
}

/// Returns the names of the headers with a token. Skips `Host`, whose matched value is forwarded, and hop-by-hop
/// headers, which are not forwarded.
fn holders<'h>(fields: &'h Fields, tokens: &'h OperatorTokens) -> impl Iterator<Item = &'h [u8]> {
    let holding = fields.entries().filter(|(_, value)| tokens.are_found_in(value));
    let is_hop = |name: &[u8]| {
        HOP_HEADERS
            .iter()
            .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
    };
    holding.map(|(name, _)| name).filter(move |name| !is_hop(name))
}
