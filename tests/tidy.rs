//! The source conventions that a test can check: dependencies between crates, lengths of files and names, module
//! comments, paths in documents, and markers of unfinished work.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The maximum lines of code in a file, without its tests.
const MAX_LINES: usize = 500;
/// Longer files, with their own maximum. Entries may only be removed.
const EXEMPT: &[(&str, usize)] = &[];
/// The workspace crates that each crate may depend on, except in tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("rules", &[]),
    ("tokens", &["rules", "redact"]),
    ("wire", &[]),
    ("redact", &[]),
    ("logging", &["redact"]),
    ("traces", &["redact"]),
    ("config", &["rules", "tokens", "redact"]),
    (
        "proxy",
        &[
            "rules", "tokens", "wire", "redact", "logging", "traces", "config", "verdicts",
        ],
    ),
    ("changes", &["rules", "config"]),
    (
        "control",
        &["rules", "tokens", "config", "changes", "redact", "verdicts"],
    ),
    ("console", &["redact", "control", "rules"]),
    ("fleet", &["control", "rules"]),
    ("verdicts", &[]),
    ("verdicts/simulation", &["verdicts"]),
    ("testkit", &["rules", "tokens", "config", "proxy", "control"]),
    ("properties", &["rules", "tokens", "wire", "config", "proxy"]),
    ("benches/bare-pingora", &[]),
    ("benches/request-cost", &["tokens", "testkit"]),
    ("benches/load", &[]),
];
/// The files of `proxy` that may use `config`: those that start the proxy, and that prepare and publish a snapshot.
const PROXY_STARTUP: &[&str] = &[
    "proxy/src/capacity.rs",
    "proxy/src/decider.rs",
    "proxy/src/start.rs",
    "proxy/src/prepared_snapshot.rs",
    "proxy/src/publisher.rs",
    "proxy/src/scripted.rs",
    "proxy/src/sockets.rs",
];
/// Names that pure code must not use: files, sockets, time, randomness.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::time::SystemTime",
    "std::time::Instant",
    "Instant::now",
    "SystemTime::now",
    "std::env",
    "tokio",
    "pingora",
    "async fn",
    "rand::",
];
/// Further names that `rules` must not use: threads, document formats.
const NOT_IN_RULES: &[&str] = &["std::thread", "serde"];
/// Further names that `changes` must not use: threads, servers, stores, logs, and functions that read files.
const NOT_IN_CHANGES: &[&str] = &[
    "std::thread",
    "std::io",
    "std::net",
    "std::process",
    "axum",
    "rusqlite",
    "tracing",
    "config::Files",
    "config::load",
    "config::watch",
];

/// The build folders of cargo, by path from the root. Their files are not sources.
const BUILD_FOLDERS: &[&str] = &["target", "fuzz/target", "benches/target"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the path from the root and the text of every Rust file of the workspace.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in [
        "src",
        "tests",
        "rules",
        "tokens",
        "wire",
        "redact",
        "logging",
        "traces",
        "config",
        "changes",
        "proxy",
        "control",
        "console",
        "fleet",
        "verdicts",
        "testkit",
        "properties",
        "benches",
        "fuzz",
    ] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !BUILD_FOLDERS.contains(&name.as_str()) {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("/tests.rs") || name.starts_with("tests/")
}

/// Counts the lines that are neither blank nor comments, up to the tests.
fn lines_of_code(text: &str) -> usize {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
        .count()
}

fn check(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn crates_have_only_allowed_dependencies() {
    let crates: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut problems = Vec::new();
    for (name, allowed) in ARROWS {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest
            .split("[dependencies]")
            .nth(1)
            .unwrap()
            .split("\n[")
            .next()
            .unwrap();
        for line in dependencies.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap();
            if crates.contains(&dependency) && !allowed.contains(&dependency) {
                problems.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    check(problems);
}

#[test]
fn only_test_crates_enable_the_scripted_engine() {
    let mut problems = Vec::new();
    for (name, _) in ARROWS.iter().chain(&[(".", &[] as &[_]), ("benches", &[])]) {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let is_enabled = manifest.contains("\"scripted\"");
        if is_enabled && !["properties", "testkit"].contains(name) {
            problems.push(format!("{name} enables `scripted`"));
        }
    }
    check(problems);
}

#[test]
fn request_path_does_not_depend_on_config() {
    let problems = sources()
        .into_iter()
        .filter(|(name, _)| name.starts_with("proxy/src/") && !is_test(name))
        .filter(|(_, text)| !known(text, &["config::"]).is_empty())
        .filter(|(name, _)| !PROXY_STARTUP.contains(&name.as_str()))
        .map(|(name, _)| format!("{name} uses config, which only {PROXY_STARTUP:?} may"))
        .collect();
    check(problems);
}

#[test]
fn rules_do_no_io() {
    check(impure("rules/src/", NOT_IN_RULES));
}

#[test]
fn changes_do_no_io() {
    check(impure("changes/src/", NOT_IN_CHANGES));
}

#[test]
fn verdicts_do_no_io() {
    check(impure("verdicts/src/", &["std::thread", "std::io", "HashMap"]));
}

/// Returns the files below a folder, without tests, that use a name of `IMPURE` or `more`.
fn impure(folder: &str, more: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, text) in sources() {
        if name.starts_with(folder) && !is_test(&name) {
            let words = [IMPURE, more].concat();
            let found = known(&text, &words);
            problems.extend(found.iter().map(|impure| format!("{name} uses {impure}")));
        }
    }
    problems
}

/// The words that a file's code contains, or that its imports name or make reachable under another name.
fn known<'w>(text: &str, words: &[&'w str]) -> Vec<&'w str> {
    let code = code(text);
    let trees = use_trees(&code, |before| {
        let before = before.trim();
        let is_public = before == "pub" || (before.starts_with("pub(") && before.ends_with(')'));
        before.is_empty() || is_public || before.ends_with('{')
    });
    let imports: Vec<String> = trees.into_iter().flat_map(use_paths).collect();
    let is_imported = |word: &str| {
        imports.iter().any(|path| {
            let path = path.trim_start_matches("::").trim_end_matches("::*");
            let path = path.trim_end_matches("::self");
            // `use std as own` makes `std::fs` reachable as `own::fs`.
            path.starts_with(word) || word.starts_with(&format!("{path}::"))
        })
    };
    let is_known = |word: &&&str| code.contains(**word) || is_imported(word);
    words.iter().filter(is_known).copied().collect()
}

