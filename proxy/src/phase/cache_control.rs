//! The caching of a response that names the flags of its caller: only the client's own cache may store it (RFC 9111
//! section 5.2.2.7), whatever the upstream permits to shared caches.

use wire::Fields;

/// Names that give a shared cache its own rules, in place of `Cache-Control`. Those of RFC 9213 end in `-Cache-Control`.
const OF_SHARED_CACHES: [&str; 3] = ["surrogate-control", "x-accel-expires", "edge-control"];
/// The end of the names of targeted fields (RFC 9213 section 2.1).
const TARGETED: &[u8] = b"-cache-control";
/// Directives that address shared caches, and the two forms of `private`.
const SHARED: [&str; 4] = ["public", "s-maxage", "proxy-revalidate", "private"];

/// Makes the response private, and lists in `Vary` the headers that callers are identified by. Directives for the
/// client's own cache stay.
pub(crate) fn set_private(fields: &mut Fields, vary: &str) {
    fields.retain(|name, _| !is_of_shared_caches(name));
    if !is_private(fields) {
        let mut value = b"private".to_vec();
        for directive in directives(fields).filter(|directive| !is_any(name_of(directive), &SHARED)) {
            value.extend_from_slice(b", ");
            value.extend_from_slice(directive);
        }
        fields.remove("cache-control");
        fields.push("Cache-Control", &value);
    }
    if !varies_by(fields, vary) {
        fields.push("Vary", vary.as_bytes());
    }
}

fn is_of_shared_caches(name: &[u8]) -> bool {
    let end = name.len().checked_sub(TARGETED.len());
    let is_targeted = end
        .and_then(|end| name.get(end..))
        .is_some_and(|end| end.eq_ignore_ascii_case(TARGETED));
    is_targeted || is_any(name, &OF_SHARED_CACHES)
}

/// Returns true if no shared cache may store the response. `private="NAME"` permits it without that field, and a cache
/// may prefer another directive to `private`.
fn is_private(fields: &Fields) -> bool {
    let has =
        |directive: &str| directives(fields).any(|known| known.eq_ignore_ascii_case(directive.as_bytes()));
    let is_shared = directives(fields).any(|known| is_any(name_of(known), &["public", "s-maxage"]));
    has("no-store") || has("private") && !is_shared
}

/// Returns the directives of `Cache-Control`.
fn directives(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    let values = fields.values("cache-control");
    values.flat_map(|value| {
        // In a quoted string a backslash takes the meaning of the next byte (RFC 9110 section 5.6.4).
        let (mut is_quoted, mut is_escaped) = (false, false);
        let parts = value.split(move |&byte| {
            if is_escaped {
                is_escaped = false;
                return false;
            }
            is_escaped = is_quoted && byte == b'\\';
            is_quoted ^= byte == b'"';
            byte == b',' && !is_quoted
        });
        parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty())
    })
}

/// Returns the name of a directive, without its value.
fn name_of(directive: &[u8]) -> &[u8] {
    let name = directive.split(|&byte| byte == b'=').next();
    name.unwrap_or_default().trim_ascii()
}

/// Returns true if `Vary` lists each of these names, or `*`.
fn varies_by(fields: &Fields, names: &str) -> bool {
    let lists = |name: &str| {
        let values = fields.values("vary");
        let mut listed = values.flat_map(|value| value.split(|&byte| byte == b','));
        listed.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    lists("*") || names.split(", ").all(lists)
}

fn is_any(name: &[u8], known: &[&str]) -> bool {
    known
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the fields that result from these.
    #[track_caller]
    fn check(sent: &[(&str, &str)], expected: &[(&str, &str)]) {
        let mut fields: Fields = sent
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        set_private(&mut fields, "Authorization");
        let found = fields
            .iter()
            .map(|(name, value)| (name, std::str::from_utf8(value).unwrap()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    const VARY: (&str, &str) = ("Vary", "Authorization");

    #[test]
    fn no_directive_lets_a_shared_cache_store_flags() {
        for (sent, expected) in [
            ("public, max-age=60", "private, max-age=60"),
            ("S-MaxAge=600", "private"),
            (
                "max-age=5,must-revalidate , proxy-revalidate",
                "private, max-age=5, must-revalidate",
            ),
            ("private=\"x-flags, public\", max-age=1", "private, max-age=1"),
            (
                "no-cache=\"set-cookie, etag\", public",
                "private, no-cache=\"set-cookie, etag\"",
            ),
            ("private, public", "private"),
            ("x=\"a\\\"\", public, s-maxage=60", "private, x=\"a\\\"\""),
            ("", "private"),
            ("x=\"open, public", "private, x=\"open, public"),
        ] {
            check(&[("cache-control", sent)], &[("Cache-Control", expected), VARY]);
        }
        check(&[], &[("Cache-Control", "private"), VARY]);
        let sent = [("Cache-Control", "max-age=1"), ("Cache-Control", "public")];
        check(&sent, &[("Cache-Control", "private, max-age=1"), VARY]);
    }

    #[test]
    fn a_private_response_keeps_its_directives() {
        for sent in ["no-store", "private, max-age=60", "no-store, public", "Private"] {
            check(&[("Cache-Control", sent)], &[("Cache-Control", sent), VARY]);
        }
    }

    #[test]
    fn fields_for_shared_caches_are_removed_from_flags() {
        let sent = [
            ("CDN-Cache-Control", "max-age=60"),
            ("Vercel-CDN-Cache-Control", "max-age=60"),
            ("Surrogate-Control", "max-age=60"),
            ("X-Accel-Expires", "60"),
            ("ETag", "\"a\""),
        ];
        check(&sent, &[("ETag", "\"a\""), ("Cache-Control", "private"), VARY]);
    }

    #[test]
    fn vary_is_extended_once() {
        let private = ("Cache-Control", "private");
        check(
            &[private, ("Vary", "Accept")],
            &[private, ("Vary", "Accept"), VARY],
        );
        let listed = ("Vary", "accept, authorization");
        check(&[private, listed], &[private, listed]);
        check(&[private, ("Vary", "*")], &[private, ("Vary", "*")]);
    }
}
