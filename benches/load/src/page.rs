//! The page of measured figures. Each measurement replaces its own section, between two comments, and keeps the rest.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// The page's text before the first section, if the page does not exist yet.
const FRAME: &str = "# Performance

The figures on this page are measured. Each section names its command, its date, the machine and the versions. \
Ratios are comparable between machines, absolute figures are not.

";

/// Writes a section into the page, in place of the section of the same name, or at the end.
pub(crate) fn write_section(page: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let before = if page.exists() {
        fs::read_to_string(page)?
    } else {
        FRAME.to_owned()
    };
    fs::write(page, with_section(&before, name, text)?)
        .with_context(|| format!("{} can't be written", page.display()))
}

fn with_section(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (
        format!("<!-- measured: {name} -->\n"),
        format!("<!-- end of {name} -->\n"),
    );
    let section = format!("{begin}\n{}\n\n{end}", text.trim());
    let Some((head, rest)) = page.split_once(&begin) else {
        ensure!(
            !page.contains(&end),
            "the section `{name}` of the page has an end and no beginning"
        );
        return Ok(format!("{}\n\n{section}", page.trim_end()));
    };
    let (_, tail) = rest
        .split_once(&end)
        .with_context(|| format!("the section `{name}` of the page has no end"))?;
    Ok([head, &section, tail].concat())
}

/// Renders a table in Markdown. The first column is aligned to the left, the others to the right.
pub(crate) fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let line =
        |cells: &mut dyn Iterator<Item = &str>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let alignment = columns
        .iter()
        .enumerate()
        .map(|(number, _)| if number == 0 { "---" } else { "---:" });
    let mut text = line(&mut columns.iter().copied());
    text.push_str(&line(&mut alignment.into_iter()));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::with_section;

    #[test]
    fn a_section_is_replaced_and_the_rest_is_kept() {
        let page = with_section("# Performance\n", "idle", "first").unwrap();
        let page = with_section(&page, "load", "other").unwrap();
        let page = with_section(&page, "idle", "second\n").unwrap();
        let expected = "# Performance\n\n<!-- measured: idle -->\n\nsecond\n\n<!-- end of idle -->\n\n\
                        <!-- measured: load -->\n\nother\n\n<!-- end of load -->\n";
        assert_eq!(page, expected);
        assert_eq!(with_section(&page, "load", "other").unwrap(), page);
    }

    #[test]
    fn half_a_section_is_an_error() {
        for page in ["<!-- measured: idle -->\n", "<!-- end of idle -->\n"] {
            assert!(with_section(page, "idle", "text").is_err());
        }
    }
}
