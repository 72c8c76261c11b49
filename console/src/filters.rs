//! Filters of the templates.

use std::fmt::{self, Display};

use askama::filters::HtmlSafe;
use askama::{Result, Values};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::texts;

/// A number of a text. Templates pass references to fields.
pub(crate) trait Number {
    /// Returns the number; the largest one if it does not fit.
    fn wide(&self) -> u64;
}

impl Number for usize {
    fn wide(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
}

impl Number for u64 {
    fn wide(&self) -> u64 {
        *self
    }
}

impl<N: Number> Number for &N {
    fn wide(&self) -> u64 {
        (**self).wide()
    }
}

/// Returns the text of a message: `{{ "flags-title"|text }}`.
#[askama::filter_fn]
pub(crate) fn text(id: impl Display, _: &dyn Values) -> Result<String> {
    Ok(texts::text(&id.to_string()).into_owned())
}

/// Returns the text of a message with the number `n`: `{{ "flags-count"|text_n(flags.len()) }}`.
#[askama::filter_fn]
pub(crate) fn text_n<N: Number>(id: impl Display, _: &dyn Values, n: N) -> Result<String> {
    Ok(texts::text_n(&id.to_string(), n.wide()).into_owned())
}

/// Returns the text of a message with two numbers: `{{ "flags-on"|text_of(on, tenants) }}`.
#[askama::filter_fn]
pub(crate) fn text_of<N: Number, M: Number>(id: impl Display, _: &dyn Values, n: N, m: M) -> Result<String> {
    Ok(texts::text_of(&id.to_string(), n.wide(), m.wide()).into_owned())
}

/// Returns the text of a message with a name: `{{ "kill-title"|text_named(flag) }}`.
#[askama::filter_fn]
pub(crate) fn text_named<T: Display>(id: impl Display, _: &dyn Values, name: T) -> Result<String> {
    Ok(texts::text_named(&id.to_string(), &name.to_string()).into_owned())
}

/// Returns the text of a message with two names: `{{ "check-evidence"|text_pair(so_far, needed) }}`.
#[askama::filter_fn]
pub(crate) fn text_pair<T: Display, U: Display>(
    id: impl Display,
    _: &dyn Values,
    name: T,
    to: U,
) -> Result<String> {
    Ok(texts::text_pair(&id.to_string(), &name.to_string(), &to.to_string()).into_owned())
}

/// Returns an RFC 3339 time as `2026-11-30 15:04 UTC`; another text as it is.
#[askama::filter_fn]
pub(crate) fn utc(text: impl Display, _: &dyn Values) -> Result<String> {
    let text = text.to_string();
    Ok(minutes(&text).unwrap_or(text))
}

/// Returns the day of an RFC 3339 time, in UTC, as `2026-11-30`; another text as it is.
#[askama::filter_fn]
pub(crate) fn day(text: impl Display, _: &dyn Values) -> Result<String> {
    let text = text.to_string();
    let at = OffsetDateTime::parse(&text, &Rfc3339).map(|at| at.to_offset(time::UtcOffset::UTC));
    Ok(at.map_or(text, |at| at.date().to_string()))
}

/// Returns an RFC 3339 time as `2026-11-30 15:04:05 UTC`; another text as it is.
#[askama::filter_fn]
pub(crate) fn seconds(text: impl Display, _: &dyn Values) -> Result<String> {
    let text = text.to_string();
    let at = OffsetDateTime::parse(&text, &Rfc3339).map(|at| at.to_offset(time::UtcOffset::UTC));
    Ok(at.map_or(text, |at| format!("{} {} UTC", at.date(), time_of_day(at))))
}

/// Returns the time of day of an RFC 3339 time, in UTC, as `15:04:05`; another text as it is.
#[askama::filter_fn]
pub(crate) fn clock(text: impl Display, _: &dyn Values) -> Result<String> {
    let text = text.to_string();
    let at = OffsetDateTime::parse(&text, &Rfc3339).map(|at| at.to_offset(time::UtcOffset::UTC));
    Ok(at.map_or(text, time_of_day))
}

fn time_of_day(at: OffsetDateTime) -> String {
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

fn minutes(text: &str) -> Option<String> {
    let at = OffsetDateTime::parse(text, &Rfc3339)
        .ok()?
        .to_offset(time::UtcOffset::UTC);
    Some(format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()))
}

/// Returns a text with control characters, bidirectional marks and invisible characters made visible, as `\u{202e}`, so
/// that a hostile name can't change the text around it.
#[askama::filter_fn]
pub(crate) fn visible(text: impl Display, _: &dyn Values) -> Result<String> {
    Ok(shown(&text.to_string()))
}

fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match is_hidden(character) {
            true => shown.extend(character.escape_unicode()),
            false => shown.push(character),
        }
    }
    shown
}