#[test]
fn imports_are_compared_by_their_full_paths() {
    let words = ["std::fs", "std::net::Tcp", "tokio", "config::", "config::load"];
    for (text, expected) in [
        (
            "use std::{fs as disk, path::Path};\ndisk::read(path);",
            &["std::fs"] as &[_],
        ),
        (
            "use std::{\n    collections::BTreeMap,\n    fs,\n};",
            &["std::fs"],
        ),
        ("use std::net::{IpAddr, TcpStream};", &["std::net::Tcp"]),
        ("fn f() {\n    use std::{fs::read};\n}", &["std::fs"]),
        ("pub(crate) use std::{fs as disk};", &["std::fs"]),
        (
            "use std as own;\nown::fs::read(path);",
            &["std::fs", "std::net::Tcp"],
        ),
        ("use std::{self as own};", &["std::fs", "std::net::Tcp"]),
        ("use ::std::*;", &["std::fs", "std::net::Tcp"]),
        ("use std::net;\nnet::TcpStream::connect(to);", &["std::net::Tcp"]),
        ("use tokio_util::codec;", &["tokio"]),
        ("use config as written;", &["config::", "config::load"]),
        ("use {config::Catalog};", &["config::"]),
        ("let text = std::fs::read(path);", &["std::fs"]),
        ("// use std::fs;\nuse std::{net::IpAddr, time::Duration};", &[]),
        ("use crate::fs::Files;\nuse std::path::Path;", &[]),
    ] {
        assert_eq!(known(text, &words), expected, "{text}");
    }
}

#[test]
fn no_file_is_longer_than_the_limit() {
    let mut problems = Vec::new();
    for (name, text) in sources() {
        let exempt = EXEMPT.iter().find(|(exempt, _)| *exempt == name);
        let limit = exempt.map_or(MAX_LINES, |(_, limit)| *limit);
        let lines = lines_of_code(&text);
        if !is_test(&name) && lines > limit {
            problems.push(format!("{name} has {lines} lines of code, {limit} are allowed"));
        }
        if exempt.is_some() && lines <= MAX_LINES {
            problems.push(format!("{name} is within the limit: remove it from the list"));
        }
    }
    check(problems);
}

#[test]
fn every_file_opens_with_a_module_comment() {
    let problems = sources()
        .into_iter()
        .filter(|(name, text)| !name.ends_with("/tests.rs") && !text.starts_with("//!"))
        .map(|(name, _)| format!("{name} does not open with //!"))
        .collect();
    check(problems);
}

