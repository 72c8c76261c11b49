//! The pages of `--help`, of every command.

use crate::process::sluice;

/// A page of help.
pub(crate) struct HelpPage {
    /// The words of the command, without `sluice`.
    pub(crate) command: Vec<String>,
    pub(crate) text: String,
}

impl HelpPage {
    /// Returns the commands that the page lists, each with all of its words.
    pub(crate) fn subcommands(&self) -> Vec<Vec<String>> {
        let listed = self
            .text
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| line.starts_with("  "));
        listed
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
            .filter(|name| !name.is_empty() && *name != "help")
            .map(|name| self.command.iter().cloned().chain([name.to_owned()]).collect())
            .collect()
    }
}

/// Returns the page of every command.
pub(crate) fn help_pages() -> Vec<HelpPage> {
    let folder = tempfile::tempdir().unwrap();
    let mut pending = vec![Vec::new()];
    let mut pages = Vec::new();
    while let Some(command) = pending.pop() {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let text = sluice(folder.path(), &arguments, "").stdout;
        let page = HelpPage { command, text };
        pending.extend(page.subcommands());
        pages.push(page);
    }
    pages
}
