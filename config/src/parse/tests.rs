use super::*;
use crate::source::Sources;
use std::path::Path;

/// Returns the codes of the problems of `text`, each with its line and column.
fn problems(text: &str) -> Vec<(&'static str, usize, usize)> {
    let source = Sources::default()
        .add(Path::new("test.yaml"), text.to_owned())
        .unwrap();
    let mut problems = Vec::new();
    parse(&source, &mut problems);
    problems.iter().map(|problem| place(&source, problem)).collect()
}

fn place(source: &Source, problem: &Problem) -> (&'static str, usize, usize) {
    let (line, column) = source.line_column(source.offset(problem.site().unwrap()).unwrap());
    (problem.code, line, column)
}

/// Returns the place of the scalar `wanted` in `text`: line, column, and the bytes of its span.
fn find(text: &str, wanted: &str) -> (usize, usize, String) {
    fn search<'n>(node: &'n Node<'_>, wanted: &str) -> Option<&'n Node<'n>> {
        match &node.kind {
            NodeKind::List(items) => items.iter().find_map(|item| search(item, wanted)),
            NodeKind::Mapping(entries) => entries.iter().find_map(|entry| search(&entry.value, wanted)),
            _ => (**node.raw()? == *wanted).then_some(node),
        }
    }
    let source = Sources::default()
        .add(Path::new("test.yaml"), text.to_owned())
        .unwrap();
    let mut problems = Vec::new();
    let root = parse(&source, &mut problems).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let span = search(&root, wanted).unwrap().span;
    let (line, column) = source.line_column(span.start);
    let (start, len) = (span.start as usize, span.len as usize);
    (line, column, text[start..start + len].to_owned())
}

#[track_caller]
fn check(text: &str, wanted: &str, line: usize, column: usize, written: &str) {
    assert_eq!(find(text, wanted), (line, column, written.to_owned()));
}

#[test]
fn places_count_lines_and_characters_from_one() {
    check("a: x\nb: [y, z]\n", "z", 2, 8, "z");
    check(
        "a:\n  - b: 'quoted text'  # comment\n",
        "quoted text",
        2,
        8,
        "'quoted text'",
    );
    check("a: {\"x\" : \"json\"}", "json", 1, 11, "\"json\"");
}

#[test]
fn columns_are_correct_after_multibyte_characters() {
    check("é: ü\nb: { ñ: z }\n", "z", 2, 9, "z");
    check("a: '日本語'\nb: [日本, 語]\n", "語", 2, 9, "語");
}

#[test]
fn places_are_correct_with_byte_order_marks_and_crlf() {
    check("\u{feff}a: x\n", "x", 1, 4, "x");
    check("a: x\r\nb:\r\n  c: z\r\n", "z", 3, 6, "z");
}

#[test]
fn texts_with_escapes_and_blocks_are_decoded() {
    assert_eq!(find("a: \"x\\ty\"", "x\ty").2, "\"x\\ty\"");
    assert_eq!(find("a: 'it''s'", "it's").2, "'it''s'");
    assert_eq!(find("a: |\n  one\n  two\n", "one\ntwo\n").0, 2);
}

#[test]
fn json_is_read_as_yaml() {
    check("{\n  \"a\": [1, {\"b\": \"c\"}]\n}\n", "c", 2, 18, "\"c\"");
}

#[test]
fn rejected_yaml_has_its_position() {
    assert_eq!(problems("a: 1\nb:\n  c: 1\n  c: 2\n"), [("duplicate-key", 4, 3)]);
    assert_eq!(
        problems("a: &x 1\nb: *x\n"),
        [("yaml-alias", 1, 4), ("yaml-alias", 2, 4)]
    );
    assert_eq!(problems("a: !!str 1\n"), [("yaml-tag", 1, 4)]);
    assert_eq!(problems("a: 1\n---\nb: 1\n"), [("several-documents", 2, 1)]);
    assert_eq!(problems("a: [1, 2\n"), [("yaml-syntax", 1, 4)]);
    assert_eq!(problems(""), [("empty-document", 1, 1)]);
}