#[test]
fn no_file_has_an_open_task_marker() {
    let marks = ["TO", "FIX", "XX"].map(|start| {
        format!(
            "{start}{}",
            if start == "TO" {
                "DO"
            } else if start == "FIX" {
                "ME"
            } else {
                "X"
            }
        )
    });
    let mut problems = Vec::new();
    for (name, text) in sources() {
        for mark in &marks {
            if text
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(|word| word == mark)
            {
                problems.push(format!("{name} has a {mark}"));
            }
        }
        if text.contains(concat!("#[", "ignore")) {
            problems.push(format!("{name} ignores a test"));
        }
    }
    check(problems);
}

#[test]
fn modules_are_named_by_their_noun() {
    let vague = [
        "mod.rs",
        "utils.rs",
        "util.rs",
        "helpers.rs",
        "common.rs",
        "manager.rs",
        "types.rs",
        "service.rs",
    ];
    let problems = sources()
        .into_iter()
        .filter(|(name, _)| vague.contains(&name.rsplit('/').next().unwrap()))
        .map(|(name, _)| format!("{name} is not named by a noun of the domain"))
        .collect();
    check(problems);
}

/// Words that no doc comment may open with: it opens with a verb or a noun phrase.
const QUESTION_WORDS: &[&str] = &[
    "What", "Whether", "Who", "Whom", "Whose", "How", "So", "Where", "When", "That", "Why", "Which",
];

#[test]
fn no_doc_comment_opens_with_a_question_word() {
    let mut problems = Vec::new();
    for (name, text) in sources() {
        let mut before = "";
        for (number, line) in text.lines().map(str::trim_start).enumerate() {
            let comment = ["//! ", "/// "].iter().find_map(|mark| line.strip_prefix(mark));
            let is_first = !before.starts_with("//!") && !before.starts_with("///");
            let word = comment.and_then(|text| text.split(|c: char| !c.is_ascii_alphabetic()).next());
            if is_first && word.is_some_and(|word| QUESTION_WORDS.contains(&word)) {
                problems.push(format!("{name}:{}: {line}", number + 1));
            }
            before = line;
        }
    }
    check(problems);
}

/// The length that names of tests must stay below, so that lists of tests are readable.
const LONG_NAME: usize = 60;

#[test]
fn test_names_are_shorter_than_60_characters() {
    let mut problems = Vec::new();
    for (name, text) in sources() {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let of_tests = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        for (place, _) in of_tests {
            let function = lines[place..].iter().find_map(|line| line.split_once("fn "));
            let test = function
                .and_then(|(_, rest)| rest.split('(').next())
                .unwrap_or_default();
            if test.len() >= LONG_NAME {
                problems.push(format!("{name}: {test}"));
            }
        }
    }
    check(problems);
}

/// The crates whose files must not depend on each other in a cycle, directly or through other files.
const WITHOUT_CYCLES: &[&str] = &[
    "benches/request-cost",
    "benches/load",
    "changes",
    "config",
    "control",
    "logging",
    "properties",
    "proxy",
    "redact",
    "rules",
    "sluice",
    "testkit",
    "tokens",
    "traces",
    "wire",
];

/// Returns the paths of a `use` tree, given without `use` and semicolon: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn use_paths(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().to_owned()];
    };
    let inner = rest.strip_suffix('}').unwrap();
    let mut depth = 0;
    let is_separator = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    let branches = inner
        .split(is_separator)
        .filter(|branch| !branch.trim().is_empty());
    let paths = branches.flat_map(use_paths);
    paths.map(|path| format!("{prefix}{path}")).collect()
}

/// The trees of the `use` statements whose line is accepted by its part before `use`.
fn use_trees(code: &str, accept: impl Fn(&str) -> bool) -> Vec<&str> {
    let tree = |statement: &str| {
        let found = statement.rmatch_indices("use ").find(|(at, _)| {
            let before = statement[..*at].rsplit('\n').next();
            before.is_some_and(&accept)
        });
        found.map(|(at, word)| at + word.len())
    };
    let statements = code.split(';');
    statements
        .filter_map(|statement| Some(&statement[tree(statement)?..]))
        .collect()
}

/// A file's lines, without those that are comments.
fn code(text: &str) -> String {
    let lines = text.lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.join("\n")
}

