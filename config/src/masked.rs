//! Excerpts and messages with their secrets masked.

mod named;

use std::ops::Range;

use redact::{TextFormat, blank, mask_bytes, user_infos};

use self::named::named_in_comments;
pub(crate) use self::named::named_values;
use crate::form::Form as _;
use crate::node::shorten;
use crate::problem::shown;
use crate::secret_values::SecretValue;
use crate::shape::admin::{StaticToken, TokensDocument};
use crate::source::Source;

/// The amount of text around an excerpt that is searched for secrets, in bytes: a private key may begin outside of it.
const AROUND: usize = 16 * 1024;
/// The maximum length of a value that was shortened for a message, in bytes.
const LONGEST_CUT: usize = 1024;

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
    let named = match source.knows_secrets() {
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

/// Returns a message about a secret value, with quotations of the value masked.
pub(crate) fn message(message: &str, secret: &SecretValue) -> String {
    let whole = shown(secret.text.clone());
    if whole.is_empty() {
        return message.to_owned();
    }
    if whole.contains('`') {
        let first = shown(shorten(&secret.text).trim_end_matches("...").to_owned());
        let hidden = message.replace(&*whole, &blank(&whole));
        return match first.is_empty() {
            true => hidden,
            false => hidden.replace(&*first, &blank(&first)),
        };
    }
    // Messages quote values in backticks; the same word outside of them is not a quotation.
    let parts = message.split('`').enumerate();
    let parts = parts.map(|(index, part)| match index % 2 {
        0 => part.to_owned(),
        _ => hidden(part, &whole),
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Masks the secret in a quoted part of a message, also if it was shortened within the secret.
fn hidden(part: &str, secret: &str) -> String {
    let all = part.replace(secret, &blank(secret));
    // The shortened text may be in brackets.
    let Some((cut, behind)) = all.rsplit_once("...") else {
        return all;
    };
    let ends = secret.char_indices().map(|(at, c)| at + c.len_utf8());
    let most = cut.len().min(LONGEST_CUT);
    let longest = ends
        .take_while(|end| *end <= most)
        .filter_map(|end| secret.get(..end))
        .filter(|start| cut.ends_with(start))
        .last();
    match longest.and_then(|start| Some((cut.strip_suffix(start)?, blank(start)))) {
        Some((before, mask)) => format!("{before}{mask}...{behind}"),
        None => all,
    }
}

/// Returns a help without the quotations that a report masks, so that nobody copies asterisks into a document. Returns none
/// if secrets would remain.
pub(crate) fn cure(cure: &str, secrets: &[&SecretValue]) -> Option<String> {
    let hides = |text: &str| {
        let is_quoted = |secret: &&SecretValue| message(text, secret) != text;
        secrets.iter().any(is_quoted) || redact::masked(text) != text || !user_infos(text).is_empty()
    };
    if !hides(cure) {
        return Some(cure.to_owned());
    }
    let mut kept = String::with_capacity(cure.len());
    for (index, part) in cure.split('`').enumerate() {
        match index % 2 {
            0 => kept.push_str(part),
            _ if !hides(&format!("`{part}`")) => kept.extend(["`", part, "`"]),
            _ => match kept.strip_suffix(": ").map(str::len) {
                Some(end) => kept.truncate(end),
                None => kept.push_str("it"),
            },
        }
    }
    (!hides(&kept)).then_some(kept)
}

/// Returns true for the name of a field of a document of tokens.
fn is_field(word: &str) -> bool {
    TokensDocument::SHAPE.has_field(word) || StaticToken::SHAPE.has_field(word)
}

/// Returns every word of a text except the names of fields of a document of tokens. For such documents that are not YAML.
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
