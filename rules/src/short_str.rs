//! Texts that are mostly short: up to 16 bytes are held in place, without an allocation. Tables of a million ids are half
//! as large with them.

use std::fmt;

use arrayvec::ArrayString;

/// The longest text in place, in bytes. With it a `ShortStr` takes three words.
const IN_PLACE: usize = 16;

/// A text that does not change.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ShortStr(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    InPlace(ArrayString<IN_PLACE>),
    Allocated(Box<str>),
}

impl ShortStr {
    /// Returns the text.
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match &self.0 {
            Form::InPlace(text) => text,
            Form::Allocated(text) => text,
        }
    }
}

impl From<&str> for ShortStr {
    fn from(text: &str) -> Self {
        Self(match ArrayString::from(text) {
            Ok(text) => Form::InPlace(text),
            Err(_) => Form::Allocated(text.into()),
        })
    }
}

impl fmt::Debug for ShortStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_is_held_unchanged() {
        for length in 0..40 {
            let text = "a".repeat(length);
            assert_eq!(ShortStr::from(text.as_str()).as_str(), text);
        }
    }

    #[test]
    fn a_short_str_takes_three_words() {
        assert_eq!(size_of::<ShortStr>(), 3 * size_of::<usize>());
    }
}
