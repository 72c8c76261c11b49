//! The links of the documentation: each leads to a file and a heading that exist, and the reading order names every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::security::root;

/// Returns the pages at the root and below `docs`, by path from the root.
fn pages() -> Vec<PathBuf> {
    let mut folders = vec![root().to_owned(), root().join("docs")];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    pages
}

/// Returns the text outside of code blocks and code.
fn prose(page: &str) -> String {
    let blocks = page.split("```").step_by(2);
    let lines = blocks.flat_map(str::lines);
    lines
        .map(|line| line.split('`').step_by(2).collect::<String>() + "\n")
        .collect()
}

/// Returns the targets of the links of a page.
fn links(page: &str) -> Vec<String> {
    let targets = prose(page);
    let targets = targets.split("](").skip(1);
    targets
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .collect()
}

/// Returns the anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let blocks = page.split("```").step_by(2);
    let headings = blocks.flat_map(str::lines).filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    assert!(pages.len() > 50, "{} pages", pages.len());
    let (mut count, mut broken) = (0, Vec::new());
    for page in pages {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => root().join(&page),
                file => root().join(&page).parent().unwrap().join(file),
            };
            let leads = target.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(count > 300, "{count} links");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_reading_order_names_every_page_of_the_guide() {
    let order = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let named: BTreeSet<String> = links(&order).into_iter().collect();
    let is_of_guide = |page: &PathBuf| {
        page.starts_with("docs") && !page.starts_with("docs/decisions") && page != Path::new("docs/README.md")
    };
    let missing: Vec<PathBuf> = pages()
        .into_iter()
        .filter(is_of_guide)
        .filter(|page| !named.contains(page.strip_prefix("docs").unwrap().to_str().unwrap()))
        .collect();
    assert_eq!(missing, Vec::<PathBuf>::new());
}
