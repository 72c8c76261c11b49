//! Messages with the secrets in their quotations masked.

use redact::{blank, user_infos};

use crate::node::shorten;
use crate::secret_value::SecretValue;

/// The maximum length of a value that was shortened for a message, in bytes.
const LONGEST_CUT: usize = 1024;

/// Returns a message about a secret value, with quotations of the value masked.
pub(crate) fn mask_message(message: &str, secret: &SecretValue) -> String {
    let whole = redact::escaped(&secret.text);
    if whole.is_empty() {
        return message.to_owned();
    }
    if whole.contains('`') {
        let first = shorten(&secret.text);
        let first = redact::escaped(first.trim_end_matches("..."));
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
    // The longest beginning of the secret that the text before `...` ends with is the shortened quotation.
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

/// Returns a help without the quotations that a report masks, so that nobody copies asterisks into a document.
/// Returns none if secrets would remain.
pub(crate) fn mask_help(help: &str, secrets: &[&SecretValue]) -> Option<String> {
    let hides = |text: &str| {
        let is_quoted = |secret: &&SecretValue| mask_message(text, secret) != text;
        secrets.iter().any(is_quoted) || redact::masked(text) != text || !user_infos(text).is_empty()
    };
    if !hides(help) {
        return Some(help.to_owned());
    }
    let mut kept = String::with_capacity(help.len());
    for (index, part) in help.split('`').enumerate() {
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

#[cfg(test)]
mod tests;
