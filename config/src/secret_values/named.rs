//! Values after names of secrets, found in the text alone: for documents that are not YAML, for repeated keys, and for
//! comments. A mapping after a name is skipped, because it has names of its own.

use std::ops::Range;

use redact::is_secret_name;

use crate::quantity;

/// Names of fields with secrets in documents, in addition to those that the log masks.
const NAMES: [&str; 3] = ["hash", "key", "keys"];

/// Returns true if a field of this name contains a secret.
pub(crate) fn names_secret(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_secret_name(name)
}

/// Returns the values after names of secrets, which end with `:` or `=`. References are not secrets.
pub(crate) fn named_values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices([':', '=']) {
        let line = line_start(text, at);
        let before = text.get(line..at).unwrap_or_default();
        let name = before.trim_end_matches(['"', '\'', ' ', '\t']);
        let start = name.rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
        let name = name.get(start.map_or(0, |start| start + 1)..).unwrap_or_default();
        if names_secret(name) {
            found.extend(value(text, at + 1, before));
        }
    }
    found
}

/// Returns the named values in the comments of a text.
pub(crate) fn named_in_comments(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        // A comment begins a line or follows a space. A `#` in quotes is treated as one as well.
        let starts = line.match_indices('#').map(|(start, _)| start);
        let is_comment = |start: &usize| {
            line.get(..*start)
                .is_some_and(|before| !before.ends_with(|c: char| !c.is_whitespace()))
        };
        if let Some(start) = starts.into_iter().find(is_comment) {
            let values = named_values(line.get(start..).unwrap_or_default().trim_end());
            found.extend(
                values
                    .into_iter()
                    .map(|value| at + start + value.start..at + start + value.end),
            );
        }
        at += line.len();
    }
    found
}

/// Returns the value after a separator: on its line, in lines that are indented further, and in the items of a list.
fn value(text: &str, behind: usize, before: &str) -> Option<Range<usize>> {
    // A key in an item of a list is indented as far as its first character.
    let indent = before.len() - before.trim_start_matches([' ', '\t', '-']).len();
    let end = line_end(text, behind);
    let value = text.get(behind..end)?.trim_start();
    let start = end - value.len();
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inner = text.get(start + 1..)?;
        let inner = inner.get(..inner.find(quote).unwrap_or(inner.len()))?;
        return (!is_reference(inner)).then_some(start + 1..start + 1 + inner.len());
    }
    let block = |is_list| block_end(text, end, indent, is_list).max(end);
    let range = match value.as_bytes().first() {
        None | Some(b'#') => below(text, end, indent)?..block(true),
        Some(b'{') => return None,
        Some(b'[') => {
            let items = text.get(start + 1..block(true))?;
            return Some(start + 1..start + 1 + items.find(']').unwrap_or(items.len()));
        }
        Some(b'|' | b'>') if is_block_header(value) => end..block(false),
        Some(_) => start..block(false),
    };
    let range = range.start..range.end.max(line_end(text, range.start));
    let found = text.get(range.clone())?;
    let is_flow = before.contains(['{', '[']);
    let length = found.find([',', '}', ']']).filter(|_| is_flow);
    let length = length.unwrap_or(found.len());
    (!begins_with_reference(found)).then_some(range.start..range.start + length)
}

/// Returns the start of the first line below; none if that line begins a mapping.
fn below(text: &str, end: usize, indent: usize) -> Option<usize> {
    let mut at = end;
    for line in text.get(end..)?.split_inclusive('\n') {
        let inside = line.trim_start();
        let start = at + line.len() - inside.len();
        at += line.len();
        if inside.is_empty() || inside.starts_with('#') {
            continue;
        }
        // The end of a mapping, or the next item of a list, is not a value.
        let is_outside = inside.starts_with(['}', ']', ','])
            || (inside.starts_with('-') && line.len() - inside.len() < indent);
        return (!is_outside && !is_mapping(inside)).then_some(start);
    }
    None
}

/// Returns true for a line that begins with a key, perhaps after the dash of an item.
fn is_mapping(line: &str) -> bool {
    let line = line.trim_start_matches(['-', ' ', '{']);
    let Some((key, behind)) = line.split_once(':') else {
        return false;
    };
    let key = key.trim().trim_matches(['"', '\'']);
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    key.chars().all(is_part) && (behind.is_empty() || behind.starts_with(char::is_whitespace))
}

/// Returns true for the header of a block of lines: `|`, `>-`, `|2`, perhaps with a comment.
fn is_block_header(value: &str) -> bool {
    let rest = value.trim_start_matches(|c: char| matches!(c, '|' | '>' | '+' | '-') || c.is_ascii_digit());
    let rest = rest.trim();
    rest.is_empty() || rest.starts_with('#')
}

/// Returns true for a reference to a variable whose name is in capitals.
fn is_reference(value: &str) -> bool {
    let name = quantity::reference(value.trim());
    name.is_some_and(|name| !name.contains(|c: char| c.is_ascii_lowercase()))
}

/// Returns true for a reference at the end of its mapping or list, or of the value.
fn begins_with_reference(value: &str) -> bool {
    let end = value.find('}').map_or(0, |end| end + 1);
    let is_end = |rest: &str| rest.is_empty() || rest.starts_with([',', '}', ']', '#']);
    value
        .split_at_checked(end)
        .is_some_and(|(reference, rest)| is_reference(reference) && is_end(rest.trim_start()))
}

/// Returns the end of the lines that are indented further, or that are items of a list with the same indentation.
fn block_end(text: &str, start: usize, indent: usize, is_list: bool) -> usize {
    let mut end = start;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let inside = line.trim_start();
        let depth = line.len() - inside.len();
        let is_item = is_list && depth == indent && inside.starts_with('-');
        if !inside.is_empty() && depth <= indent && !is_item {
            break;
        }
        end += line.len();
    }
    end
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |end| end + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.find('\n').unwrap_or(rest.len())
}