#[test]
fn a_repeated_key_among_many_is_found() {
    let many: String = (0..100).map(|n| format!("key{n}: 1\n")).collect();
    assert_eq!(problems(&format!("{many}key7: 2\n")), [("duplicate-key", 101, 1)]);
}

#[test]
fn aliases_that_multiply_are_not_expanded() {
    let text = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n";
    assert!(problems(text).iter().all(|(code, ..)| *code == "yaml-alias"));
}

#[test]
fn nesting_and_size_have_limits() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(problems(&nested(MAX_DOCUMENT_DEPTH)), []);
    let place = MAX_DOCUMENT_DEPTH + 1;
    assert_eq!(
        problems(&nested(MAX_DOCUMENT_DEPTH + 1)),
        [("document-depth", 1, place)]
    );
    // The parser has a limit of its own, far beyond.
    assert_eq!(problems(&nested(100_000))[0].0, "document-depth");

    let source = Sources::default()
        .add(Path::new("test.yaml"), "[1, 2, 3]".to_owned())
        .unwrap();
    let mut problems = Vec::new();
    assert!(parse_at_most(3, &source, &mut problems).is_none());
    assert_eq!(place_of(&source, &problems), [("document-size", 1, 1)]);
    assert!(parse_at_most(4, &source, &mut Vec::new()).is_some());
}

fn place_of(source: &Source, problems: &[Problem]) -> Vec<(&'static str, usize, usize)> {
    problems.iter().map(|problem| place(source, problem)).collect()
}

#[test]
fn json_has_the_places_and_problems_of_yaml() {
    for text in [
        "{\"a\": [1, -1.50e3, true, null, \"\\u00e4\\n\\\"\", {\"b\\u0041\": []}], \"\": {}, \"\u{e9}\": \"\u{65e5}\"}",
        "\n  { \"a\" :\t[ \"x\" , { } ]\r\n,\"<<\":0 } \n",
        "{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}, \"a\": 3}",
        "[\"x\"]",
        "\"x\"",
    ] {
        let source = Sources::default()
            .add(Path::new("test.json"), text.to_owned())
            .unwrap();
        let (mut read, mut reference) = (Vec::new(), Vec::new());
        let mut builder = Builder::new(100, &source, &mut read);
        assert_eq!(json::placed(&mut builder), Some(true), "{text}");
        let root = builder.root;
        let expected = yaml(Builder::new(100, &source, &mut reference));
        assert_eq!(format!("{root:?}"), format!("{expected:?}"), "{text}");
        assert_eq!(place_of(&source, &read), place_of(&source, &reference), "{text}");
    }
    assert_eq!(problems("{\"a\": \"\\ud800\"}"), [("yaml-syntax", 1, 7)]);
}

#[test]
fn a_value_in_brackets_has_a_maximum_length() {
    // The parser would buffer 2 GB of tokens for 20 MB of this, because the value could be a key.
    let long = |count: usize| format!("a: 1\n? [{}x]\n", "x,".repeat(count));
    assert_eq!(problems(&long(MAX_INDICATORS - 10)), [("yaml-key", 2, 3)]);
    assert_eq!(problems(&long(MAX_INDICATORS)), [("document-size", 1, 4)]);
    let in_one = format!("{{a: [{}x]}}", "x,".repeat(MAX_INDICATORS));
    assert_eq!(problems(&in_one), [("document-size", 1, 1)]);
    // The limit is for what is buffered: not for a document of lines, nor for JSON.
    assert_eq!(problems(&"- [a, b, c]\n".repeat(MAX_INDICATORS)), []);
    assert_eq!(problems(&format!("[{}1]", "1,".repeat(2 * MAX_INDICATORS))), []);
}

#[test]
fn problems_of_a_text_have_a_maximum_number() {
    let repeated = problems(&"a: 1\n".repeat(100_000));
    assert_eq!(repeated.len(), MAX_PROBLEMS + 1);
    assert_eq!(repeated[MAX_PROBLEMS], ("duplicate-key", MAX_PROBLEMS + 2, 1));
    let tagged = problems(&"- !a b\n".repeat(100_000));
    assert_eq!(tagged.len(), MAX_PROBLEMS);
}
