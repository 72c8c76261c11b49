//! Sets of strings with fast lookup. Each string has a small key: of up to seven bytes all of them, of a longer text
//! some. The keys decide for short texts, and tell most longer ones apart.

/// The largest set that is searched linearly, which is faster than a binary search.
const FEW: usize = 8;
/// The longest text that its key identifies, in bytes.
const WHOLE: usize = 7;

/// A set of strings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct StringSet {
    /// The [`bit`]s of the strings. Most other texts have another bit, so that they need no key.
    bits: u64,
    /// The keys of the strings, in their order.
    keys: Box<[TextKey]>,
    /// Sorted by key and then by text, none twice.
    strings: Box<[Box<str>]>,
}

/// A text's length in the uppermost byte, 255 for longer ones, and seven bytes of it or of a mixture of its ends.
type TextKey = u64;

impl StringSet {
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut strings: Vec<Box<str>> = texts.into_iter().map(Into::into).collect();
        strings.sort_unstable_by(|a, b| (key(a), a).cmp(&(key(b), b)));
        strings.dedup();
        Self {
            bits: strings.iter().fold(0, |bits, text| bits | 1 << bit(text)),
            keys: strings.iter().map(|text| key(text)).collect(),
            strings: strings.into(),
        }
    }

    /// Returns true if the set contains `text`.
    #[inline(always)]
    pub(crate) fn has(&self, text: &str) -> bool {
        self.bits >> bit(text) & 1 != 0 && self.has_by_key(text)
    }

    /// Like [`StringSet::has`]. A call of its own, so that texts that the set does not contain need few registers.
    #[inline(never)]
    fn has_by_key(&self, text: &str) -> bool {
        let wanted = key(text);
        if self.keys.len() > FEW {
            return self.has_among_many(wanted, text);
        }
        let start = self.keys.iter().position(|key| *key == wanted);
        start.is_some_and(|start| text.len() <= WHOLE || self.has_from(start, wanted, text))
    }

    /// Returns true if the set contains one of `texts`.
    #[inline(never)]
    pub(crate) fn has_any(&self, texts: &[Box<str>]) -> bool {
        texts.iter().any(|text| self.has(text))
    }

    /// Returns true if every string of the set is one of `texts`.
    #[inline(never)]
    pub(crate) fn is_within(&self, texts: &[Box<str>]) -> bool {
        let mut wanted = self.strings.iter();
        wanted.all(|wanted| texts.contains(wanted))
    }

    #[inline(never)]
    fn has_among_many(&self, wanted: TextKey, text: &str) -> bool {
        let start = self.keys.partition_point(|key| *key < wanted);
        let is_known = self.keys.get(start) == Some(&wanted);
        is_known && (text.len() <= WHOLE || self.has_from(start, wanted, text))
    }

    /// Returns true if `text` is one of the strings with this key, the first of which is at `start`.
    #[inline(never)]
    fn has_from(&self, start: usize, wanted: TextKey, text: &str) -> bool {
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
}

/// Returns a number below 64 that depends on the length and the first byte of a text.
#[inline(always)]
fn bit(text: &str) -> usize {
    let first = text.as_bytes().first().copied().unwrap_or_default();
    text.len().wrapping_add(first.into()) % 64
}

/// Returns the key of a text.
#[inline(always)]
fn key(text: &str) -> TextKey {
    const TOP: u32 = u64::BITS - u8::BITS;
    let bytes = text.as_bytes();
    let length = bytes.len().min(255) as u64;
    let ends = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The ends of up to seven bytes overlap, where they agree.
        (Some(first), Some(last)) => {
            let shift = 8 * bytes.len().min(8).saturating_sub(4);
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift
        }
        // The first, the middle and the last of at most three bytes.
        _ => match (bytes.first(), bytes.get(bytes.len() / 2), bytes.last()) {
            (Some(first), Some(middle), Some(last)) => u32::from_le_bytes([*first, *middle, *last, 0]).into(),
            _ => 0,
        },
    };
    // The eighth byte of a longer text makes room for the length.
    let mixed = ends ^ ends >> TOP;
    length << TOP | mixed & (u64::MAX >> u8::BITS)
}

#[cfg(test)]
mod tests;
