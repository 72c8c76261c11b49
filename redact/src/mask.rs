//! Masking: replaces each byte of a secret, and keeps line breaks.

use std::borrow::Cow;
use std::ops::Range;

use crate::scan;
use crate::text_format::TextFormat;

/// The byte that replaces each byte of a secret.
const MASK: u8 = b'*';

/// Returns the text with every secret masked; borrowed if it has none.
///
/// A character of several bytes becomes several marks, so that the length in bytes stays.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    if scan::next(text.as_bytes(), 0..text.len(), TextFormat::Text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    mask_bytes(&mut bytes, TextFormat::Text);
    Cow::Owned(string(bytes))
}

/// Returns a JSON text with every secret masked. The result is JSON.
#[must_use]
pub fn masked_json(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    mask_bytes(&mut bytes, TextFormat::Json);
    string(bytes)
}

/// Masks every secret in a text in place.
pub fn mask_bytes(text: &mut [u8], form: TextFormat) {
    let all = 0..text.len();
    mask_within(text, [all], form);
}

/// Masks in place every secret whose beginning, or the text that announces it, is within one of `places`, which are in
/// order. The text around a place is its context. The result is that of [`mask_bytes`] if the rest of the text announces
/// no secret.
pub fn mask_within(text: &mut [u8], places: impl IntoIterator<Item = Range<usize>>, form: TextFormat) {
    // Like a search of the whole text, this one goes on behind a secret, which may end in a later place.
    let mut at = 0;
    for place in places {
        at = at.max(place.start);
        while let Some(secret) = scan::next(text, at..place.end, form) {
            at = secret.end;
            for byte in text.get_mut(secret).unwrap_or_default() {
                mask(byte);
            }
        }
    }
}

/// Returns the text with `parts` masked. Each part begins and ends on a character boundary.
pub(crate) fn mask_ranges(text: &str, parts: impl IntoIterator<Item = Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for part in parts {
        bytes.get_mut(part).unwrap_or_default().iter_mut().for_each(mask);
    }
    string(bytes)
}

/// Returns a mark for each byte of `text`, with its line breaks kept.
#[must_use]
pub fn blank(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes.iter_mut().for_each(mask);
    string(bytes)
}

fn mask(byte: &mut u8) {
    if !matches!(byte, b'\n' | b'\r') {
        *byte = MASK;
    }
}

/// Converts masked bytes to text. Secrets begin and end beside ASCII, so no character is cut and the bytes
/// stay UTF-8.
fn string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
