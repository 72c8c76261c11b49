//! An event of `tracing` as one line of text: the message, then `name=value` for each field. Spans are left
//! out.

use std::fmt::{self, Write as _};

use redact::escaped;
use tracing::Event;
use tracing::field::{Field, Visit};

/// The longest text of an event, in bytes; what is longer is cut.
const MAX_TEXT: usize = 16 * 1024;

/// The text of an event.
#[derive(Debug)]
pub(crate) struct EventText {
    /// Its line, with control characters escaped.
    pub(crate) text: String,
    /// The module that it came from. Events of the `log` crate bring theirs as a field.
    pub(crate) source: Box<str>,
}

impl EventText {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let mut fields = FieldText {
            text: String::with_capacity(128),
            source: None,
        };
        event.record(&mut fields);
        let cut = fields.text.floor_char_boundary(MAX_TEXT);
        fields.text.truncate(cut);
        Self {
            text: escaped(&fields.text).into_owned(),
            source: fields.source.unwrap_or_else(|| event.metadata().target().into()),
        }
    }
}

struct FieldText {
    text: String,
    source: Option<Box<str>>,
}

impl FieldText {
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
            name => write!(self.text, "{}={value}", name.strip_prefix("r#").unwrap_or(name)),
        };
    }
}

impl Visit for FieldText {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.target" => self.source = Some(value.into()),
            "message" => self.push("message", format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // `log.line` and the like describe where the event was logged.
        if !field.name().starts_with("log.") {
            self.push(field.name(), format_args!("{value:?}"));
        }
    }
}
