//! Sets of strings with fast lookup. Each string has a small key, its length and its ends. The keys decide
//! for texts of up to eight bytes, and tell most longer ones apart.

/// The largest set that is searched linearly, which is faster than a binary search.
const FEW: usize = 8;
/// The longest text that its key identifies, in bytes.
const WHOLE: usize = 8;

/// A set of strings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct StringSet {
    /// The keys of the strings, in their order.
    keys: Box<[TextKey]>,
    /// Sorted by key and then by text, none twice.
    strings: Box<[Box<str>]>,
}

/// A text's length and its first and last bytes.
type TextKey = (usize, u64);

impl StringSet {
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut strings: Vec<Box<str>> = texts.into_iter().map(Into::into).collect();
        strings.sort_unstable_by(|a, b| (key(a), a).cmp(&(key(b), b)));
        strings.dedup();
        Self {
            keys: strings.iter().map(|text| key(text)).collect(),
            strings: strings.into(),
        }
    }

    /// Returns true if the set contains `text`.
    #[inline(always)]
    pub(crate) fn has(&self, text: &str) -> bool {
        let wanted = key(text);
        let start = if self.keys.len() <= FEW {
            self.keys.iter().position(|key| *key == wanted)
        } else {
            let start = self.keys.partition_point(|key| *key < wanted);
            self.keys.get(start).filter(|key| **key == wanted).map(|_| start)
        };
        start.is_some_and(|start| text.len() <= WHOLE || self.has_among(start, wanted, text))
    }

    /// Returns true if `text` is one of the strings with this key, the first of which is at `start`.
    fn has_among(&self, start: usize, wanted: TextKey, text: &str) -> bool {
        let alike = self.keys.iter().zip(&self.strings).skip(start);
        alike
            .take_while(|(key, _)| **key == wanted)
            .any(|(_, string)| **string == *text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.strings.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.strings.iter().map(|string| &**string)
    }
}

/// Returns the key of a text: the first four and the last four bytes, which overlap for up to seven bytes; of
/// fewer than four each byte.
#[inline]
fn key(text: &str) -> TextKey {
    let bytes = text.as_bytes();
    let ends = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => bytes.iter().fold(0, |ends, byte| ends << 8 | u64::from(*byte)),
    };
    (bytes.len(), ends)
}

#[cfg(test)]
mod tests;
