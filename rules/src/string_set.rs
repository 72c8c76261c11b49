//! Sets of strings that are asked whether they have a text. A small key of each, its length and its ends, is all
//! there is to compare for texts of up to eight bytes, and tells most longer ones apart.

/// Up to this many strings are looked at one after the other, which beats a search.
const FEW: usize = 8;
/// Texts of up to this many bytes are told apart by their keys alone.
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

    /// Whether it has `text`.
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

    /// Whether one of the strings with this key, which begin at `start`, is `text`.
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

/// Of four bytes and more the first four and the last four, which overlap up to seven; of fewer, each byte.
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
