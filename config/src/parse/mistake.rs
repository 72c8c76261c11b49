//! The likely mistake behind a syntax error. A parser reports the place where it cannot continue, which is often a line
//! after the mistake: an indentation, a missing space after a colon, or a bracket or quote that is not closed. No help
//! quotes the document, because its secrets are not known without its structure.

use std::borrow::Cow;

/// The maximum number of lines before the error that are searched for a missing space.
const NEAR_LINES: usize = 3;

/// A likely mistake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The byte where it is.
    pub(super) at: usize,
    pub(super) help: Cow<'static, str>,
}

impl Mistake {
    fn new(at: usize, help: impl Into<Cow<'static, str>>) -> Self {
        let help = help.into();
        Self { at, help }
    }
}

/// Returns the most likely mistake in `text`, where the parser cannot continue at the byte `at` because of `reason`.
pub(super) fn likely_mistake(text: &str, at: usize, reason: &str) -> Mistake {
    let lines = lines_up_to(text, at);
    let (last, before) = match lines.split_last() {
        Some((last, before)) => (*last, before),
        None => (Line { start: 0, text: "" }, &[][..]),
    };
    let open = Open::at(text.get(..at).unwrap_or_default());
    None.or_else(|| tab(&lines, (text, at), reason))
        .or_else(|| reference(last, at))
        .or_else(|| unclosed(&open, last, before, (at, reason)))
        .or_else(|| missing_space(&lines))
        .or_else(|| second_colon(last, reason))
        .or_else(|| indentation(last, before, &open))
        .unwrap_or_else(|| Mistake::new(at, other(&open, reason)))
}

/// A line and its first byte.
#[derive(Debug, Clone, Copy)]
struct Line<'t> {
    start: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn indent(self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    /// Returns the column of the first key or value, behind the dashes of lists.
    fn content_indent(self) -> usize {
        let mut indent = self.indent();
        while let Some(rest) = self.text.get(indent..).and_then(|rest| rest.strip_prefix('-')) {
            if !rest.starts_with(' ') {
                break;
            }
            indent += 1 + (rest.len() - rest.trim_start_matches(' ').len());
        }
        indent
    }

    /// Returns the text from the first key or value, without a comment at its end.
    fn content(self) -> &'t str {
        let content = self.text.get(self.content_indent()..).unwrap_or_default();
        let content = match content.starts_with('#') {
            true => "",
            false => content.split(" #").next().unwrap_or_default(),
        };
        content.trim_end()
    }
}

/// Returns the lines with content up to the one that contains the byte `at`, which is the last even if it has none.
fn lines_up_to(text: &str, at: usize) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (line, next) = (line.trim_end_matches(['\n', '\r']), start + line.len());
        let line = Line { start, text: line };
        if next > at {
            lines.push(line);
            return lines;
        }
        if !line.content().is_empty() {
            lines.push(line);
        }
        start = next;
    }
    // The end of the text is a line of its own: what is open there is not closed on its line.
    lines.push(Line { start, text: "" });
    lines
}

/// Finds a tab in the indentation of the last lines, or of the next one, whose tab can end the value before it.
fn tab(lines: &[Line<'_>], (text, at): (&str, usize), reason: &str) -> Option<Mistake> {
    let end = text.get(at..).and_then(|rest| rest.find('\n'));
    let next = end.filter(|_| reason.contains("tab")).map(|end| {
        let start = at + end + 1;
        let rest = text.get(start..).unwrap_or_default();
        let text = rest.lines().next().unwrap_or_default();
        Line { start, text }
    });
    let near = lines.iter().rev().take(2).copied().chain(next);
    let mut tabs = near.filter_map(|line| {
        let blank = line.text.len() - line.text.trim_start().len();
        let tab = line.text.get(..blank)?.find('\t')?;
        Some(line.start + tab)
    });
    tabs.next()
        .map(|at| Mistake::new(at, "indent with spaces; YAML does not allow tabs"))
}

/// Finds a reference to an environment variable without quotes.
fn reference(line: Line<'_>, at: usize) -> Option<Mistake> {
    let has_reference = line.text.contains("${") && !line.text.contains("\"${");
    has_reference.then(|| Mistake::new(at, "put references in quotes: `\"${NAME}\"`"))
}

/// The brackets and the quote that are open at the end of a text.
#[derive(Debug, Default)]
struct Open {
    /// The bytes of the brackets, outermost first.
    brackets: Vec<(usize, char)>,
    quote: Option<(usize, char)>,
}

impl Open {
    fn at(text: &str) -> Self {
        let mut open = Self::default();
        // True where a value can begin: a bracket or quote inside a text without quotes is a part of it.
        let mut is_start = true;
        let mut before = '\n';
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            match (open.quote, c) {
                (Some((_, '"')), '\\') => drop(characters.next()),
                (Some((_, '\'')), '\'') if characters.peek().is_some_and(|(_, next)| *next == '\'') => {
                    characters.next();
                }
                (Some((_, quote)), c) if c == quote => open.quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => {
                    while characters.next_if(|(_, next)| *next != '\n').is_some() {}
                }
                (None, '"' | '\'') if is_start => {
                    open.quote = Some((at, c));
                    is_start = false;
                }
                (None, '[' | '{') if is_start || !open.brackets.is_empty() => {
                    open.brackets.push((at, c));
                    is_start = true;
                }
                (None, ']' | '}') => {
                    open.brackets.pop();
                    is_start = false;
                }
                (None, '\n' | ',') => is_start = true,
                (None, ' ') => is_start |= matches!(before, ':' | '-'),
                (None, '-' | ':') => {}
                (None, _) => is_start = false,
            }
            before = c;
        }
        open
    }
}

