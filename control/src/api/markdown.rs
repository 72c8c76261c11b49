//! Text in Markdown (CommonMark, with the tables of GitHub): what people wrote is escaped, and missing facts are collected.

use std::fmt::Write as _;

/// The mark of a missing fact.
const MISSING: &str = "**missing**";

/// A document in Markdown.
#[derive(Default)]
pub(super) struct MarkdownText {
    text: String,
    missing: Vec<String>,
}

impl MarkdownText {
    /// Adds a heading; level 1 is the title.
    pub(super) fn heading(&mut self, level: usize, title: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{} {title}\n", "#".repeat(level));
    }

    /// Adds a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.gap();
        let _ = writeln!(self.text, "{text}");
    }

    /// Adds an empty line, if the last line is not one.
    pub(super) fn gap(&mut self) {
        if !self.text.ends_with("\n\n") && !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// Adds an item of a list.
    pub(super) fn item(&mut self, text: &str) {
        let _ = writeln!(self.text, "- {text}");
    }

    /// Adds an item of a numbered list.
    pub(super) fn step(&mut self, number: usize, text: &str) {
        let _ = writeln!(self.text, "{number}. {text}");
    }

    /// Begins a table with these headings.
    pub(super) fn table<const N: usize>(&mut self, headings: [&str; N]) {
        self.gap();
        self.row(headings.map(str::to_owned));
        let _ = writeln!(self.text, "|{}", "---|".repeat(N));
    }

    /// Adds a row to the table.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    /// Adds a row with a fact. Without a value the fact is missing.
    pub(super) fn fact(&mut self, name: &str, value: Option<String>) {
        let value = value.unwrap_or_else(|| self.missing(name));
        self.row([name.to_owned(), value]);
    }

    /// Adds a block of code.
    pub(super) fn code_block(&mut self, language: &str, code: &str) {
        // A fence that is longer than any in the code.
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.saturating_add(1).max(3));
        let _ = writeln!(self.text, "{fence}{language}\n{code}\n{fence}");
    }

    /// Notes a missing fact, and returns the mark that stands in its place.
    pub(super) fn missing(&mut self, fact: &str) -> String {
        self.missing.push(fact.to_owned());
        MISSING.to_owned()
    }

    /// Ends the document with the list of the missing facts.
    pub(super) fn finish(mut self) -> String {
        self.heading(2, "Missing facts");
        match self.missing.is_empty() {
            true => self.paragraph("None."),
            false => {
                for fact in std::mem::take(&mut self.missing) {
                    self.item(&fact);
                }
            }
        }
        self.text
    }
}

/// Escapes text that people wrote, for one line of a paragraph or a cell of a table.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter if letter.is_control() || letter.is_whitespace() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Formats code within a line. A cell of a table may contain it.
pub(super) fn code(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|letter| match letter {
            '`' => '\'',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect();
    format!("`{}`", shown.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_people_stay_text() {
        assert_eq!(plain("a|b\n# <b> *x*"), "a\\|b \\# \\<b> \\*x\\*");
        assert_eq!(code("a`b|c\n"), "`a'b\\|c `");
        let mut text = MarkdownText::default();
        text.code_block("json", "\"````\"");
        assert!(text.finish().starts_with("`````json\n"));
    }

    #[test]
    fn missing_facts_are_marked_and_listed() {
        let mut text = MarkdownText::default();
        text.heading(1, "Title");
        text.table(["", ""]);
        text.fact("owner", None);
        text.fact("ticket", Some("OPS-1".to_owned()));
        assert_eq!(
            text.finish(),
            "# Title\n\n|  |  |\n|---|---|\n| owner | **missing** |\n| ticket | OPS-1 |\n\n## Missing facts\n\n- owner\n"
        );
        assert!(MarkdownText::default().finish().contains("None."));
    }
}
