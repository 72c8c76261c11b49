//! The fields of a head or of a trailer section, in their order: names as sent, values without the white space around
//! them. All bytes are in one buffer, so that a reused list allocates nothing.

use std::fmt;
use std::ops::Range;

/// The most memory that an empty list keeps, in bytes.
const KEPT_BYTES: usize = 2 * 1024;
/// The bytes between the name and the value of a line.
const SEPARATOR: &[u8] = b": ";
const LINE_END: &[u8] = b"\r\n";

/// A list of fields. Names are compared without regard to case (RFC 9110 section 5.1).
#[derive(Debug, Default)]
pub struct Fields {
    /// Names and values, most of them within their line: `Name: value`, CR LF.
    bytes: Vec<u8>,
    list: Vec<Field>,
}

/// The value of a field while it is rendered.
#[derive(Debug)]
pub struct FieldValue<'f> {
    bytes: &'f mut Vec<u8>,
    list: &'f [Field],
}

/// The place of a field in the buffer. Name and value need not be neighbours.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: Span,
    value: Span,
}

/// A range of the buffer.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        // A buffer is shorter than 4 GiB, and `usize` has at least 32 bits on every platform with sockets.
        let place = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
        place(self.start)..place(self.end)
    }
}

impl Fields {
    /// Removes all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.list.clear();
    }

    /// Removes all fields, and frees the memory of an unusually large head.
    pub fn shrink(&mut self) {
        self.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            *self = Self::default();
        }
    }

    /// Appends a field.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.push_with(name, |place| place.push(value));
    }

    /// Appends a field whose value `render` writes in its place.
    pub fn push_with(&mut self, name: &str, render: impl FnOnce(&mut FieldValue<'_>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        let name = Span::new(start, self.bytes.len());
        self.bytes.extend_from_slice(SEPARATOR);
        let start = self.bytes.len();
        render(&mut FieldValue {
            bytes: &mut self.bytes,
            list: &self.list,
        });
        let value = Span::new(start, self.bytes.len());
        self.bytes.extend_from_slice(LINE_END);
        self.list.push(Field { name, value });
    }

    /// Removes all fields of this name, and appends one.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.push(name, value);
    }

    /// Removes all fields of this name. Returns true if there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.list.len();
        let bytes = &self.bytes;
        self.list.retain(|field| !field.is_named(name, bytes));
        self.list.len() < before
    }

    /// Keeps the fields whose name and value `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let bytes = &self.bytes;
        self.list
            .retain(|field| keep(field.name(bytes), field.value(bytes)));
    }

    /// Joins the values of this name with `separator`, in the place of the first.
    pub fn join(&mut self, name: &str, separator: &[u8]) {
        if self.values(name).nth(1).is_none() {
            return;
        }
        let start = self.bytes.len();
        let mut is_first = true;
        for field in &self.list {
            if field.is_named(name, &self.bytes) {
                if !std::mem::take(&mut is_first) {
                    self.bytes.extend_from_slice(separator);
                }
                self.bytes.extend_from_within(field.value.range());
            }
        }
        let (joined, bytes) = (Span::new(start, self.bytes.len()), &self.bytes);
        let mut is_first = true;
        self.list.retain_mut(|field| {
            if !field.is_named(name, bytes) {
                return true;
            }
            field.value = joined;
            std::mem::take(&mut is_first)
        });
    }

    /// Returns all fields.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &[u8])> + Clone {
        self.list.iter().map(|field| field.of(&self.bytes))
    }

    /// Returns all fields, with their names as bytes: they need no check as text.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + Clone {
        self.list
            .iter()
            .map(|field| (field.name(&self.bytes), field.value(&self.bytes)))
    }

    /// Returns the values of this name.
    pub fn values<'f>(&'f self, name: &str) -> impl DoubleEndedIterator<Item = &'f [u8]> + Clone {
        self.list
            .iter()
            .filter(move |field| field.is_named(name, &self.bytes))
            .map(|field| field.value(&self.bytes))
    }

    /// Returns the first value of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let mut named = self.list.iter().filter(|field| field.is_named(name, &self.bytes));
        named.next().map(|field| field.value(&self.bytes))
    }

    /// Returns true if there is a field of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Returns the number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns true if there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Copies `text` as a whole head, and takes the fields that httparse found in it.
    pub(crate) fn copy(&mut self, text: &[u8], found: &[httparse::Header<'_>]) {
        self.clear();
        self.bytes.extend_from_slice(text);
        let base = text.as_ptr() as usize;
        let span = |part: &[u8]| {
            let start = (part.as_ptr() as usize).wrapping_sub(base);
            Span::new(start, start.wrapping_add(part.len()))
        };
        self.list.extend(found.iter().map(|field| Field {
            name: span(field.name.as_bytes()),
            value: span(field.value),
        }));
    }

    /// Appends all fields as lines to `out`.
    pub(crate) fn write_lines(&self, out: &mut Vec<u8>) {
        // Lines that follow each other are copied at once. A head that is passed on has few gaps.
        let mut lines = 0..0;
        for field in &self.list {
            match field.line(&self.bytes) {
                Some(line) if line.start == lines.end => lines.end = line.end,
                line => {
                    out.extend_from_slice(self.bytes.get(lines).unwrap_or_default());
                    lines = line.unwrap_or_else(|| {
                        for part in [
                            field.name(&self.bytes),
                            SEPARATOR,
                            field.value(&self.bytes),
                            LINE_END,
                        ] {
                            out.extend_from_slice(part);
                        }
                        0..0
                    });
                }
            }
        }
        out.extend_from_slice(self.bytes.get(lines).unwrap_or_default());
    }
}

