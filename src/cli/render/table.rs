//! Tables with aligned columns.

use crate::printable::printable;

/// Separator of two columns.
const GAP: &str = "   ";

/// A table whose rows have one cell per heading.
#[derive(Debug)]
pub(crate) struct TextTable<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> TextTable<N> {
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self {
            headings,
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells are escaped, because they may contain text of other authors.
    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable(&cell)));
    }

    /// Renders the rows below their headings, without a line of headings if all are empty. Returns `nothing` if there
    /// are no rows.
    pub(crate) fn render(&self, nothing: &str) -> String {
        if self.rows.is_empty() {
            return nothing.to_owned();
        }
        let headings = self.headings.map(str::to_owned);
        let untitled = self.headings.iter().all(|heading| heading.is_empty());
        let lines = (!untitled).then_some(&headings).into_iter().chain(&self.rows);
        let mut widths = [0; N];
        for row in lines.clone() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in lines {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(&format!("{cell:width$}{GAP}"));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = TextTable::new(["flag", "state", "on"]);
        table.row(["dispatch.v2Board".into(), "beta".into(), "2".into()]);
        table.row(["ü".into(), String::new(), "1\u{1b}0".into()]);
        assert_eq!(
            table.render("no flags"),
            "flag               state   on\n\
             dispatch.v2Board   beta    2\n\
             ü                          1\\u{1b}0\n"
        );
    }

    #[test]
    fn a_table_without_rows_is_a_text() {
        assert_eq!(TextTable::new(["flag"]).render("no flags"), "no flags");
    }

    #[test]
    fn a_table_without_headings_begins_with_its_rows() {
        let mut table = TextTable::new(["", ""]);
        table.row(["a".into(), "b".into()]);
        assert_eq!(table.render(""), "a   b\n");
    }
}
