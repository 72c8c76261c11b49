//! The formats of the process log: a line of text, or a record in JSON.

use serde::Serialize;

/// The format of the process log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines of text: time, level, message, `name=value`. A report is a block below its line.
    Text(LogColour),
    /// JSON objects, one in a line, each with `time`, `level` and `message`.
    Json,
}

/// The colours of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogColour {
    /// Plain text.
    Never,
    /// ANSI escapes.
    Always,
}

impl LogFormat {
    /// Returns a message without fields in the form that the queue holds.
    pub(crate) fn message(self, text: &str) -> String {
        match self {
            Self::Text(_) => text.to_owned(),
            Self::Json => {
                let mut members = JsonMembers::default();
                members.push("message", &text);
                members.into_text()
            }
        }
    }
}

/// The members of a JSON object, without its braces.
#[derive(Debug, Default)]
pub(crate) struct JsonMembers(String);

impl JsonMembers {
    /// Appends a member.
    pub(crate) fn push(&mut self, name: &str, value: &impl Serialize) {
        // Texts, numbers and booleans can be written as JSON.
        if let (Ok(name), Ok(value)) = (serde_json::to_string(name), serde_json::to_string(value)) {
            self.push_raw(&name, &value);
        }
    }

    /// Appends a member that is an object of `members`, unless it is empty.
    pub(crate) fn push_object(&mut self, name: &str, members: &Self) {
        if !members.0.is_empty() {
            self.push_raw(&format!("\"{name}\""), &format!("{{{}}}", members.0));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn push_raw(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push(':');
        self.0.push_str(value);
    }
}
