//! Excerpts of documents with their secrets masked.

pub(crate) mod message;

use std::ops::Range;

use redact::{TextFormat, blank, mask_bytes, user_infos};

use crate::form::Form as _;
use crate::secret_values::{named_in_comments, named_values};
use crate::shape::admin::{StaticToken, TokensDocument};
use crate::source::Source;

/// The amount of text around an excerpt that is searched for secrets, in bytes: a private key may begin outside of it.
const AROUND: usize = 16 * 1024;

/// Returns a part of a source with its secrets masked. Length and lines stay the same.
pub(crate) fn excerpt(source: &Source, range: Range<usize>) -> String {
    let text = &source.text;
    let start = text.floor_char_boundary(range.start.saturating_sub(AROUND));
    let end = text.ceil_char_boundary(range.end.saturating_add(AROUND).min(text.len()));
    let around = text.get(start..end).unwrap_or_default();
    let mut bytes = around.as_bytes().to_vec();
    mask_bytes(&mut bytes, TextFormat::Text);
    let values = source.secrets().iter().map(|secret| {
        let from = secret.span.start as usize;
        from..from + secret.span.len as usize
    });
    let values = values.map(|value| value.start.saturating_sub(start)..value.end.saturating_sub(start));
    let named = match source.are_secrets_known() {
        true => named_in_comments(around),
        false if source.is_confidential() => words(around).collect(),
        false => named_values(around)
            .into_iter()
            .chain(user_infos(around))
            .collect(),
    };
    for value in values.chain(named) {
        let value = value.start.min(bytes.len())..value.end.min(bytes.len());
        let blanks = around.get(value.clone()).map(blank).unwrap_or_default();
        if let Some(bytes) = bytes.get_mut(value) {
            bytes.copy_from_slice(blanks.as_bytes());
        }
    }
    let range = range.start.saturating_sub(start)..range.end.saturating_sub(start);
    let masked = bytes.get(range).unwrap_or_default();
    String::from_utf8_lossy(masked).into_owned()
}

/// Returns true for the name of a field of a document of tokens.
fn is_field(word: &str) -> bool {
    TokensDocument::SHAPE.has_field(word) || StaticToken::SHAPE.has_field(word)
}

/// Returns every word of a text except the names of fields of a document of tokens. For such documents that are not
/// YAML.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_edge = |c: char| c.is_whitespace() || "\"',:{}[]".contains(c);
    let mut at = 0;
    let words = text.split_inclusive(is_edge).map(move |word| {
        let start = at;
        at += word.len();
        (start, word.trim_end_matches(is_edge))
    });
    let hidden = words.filter(|(_, word)| !is_field(word));
    hidden.map(|(start, word)| start..start + word.len())
}

#[cfg(test)]
mod tests;
