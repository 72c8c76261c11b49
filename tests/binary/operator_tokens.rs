//! Tokens of operators, and the document that has their hashes.

use std::path::Path;

use crate::files;
use crate::process::sluice;

/// A token that `sluice operators token` created.
pub(crate) struct OperatorToken {
    pub(crate) secret: String,
    /// Its entry in the document.
    entry: String,
}

impl OperatorToken {
    /// Creates a token.
    pub(crate) fn issue(name: &str, role: &str) -> Self {
        Self::issue_with(&["--name", name, "--role", role])
    }

    /// Creates a token of the admin of an org.
    pub(crate) fn issue_for_org(name: &str, org: &str) -> Self {
        Self::issue_with(&["--name", name, "--role", "org-admin", "--org", org])
    }

    fn issue_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["operators", "token"].iter().chain(options).copied();
        let output = sluice(folder.path(), arguments, "");
        output.exits(0);
        let entry = output.stderr.lines().find(|line| line.starts_with("- {"));
        Self {
            secret: output.stdout.trim().to_owned(),
            entry: entry.unwrap().to_owned(),
        }
    }
}

/// Writes or replaces the document with the hashes of these tokens.
pub(crate) fn write_document(folder: &Path, name: &str, tokens: &[&OperatorToken]) {
    let mut text = "version: 1\ntokens:".to_owned();
    if tokens.is_empty() {
        text.push_str(" []");
    }
    for token in tokens {
        text.push_str(&format!("\n{}", token.entry));
    }
    files::replace(folder, name, text + "\n");
}
