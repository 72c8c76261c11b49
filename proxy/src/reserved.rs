//! Header names that no client may send on: those we vouch for, those that make a framework answer another
//! request than the one that was gated, and look-alikes of names that frame a message
//! or that we read ourselves.

/// How a name is told: CGI, WSGI and PHP fold names to letters, digits and `_`, so every name that folds alike
/// reaches an application as the same variable.
fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'_'
    }
}

/// Names that change method, target, host or scheme in frameworks that obey them, and `Proxy`, which CGI turns
/// into the variable HTTP_PROXY.
const OVERRIDES: [&str; 17] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
    "x-rewrite-uri",
    "x-override-url",
    "x-http-path-override",
    "x-original-method",
    "x-script-name",
    "x-host",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "proxy",
];
/// Every name that begins so: what a proxy before us says of the client. Ours are set afterwards.
const FORWARDED_PREFIX: &str = "x-forwarded-";
/// Framing and hop-by-hop names. Themselves they are read or removed by the HTTP layer; their aliases are not.
const FRAMING: [&str; 11] = [
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "http2-settings",
    "content-encoding",
    "content-type",
    "content-range",
    "trailer",
];

/// The names that are removed from every request before ours are set.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Folded names, by their length.
    by_length: Box<[Box<[Entry]>]>,
    /// Folded beginnings.
    prefixes: Box<[Box<[u8]>]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    folded: Box<[u8]>,
    /// The spelling that stays, for names that aren't ours to remove.
    stays: Option<Box<[u8]>>,
}

impl Reserved {
    /// Reserves `injected` and every name that begins with one of `prefixes`, beside the names that are never
    /// let through. Those that are `read` here stay, and their aliases go: an application would take one for the
    /// header that was decided by.
    pub(crate) fn new<'a>(
        injected: impl IntoIterator<Item = &'a str>,
        prefixes: impl IntoIterator<Item = &'a str>,
        read: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let removed = injected.into_iter().chain(OVERRIDES).map(|name| Entry {
            folded: folded(name),
            stays: None,
        });
        let staying = read.into_iter().chain(FRAMING).map(|name| Entry {
            folded: folded(name),
            stays: Some(name.to_ascii_lowercase().into_bytes().into()),
        });
        let entries: Vec<Entry> = removed.chain(staying).collect();
        let longest = entries.iter().map(|entry| entry.folded.len()).max().unwrap_or(0);
        let of_length = |length| {
            entries
                .iter()
                .filter(move |entry| entry.folded.len() == length)
                .cloned()
        };
        Self {
            by_length: (0..=longest).map(|length| of_length(length).collect()).collect(),
            prefixes: prefixes
                .into_iter()
                .chain([FORWARDED_PREFIX])
                .map(folded)
                .collect(),
        }
    }

    /// Whether a header of this name (in lower case) is removed.
    pub(crate) fn removes(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let entries = self.by_length.get(name.len()).map_or(&[][..], |entries| entries);
        let by_name = entries.iter().any(|entry| {
            folds_to(name, &entry.folded) && entry.stays.as_deref().is_none_or(|stays| stays != name)
        });
        by_name
            || self.prefixes.iter().any(|prefix| {
                name.get(..prefix.len())
                    .is_some_and(|start| folds_to(start, prefix))
            })
    }
}

fn folded(name: &str) -> Box<[u8]> {
    name.bytes().map(fold).collect()
}

/// Whether `name` folds to `folded`, which is as long.
fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    name.iter()
        .zip(folded)
        .all(|(&byte, &expected)| fold(byte) == expected)
}

#[cfg(test)]
mod tests;