/// Markup: its values are escaped.
pub(crate) struct Markup(String);

impl Display for Markup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

/// The longest key that needs no places to break: it fits the narrowest column.
const UNBROKEN_KEY: usize = 20;

/// Returns the key of a flag as [`visible`] does; a long one breaks after its dots, not within words. A place to break is
/// a space to screen readers, so a short key has none.
#[askama::filter_fn]
pub(crate) fn key(text: impl Display, _: &dyn Values) -> Result<Markup> {
    let key = escaped(&shown(&text.to_string()));
    Ok(Markup(match key.chars().count() {
        ..=UNBROKEN_KEY => key,
        _ => key.replace('.', ".<wbr>"),
    }))
}

/// The elements of a table, each with its role.
const ROLES: [(&str, &str); 7] = [
    ("<table", "table"),
    ("<thead", "rowgroup"),
    ("<tbody", "rowgroup"),
    ("<tr", "row"),
    ("<th scope=\"col\"", "columnheader"),
    ("<th scope=\"row\"", "rowheader"),
    ("<td", "cell"),
];

/// Returns a table whose elements name their roles. On a phone its rows are blocks, of which some browsers forget that
/// they are a table.
#[askama::filter_fn]
pub(crate) fn with_roles(table: impl Display, _: &dyn Values) -> Result<Markup> {
    // Values are escaped, so each begin of an element is one.
    let named = |markup: String, (begin, role): &(&str, &str)| {
        markup
            .replace(&format!("{begin} "), &format!("{begin} role=\"{role}\" "))
            .replace(&format!("{begin}>"), &format!("{begin} role=\"{role}\">"))
    };
    Ok(Markup(ROLES.iter().fold(table.to_string(), named)))
}

/// Escapes a text for an attribute or an element.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns a text of several lines with the hidden characters of each line made visible.
#[askama::filter_fn]
pub(crate) fn visible_lines(text: impl Display, _: &dyn Values) -> Result<String> {
    let mut shown = String::new();
    for character in text.to_string().chars() {
        match character != '\n' && is_hidden(character) {
            true => shown.extend(character.escape_unicode()),
            false => shown.push(character),
        }
    }
    Ok(shown)
}

/// The longest text that [`cut`] returns whole, in characters.
const MAX_CUT: usize = 200;

/// Returns the begin of a text that is too long for a list.
#[askama::filter_fn]
pub(crate) fn cut(text: impl Display, _: &dyn Values) -> Result<String> {
    let mut text = text.to_string();
    if let Some((end, _)) = text.char_indices().nth(MAX_CUT) {
        text.truncate(end);
        text.push('…');
    }
    Ok(text)
}

/// The longest escape of a hidden character, such as `\u{e0001}`, in bytes.
const HIDDEN_BYTES: usize = 9;
/// The escape of a character of markup, such as `&#60;`, in bytes.
const MARKUP_BYTES: usize = 5;

/// Returns the number of bytes of a text on a page, after [`visible`] and the escapes of markup, or a little more.
pub(crate) fn shown_bytes(text: &str) -> usize {
    let bytes = text.chars().map(|character| match character {
        '<' | '>' | '&' | '"' | '\'' => MARKUP_BYTES,
        hidden if is_hidden(hidden) => HIDDEN_BYTES,
        other => other.len_utf8(),
    });
    bytes.sum()
}

/// Returns true for characters without a shape of their own: controls, and format characters that change the direction
/// or the joining of others (Unicode, categories Cc and Cf).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}
