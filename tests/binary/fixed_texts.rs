//! Sluice's own texts are never masked: masks are for text of other authors.

use std::{fs, path::Path};

use redact::{TextFormat, mask_bytes, masked};

use crate::help_pages::{HelpPage, help_pages};

/// Folders with texts. `redact` is not one of them, because it lists the prefixes of secrets.
const FOLDERS: [&str; 9] = [
    "src",
    "changes/src",
    "control/src",
    "config/src",
    "proxy/src",
    "logging/src",
    "rules/src",
    "tokens/src",
    "wire/src",
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
            found.push((path.display().to_string(), code));
        }
    }
}

/// Returns the string literals of Rust code.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, from) = rest.split_at(at);
        rest = if from.starts_with("//") {
            from.split_once('\n').map_or("", |(_, next)| next)
        } else if from.starts_with("'\"'") || from.starts_with("'\\") {
            from.get(3..).unwrap_or_default()
        } else if let Some(text) = from.strip_prefix('"') {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let is_raw = before.trim_end_matches('#').ends_with('r') && (hashes > 0 || before.ends_with('r'));
            let (literal, next) = if is_raw {
                text.split_once(&format!("\"{}", "#".repeat(hashes))).unwrap()
            } else {
                quoted(text)
            };
            found.push(match is_raw {
                true => literal.to_owned(),
                false => unescaped(literal),
            });
            next
        } else {
            from.get(1..).unwrap_or_default()
        };
    }
    found
}

fn quoted(text: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let (literal, next) = text.split_at(end.unwrap());
    (literal, &next[1..])
}

fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut lines = literal.split("\\\n");
    text.push_str(lines.next().unwrap_or_default());
    lines.for_each(|line| text.push_str(line.trim_start()));
    text.replace("\\\"", "\"")
        .replace("\\n", "\n")
        .replace("\\\\", "\\")
}

#[test]
fn no_fixed_text_is_masked() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let (mut texts, mut hidden) = (0, Vec::new());
    for (file, code) in &files {
        for text in literals(code) {
            texts += 1;
            // The placeholders are replaced by a token, which is masked, and by the name of its file.
            let text = text.replace("{token}", "TOKEN").replace("$(cat {})", "TOKEN");
            let body = serde_json::json!({ "detail": text, "help": text }).to_string();
            let mut bytes = body.clone().into_bytes();
            mask_bytes(&mut bytes, TextFormat::Json);
            if masked(&text) != text || bytes != body.as_bytes() {
                hidden.push(format!("{file}: {}", masked(&text)));
            }
        }
    }
    assert!(texts > 5_000, "only {texts} texts were found");
    assert!(hidden.is_empty(), "{}", hidden.join("\n"));
}

#[test]
fn no_page_of_help_is_masked() {
    let pages = help_pages();
    for HelpPage { command, text } in &pages {
        assert_eq!(masked(text), *text, "of {command:?}");
    }
    assert!(pages.len() > 20, "{} pages", pages.len());
}