impl FieldValue<'_> {
    /// Appends bytes.
    pub fn push(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    /// Appends the first value of another field, if there is one of this name.
    pub fn push_value_of(&mut self, name: &str) {
        let mut named = self.list.iter().filter(|field| field.is_named(name, self.bytes));
        if let Some(field) = named.next() {
            self.bytes.extend_from_within(field.value.range());
        }
    }
}

/// Appends text; never fails.
impl fmt::Write for FieldValue<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self {
            start: place(start),
            end: place(end),
        }
    }
}

impl Field {
    fn of<'b>(&self, bytes: &'b [u8]) -> (&'b str, &'b [u8]) {
        let name = std::str::from_utf8(self.name(bytes));
        (name.unwrap_or_default(), self.value(bytes))
    }

    fn name<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.name.range()).unwrap_or_default()
    }

    fn value<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.value.range()).unwrap_or_default()
    }

    /// Returns the place of the field's line, if it is in the buffer as it is written.
    fn line(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let (name, value) = (self.name.range(), self.value.range());
        let end = value.end.saturating_add(LINE_END.len());
        let is_line = bytes.get(name.end..value.start) == Some(SEPARATOR)
            && bytes.get(value.end..end) == Some(LINE_END);
        is_line.then_some(name.start..end)
    }

    fn is_named(&self, name: &str, bytes: &[u8]) -> bool {
        self.name(bytes).eq_ignore_ascii_case(name.as_bytes())
    }
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            list: self.list.clone(),
        }
    }

    /// Copies the fields into the memory of this list.
    fn clone_from(&mut self, source: &Self) {
        self.bytes.clone_from(&source.bytes);
        self.list.clone_from(&source.list);
    }
}

/// Equal if the fields are, in their order; names without regard to case.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.iter().zip(other.iter());
        self.len() == other.len()
            && pairs
                .into_iter()
                .all(|((name, value), (other, same))| name.eq_ignore_ascii_case(other) && value == same)
    }
}

impl Eq for Fields {}

impl<'f> FromIterator<(&'f str, &'f [u8])> for Fields {
    fn from_iter<T: IntoIterator<Item = (&'f str, &'f [u8])>>(fields: T) -> Self {
        let mut list = Self::default();
        for (name, value) in fields {
            list.push(name, value);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::Fields;

    fn fields(list: &[(&str, &str)]) -> Fields {
        list.iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect()
    }

    #[test]
    fn fields_of_a_name_in_any_case_are_removed() {
        let mut list = fields(&[("A", "1"), ("b", "2"), ("a", "3"), ("C", "4")]);
        assert!(list.remove("a"));
        assert!(!list.remove("a"));
        list.retain(|name, value| name != b"b" || value != b"2");
        assert_eq!(list, fields(&[("c", "4")]));
        list.set("c", b"5");
        assert_eq!(list, fields(&[("C", "5")]));
    }

    #[test]
    fn values_of_a_name_are_joined_in_the_first_place() {
        let mut list = fields(&[("cookie", ""), ("a", "b"), ("Cookie", "c=d"), ("COOKIE", "e=f")]);
        list.join("cookie", b"; ");
        assert_eq!(list, fields(&[("cookie", "; c=d; e=f"), ("a", "b")]));
        list.join("cookie", b"; ");
        list.join("none", b"; ");
        assert_eq!(list, fields(&[("cookie", "; c=d; e=f"), ("a", "b")]));
    }

    #[test]
    fn a_value_is_rendered_in_its_place() {
        let mut list = fields(&[("Host", "a")]);
        list.push_with("Forwarded", |value| {
            value.push(b"host=");
            value.push_value_of("host");
            value.push_value_of("none");
            write!(value, ";port={}", 80).unwrap();
        });
        assert_eq!(list, fields(&[("host", "a"), ("forwarded", "host=a;port=80")]));
    }
}
