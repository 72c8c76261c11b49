//! Syntax errors as people make them: the line and column of the mistake, and the help.

use std::path::Path;

use super::super::parse;
use crate::source::Sources;

/// Fails unless the document is rejected at this place with a help that begins like this.
#[track_caller]
fn check(text: &str, place: (usize, usize), help: &str) {
    let mut sources = Sources::default();
    let source = sources.add(Path::new("test.yaml"), text.to_owned()).unwrap();
    let mut problems = Vec::new();
    parse(&source, &mut problems);
    let problem = problems
        .first()
        .unwrap_or_else(|| panic!("this is YAML:\n{text}"));
    let found = sources.place(problem.site().unwrap()).unwrap();
    let found_help = problem.help.as_deref().unwrap_or_default();
    let is_found = (found.line, found.column) == place && found_help.starts_with(help);
    assert!(is_found, "{found}: {}: {found_help}\n{text}", problem.title);
}

#[test]
fn a_line_indented_too_deep_is_found() {
    let help = "indent this line by 4 spaces, as the line before; it has 5";
    check("routes:\n  - name: a\n     match: /a\n", (3, 6), help);
    check(
        "routes:\n  - name: a\n    match: /a\n\n     gate: x # why\n    upstream: b\n",
        (5, 6),
        help,
    );
    let two = "indent this line by 2 spaces, as the line before; it has 3";
    check("flags:\n  a: {}\n   b: {}\n", (3, 4), two);
    check("flags:\n  a: on\n   b: {}\n", (3, 4), two);
}

#[test]
fn a_line_indented_like_no_line_above_is_found() {
    let help = "indent this line by 2 or 4 spaces, as a line above; it has 3";
    check("flags:\n  a:\n    default: on\n   lifecycle: ga\n", (4, 4), help);
    check("routes:\n  - name: a\n   match: /a\n", (3, 4), help);
    check("a:\n  b: 1\n c: 2\n", (3, 2), "indent this line by 0 or 2 spaces");
}

#[test]
fn a_tab_is_found() {
    let help = "indent with spaces; YAML does not allow tabs";
    check("flags:\n\ta: {}\n", (2, 1), help);
    check("flags:\n  a:\n  \tdefault: on\n", (3, 3), help);
    check("routes:\n  - name: a\n\t  match: /a\n", (3, 1), help);
}

#[test]
fn a_missing_space_is_found() {
    let colon = "write a space after the colon";
    check(
        "routes:\n  - name: a\n    match:/a\n    upstream: b\n",
        (3, 11),
        colon,
    );
    check(
        "routes:\n  - name:a\n    match: /a\n",
        (2, 10),
        "write a space after the colon",
    );
    check("version:1\nflags: {}\n", (1, 9), "write a space after the colon");
    check(
        "routes:\n  - name: a\n    gate:board\n",
        (3, 10),
        "write a space after the colon",
    );
    check(
        "api:\n  endpoints:\n    - orders.internal:8080\n   retries: 1\n",
        (4, 4),
        "indent this line by 2 or 4 spaces",
    );
    check(
        "routes:\n  - name: a\n  -name: b\n",
        (3, 4),
        "write a space after the dash",
    );
}

#[test]
fn an_open_quote_or_bracket_is_found() {
    check("a: \"x\nb: y\n", (1, 4), "close this quote with `\"`");
    check("a: 'it''s\nb: y\n", (1, 4), "close this quote with `'`");
    check("a: [1, 2\nb: y\n", (1, 4), "close this bracket with `]`");
    check(
        "a:\n  b: { c: [1, 2], d: 3\n  e: 4\n",
        (2, 6),
        "close this bracket with `}`",
    );
    check(
        "a: /x/{id}\nb: { # }\n  c: 1\n",
        (2, 4),
        "close this bracket with `}`",
    );
}

#[test]
fn other_mistakes_have_a_help() {
    check("a: { b: 1 c: 2 }\n", (1, 12), "write a comma between the entries");
    check(
        "a: Board: new\n",
        (1, 9),
        "put the text behind the first colon in quotes",
    );
    check(
        "a: @team\n",
        (1, 4),
        "put texts with special characters in quotes",
    );
    check("keys: { secret: ${KEY} }\n", (1, 18), "put references in quotes");
}
