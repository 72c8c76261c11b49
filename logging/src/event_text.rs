//! An event of `tracing` in the form that the queue holds. As text it is one line: the message, then `name=value` for
//! each field. As JSON it is the members `target`, `message` and `fields`. Spans are left out.

use std::fmt::{self, Write as _};

use redact::escaped;
use tracing::Event;
use tracing::field::{Field, Visit};

use crate::log_format::{JsonMembers, LogFormat};

/// The longest text of an event, in bytes; what is longer is cut.
const MAX_TEXT: usize = 16 * 1024;

/// The text of an event.
#[derive(Debug)]
pub(crate) struct EventText {
    /// Its line or members, with control characters escaped.
    pub(crate) text: String,
    /// The module that it came from. Events of the `log` crate bring theirs as a field.
    pub(crate) source: Box<str>,
}

impl EventText {
    pub(crate) fn of(event: &Event<'_>, format: LogFormat) -> Self {
        let source = |source: Option<Box<str>>| source.unwrap_or_else(|| event.metadata().target().into());
        match format {
            LogFormat::Text(_) => {
                let mut fields = TextFields::default();
                event.record(&mut fields);
                let cut = fields.text.floor_char_boundary(MAX_TEXT);
                fields.text.truncate(cut);
                Self {
                    text: escaped(&fields.text).into_owned(),
                    source: source(fields.source),
                }
            }
            LogFormat::Json => {
                let mut fields = JsonFields::default();
                event.record(&mut fields);
                let source = source(fields.source);
                let mut members = JsonMembers::default();
                members.push("target", &&*source);
                members.push("message", &fields.message);
                members.push_object("fields", &fields.members);
                Self {
                    text: members.into_text(),
                    source,
                }
            }
        }
    }
}

#[derive(Default)]
struct TextFields {
    text: String,
    source: Option<Box<str>>,
}

impl TextFields {
    fn push(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if self.text.len() > MAX_TEXT {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        // Writing to a string doesn't fail.
        let _ = match name {
            "message" => self.text.write_fmt(value),
            name => write!(self.text, "{}={value}", field_name(name)),
        };
    }
}

impl Visit for TextFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            LOG_TARGET => self.source = Some(value.into()),
            "message" => self.push("message", format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !describes_place(field) {
            self.push(field.name(), format_args!("{value:?}"));
        }
    }
}

#[derive(Default)]
struct JsonFields {
    message: String,
    members: JsonMembers,
    source: Option<Box<str>>,
}

impl JsonFields {
    fn push(&mut self, field: &Field, value: &impl serde::Serialize) {
        if !describes_place(field) && self.members.len() <= MAX_TEXT {
            self.members.push(field_name(field.name()), value);
        }
    }

    fn push_text(&mut self, field: &Field, text: &str) {
        let cut = text.floor_char_boundary(MAX_TEXT);
        let text = escaped(text.get(..cut).unwrap_or_default());
        match field.name() {
            "message" => self.message = text.into_owned(),
            _ => self.push(field, &text),
        }
    }
}

impl Visit for JsonFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            LOG_TARGET => self.source = Some(value.into()),
            _ => self.push_text(field, value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push_text(field, &format!("{value:?}"));
    }
}

/// The field with the module of an event of the `log` crate.
const LOG_TARGET: &str = "log.target";

/// Returns true for `log.line` and the like, which describe where the event was logged.
fn describes_place(field: &Field) -> bool {
    field.name().starts_with("log.")
}

fn field_name(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