/// Finds a quote or bracket that is not closed, or a missing comma in brackets of several lines.
fn unclosed(
    open: &Open,
    line: Line<'_>,
    before: &[Line<'_>],
    (at, reason): (usize, &str),
) -> Option<Mistake> {
    let here = || {
        let first = line.text.get(at.checked_sub(line.start)?..)?.chars().next();
        first
            .filter(|_| reason.contains("quoted scalar"))
            .map(|quote| (at, quote))
    };
    if let Some((at, quote)) = open
        .quote
        .or_else(here)
        .filter(|(_, quote)| matches!(quote, '"' | '\''))
    {
        return Some(Mistake::new(at, format!("close this quote with `{quote}`")));
    }
    // On its own line more than the closing bracket may be missing.
    let (at, bracket) = *open.brackets.last().filter(|(at, _)| *at < line.start)?;
    let opened = before.iter().rfind(|line| line.start <= at)?;
    let former = before.last()?;
    let is_entry = line.indent() > opened.indent() && !line.content().is_empty();
    if is_entry && !former.content().ends_with(['[', '{', ',']) {
        let end = former.start + former.content_indent() + former.content().len();
        return Some(Mistake::new(
            end.saturating_sub(1),
            "write a comma at the end of this line",
        ));
    }
    let closing = match bracket {
        '[' => ']',
        _ => '}',
    };
    Some(Mistake::new(at, format!("close this bracket with `{closing}`")))
}

/// Finds a colon or a dash without the space behind it.
fn missing_space(lines: &[Line<'_>]) -> Option<Mistake> {
    lines.iter().rev().take(NEAR_LINES).find_map(|line| {
        let content = line.content();
        let at = line.start + line.content_indent();
        if let Some(rest) = content.strip_prefix('-')
            && rest.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            return Some(Mistake::new(at + 1, "write a space after the dash"));
        }
        let (key, value) = joined_key(content)?;
        // An item such as `orders.internal:8080` is an endpoint.
        let is_item = line.content_indent() > line.indent();
        if is_item && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Mistake::new(at + key.len() + 1, "write a space after the colon"))
    })
}

/// Returns the key and the value of `key:value`. Other texts can contain a colon: URLs, times, and entries in brackets.
pub(crate) fn joined_key(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once(':')?;
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let is_joined = !value.is_empty() && !value.starts_with([' ', '/']) || is_path(value);
    (is_key && is_joined && !value.contains(": ") && !value.ends_with(':')).then_some((key, value))
}

/// Returns true for a path, not the rest of a URL.
fn is_path(value: &str) -> bool {
    value.starts_with('/') && !value.starts_with("//")
}

/// Finds a text without quotes that contains a colon and a space.
fn second_colon(line: Line<'_>, reason: &str) -> Option<Mistake> {
    let content = line.content();
    let first = content.find(": ")? + 2;
    let value = content.get(first..)?;
    let is_plain = !value.trim_start().starts_with(['[', '{', '"', '\'']);
    let second = value
        .find(": ")
        .filter(|_| is_plain && reason.contains("mapping values"))?;
    let at = line.start + line.content_indent() + first + second;
    Some(Mistake::new(at, "put the text behind the first colon in quotes"))
}

/// Finds an indentation that fits no line before.
fn indentation(line: Line<'_>, before: &[Line<'_>], open: &Open) -> Option<Mistake> {
    if !open.brackets.is_empty() || line.content().is_empty() {
        return None;
    }
    let at = line.start + line.indent();
    let (indent, former) = (line.indent(), before.last()?);
    let expected = former.content_indent();
    // A key below a key that has a value on its line.
    if indent > expected && !former.content().ends_with(':') {
        let help = format!(
            "indent this line by {expected} spaces, as the line before; it has {indent}, and the key above has a value"
        );
        return Some(Mistake::new(at, help));
    }
    let mut levels = Vec::new();
    let mut lowest = usize::MAX;
    for line in before.iter().rev() {
        for level in [line.content_indent(), line.indent()] {
            if level < lowest {
                levels.push(level);
                lowest = level;
            }
        }
    }
    if indent > expected || levels.contains(&indent) {
        return None;
    }
    let below = levels.iter().copied().find(|level| *level < indent);
    let above = levels.iter().copied().filter(|level| *level > indent).min();
    let fitting: Vec<String> = [below, above]
        .into_iter()
        .flatten()
        .map(|level| level.to_string())
        .collect();
    let help = format!(
        "indent this line by {} spaces, as a line above; it has {indent}",
        fitting.join(" or ")
    );
    Some(Mistake::new(at, help))
}

/// Returns the help for other errors.
fn other(open: &Open, reason: &str) -> &'static str {
    if reason.contains("unexpected character") || reason.contains("mapping values are not allowed") {
        "put texts with special characters in quotes"
    } else if !open.brackets.is_empty() {
        "write a comma between the entries, and put texts with special characters in quotes"
    } else {
        "check the indentation, brackets and quotes here and on the line before"
    }
}

#[cfg(test)]
mod tests;
