use std::collections::BTreeSet;
use std::path::Path;

use fluent_bundle::FluentResource;

use super::*;

/// The functions whose first argument is the id of a message.
const FUNCTIONS: &[&str] = &[
    "text(\"",
    "text_n(\"",
    "text_of(\"",
    "text_named(\"",
    "text_pair(\"",
    "text_with(\"",
];

/// Returns the ids of all messages, in their order.
fn defined() -> Vec<String> {
    let resource = FluentResource::try_new(ENGLISH.to_owned()).unwrap();
    let lines = resource.source().lines();
    let ids = lines.filter_map(|line| line.split_once(" =").map(|(id, _)| id));
    ids.filter(|id| id.starts_with(|first: char| first.is_ascii_lowercase()))
        .map(str::to_owned)
        .collect()
}

/// Returns the text of every source and template.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["src", "templates"] {
        collect(&root.join(folder), &mut texts);
    }
    texts
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, texts),
            false => texts.push(std::fs::read_to_string(path).unwrap()),
        }
    }
}

fn is_id(id: &str) -> bool {
    let is_of_id =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.bytes().all(is_of_id)
}

#[test]
fn every_text_is_defined_once() {
    let ids = defined();
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len());
    assert!(ids.len() > 50, "{}", ids.len());
}

#[test]
fn every_text_that_is_used_is_defined() {
    let ids: BTreeSet<String> = defined().into_iter().collect();
    let mut used = BTreeSet::new();
    for source in sources() {
        for function in FUNCTIONS {
            for (at, _) in source.match_indices(function) {
                // A method of this name, such as that of a form, takes no id.
                if source[..at].ends_with(['.', '_']) {
                    continue;
                }
                let rest = &source[at + function.len()..];
                used.extend(rest.split_once('"').map(|(id, _)| id.to_owned()));
            }
        }
        // Filters of templates follow their id; the last part follows the last use.
        let parts: Vec<&str> = source.split("\"|text").collect();
        let before = parts.split_last().map_or(&[][..], |(_, before)| before);
        used.extend(
            before
                .iter()
                .filter_map(|part| part.rsplit_once('"').map(|(_, id)| id.to_owned())),
        );
    }
    let missing: Vec<&String> = used.iter().filter(|id| is_id(id) && !ids.contains(*id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(used.len() > 50, "{}", used.len());
}

#[test]
fn every_text_that_is_defined_is_used() {
    let sources = sources().concat();
    // Ids of a list, such as the states of a filter, are made of a prefix and a value.
    let is_used = |id: &str| {
        let mut prefixes = id.match_indices('-').map(|(at, _)| format!("\"{}{{", &id[..=at]));
        sources.contains(&format!("\"{id}\"")) || prefixes.any(|prefix| sources.contains(&prefix))
    };
    let unused: Vec<String> = defined().into_iter().filter(|id| !is_used(id)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_text_can_be_formatted() {
    let mut arguments = FluentArgs::new();
    arguments.set("n", 2);
    arguments.set("m", 3);
    arguments.set("name", "board");
    arguments.set("to", "beta");
    arguments.set("variant", "on");
    arguments.set("flag", "board");
    arguments.set("tenant", "acme");
    arguments.set("cause", "killed");
    for id in defined() {
        // An argument or a function that is missing stays in braces.
        let text = text_with(&id, &arguments);
        assert!(!text.contains(['{', '}']), "{id}: {text}");
    }
}

#[test]
fn every_change_has_words_for_its_receipt() {
    let ids: BTreeSet<String> = defined().into_iter().collect();
    let of = |prefix: &str| -> BTreeSet<String> {
        let named = ids.iter().filter_map(|id| id.strip_prefix(prefix));
        named.map(str::to_owned).collect()
    };
    // The title of the page of a form that can't be read.
    let changes: BTreeSet<String> = of("change-").into_iter().filter(|id| id != "title").collect();
    assert!(changes.len() > 20, "{changes:?}");
    assert_eq!(changes, of("done-"));
}

#[test]
fn texts_count_in_words() {
    assert_eq!(text_n("tenants", 1), "one tenant");
    assert_eq!(text_n("tenants", 2), "2 tenants");
    assert_eq!(text_of("preview-title", 3, 214), "3 of 214 tenants change");
    assert_eq!(text_of("preview-title", 1, 1), "1 of 1 tenant changes");
}