/// The modules of a crate that a module uses. Re-exports (`pub use`) and tests are left out.
fn used_modules<'m>(module: &str, text: &str, modules: &'m BTreeMap<String, String>) -> BTreeSet<&'m str> {
    let code = code(text.split("\n#[cfg(test)]\n").next().unwrap());
    let trees = use_trees(&code, str::is_empty);
    let mut used = BTreeSet::new();
    for path in trees.into_iter().flat_map(use_paths) {
        let mut names = path.split("::").map(str::trim).peekable();
        let mut base: Vec<&str> = module.split("::").filter(|name| !name.is_empty()).collect();
        match names.next() {
            Some("crate") => base.clear(),
            Some("super") => drop(base.pop()),
            Some("self") => {}
            _ => continue,
        }
        while names.next_if_eq(&"super").is_some() {
            base.pop();
        }
        // The rest of the path is modules, then an item.
        for name in names {
            let known = modules.contains_key([&base[..], &[name]].concat().join("::").as_str());
            if !known {
                break;
            }
            base.push(name);
        }
        let (target, _) = modules.get_key_value(&base.join("::")).unwrap();
        if target != module {
            used.insert(target.as_str());
        }
    }
    used
}

#[test]
fn no_files_of_a_crate_depend_on_each_other_in_a_cycle() {
    let sources = sources();
    let mut problems = Vec::new();
    for name in WITHOUT_CYCLES {
        let folder = match *name {
            "sluice" => "src/".to_owned(),
            name => format!("{name}/src/"),
        };
        let of_crate = sources.iter().filter(|(path, _)| !is_test(path));
        let modules: BTreeMap<String, String> = of_crate
            .filter_map(|(path, text)| {
                let module = path
                    .strip_prefix(&folder)?
                    .strip_suffix(".rs")?
                    .replace('/', "::");
                let is_root = ["lib", "main"].contains(&module.as_str());
                Some((if is_root { String::new() } else { module }, text.clone()))
            })
            .collect();
        let mut uses: BTreeMap<&str, BTreeSet<&str>> = modules
            .iter()
            .map(|(module, text)| (module.as_str(), used_modules(module, text, &modules)))
            .collect();
        // Removes files that use no remaining file, until only cycles and their users are left.
        let is_leaf = |uses: &BTreeMap<&str, BTreeSet<&str>>, module: &str| {
            uses[module].iter().all(|used| !uses.contains_key(used))
        };
        while let Some(leaf) = uses.keys().copied().find(|module| is_leaf(&uses, module)) {
            uses.remove(leaf);
        }
        problems.extend(
            uses.keys()
                .map(|module| format!("{name}: `{module}` is in a cycle, or uses one")),
        );
    }
    check(problems);
}

#[test]
fn every_path_in_the_code_map_exists() {
    // Paths in the table of phases are relative to `proxy/src`.
    check_paths("ARCHITECTURE.md", &["", "proxy/src"], &[]);
}

#[test]
fn every_row_of_a_table_has_the_cells_of_its_head() {
    let mut problems = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let mut head = None;
        for (number, line) in text.lines().enumerate() {
            // A cell beyond the head's is not shown.
            let cells = line
                .starts_with('|')
                .then(|| line.replace("\\|", "").matches('|').count());
            if let (Some(head), Some(cells)) = (head, cells)
                && head != cells
            {
                problems.push(format!(
                    "{page}:{}: {cells} bars, the head has {head}",
                    number + 1
                ));
            }
            head = cells.map(|cells| head.unwrap_or(cells));
        }
    }
    check(problems);
}

/// Returns the paths of the pages in `docs`.
fn pages() -> Vec<String> {
    let (mut folders, mut found) = (vec!["docs".to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_path_in_the_contributing_guide_exists() {
    let no_files = ["mod.rs", "target/fuzz/found", "fuzz/corpus/TARGET"];
    check_paths("CONTRIBUTING.md", &[""], &no_files);
}

#[test]
fn every_test_in_the_contributing_guide_exists() {
    let guide = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let is_test_name = |text: &&str| {
        text.matches('_').count() >= 3 && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let sources = sources();
    let exists = |name: &str| {
        sources
            .iter()
            .any(|(_, text)| text.contains(&format!("fn {name}(")))
    };
    let named = guide.split('`').skip(1).step_by(2).filter(is_test_name);
    check(
        named
            .filter(|name| !exists(name))
            .map(|name| format!("CONTRIBUTING.md: there is no test `{name}`"))
            .collect(),
    );
}

/// Checks that each quoted path of a page exists below one of the folders, except `no_files`.
fn check_paths(page: &str, folders: &[&str], no_files: &[&str]) {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        let is_of_path = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
        let is_path = text.contains('/') || text.ends_with(".rs");
        is_path && text.chars().all(is_of_path) && !no_files.contains(text)
    };
    let exists = |path: &str| {
        folders
            .iter()
            .any(|folder| root().join(folder).join(path).exists())
    };
    let missing = quoted.filter(is_path).filter(|path| !exists(path));
    check(
        missing
            .map(|path| format!("{page}: there is no `{path}`"))
            .collect(),
    );
}
