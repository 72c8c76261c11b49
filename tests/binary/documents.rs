//! The documentation is correct: its examples are loaded unchanged.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::Path,
};

use crate::explained_as_served::documents::OTHERWISE;
use crate::managed_server::ManagedServer;
use crate::process::sluice;

/// Returns the code blocks of a page of the documentation that are marked as `language`.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn flags_document_of_the_guide_loads() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("flags.yaml"),
        &blocks("docs/flags.md", "yaml")[0],
    )
    .unwrap();
    let output = sluice(
        folder.path(),
        ["eval", "--flags", "flags.yaml"],
        "{\"flag\":\"dispatch.v2Board\",\"tenant\":\"acme\"}\n",
    );
    output.exits(0);
    assert!(
        output.stdout.contains("\"cause\":\"schedule\"") || output.stdout.contains("\"cause\":\"tier\""),
        "{}",
        output.stdout
    );
}

#[test]
fn config_of_the_readme_loads() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = blocks("README.md", "yaml");
    fs::write(folder.path().join("sluice.yaml"), &yaml[0]).unwrap();
    fs::write(folder.path().join("flags.yaml"), &yaml[1]).unwrap();
    let output = sluice(folder.path(), ["check"], "");
    output.exits(0);
}

/// Each command has its words and options; each target is in the Makefile.
#[test]
fn commands_of_the_readme_exist() {
    let folder = tempfile::tempdir().unwrap();
    let makefile = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).unwrap();
    let mut count = 0;
    for line in blocks("README.md", "").iter().flat_map(|block| block.lines()) {
        let command = line.split(" #").next().unwrap();
        match command.split_once(' ') {
            Some(("sluice", arguments)) => {
                let arguments = arguments.split_whitespace().chain(["--help"]);
                sluice(folder.path(), arguments, "").exits(0);
            }
            Some(("make", target)) => {
                assert!(
                    makefile.contains(&format!("\n{}:", target.trim())),
                    "no target for `{line}`"
                );
            }
            _ => continue,
        }
        count += 1;
    }
    assert!(count >= 9, "{count} commands");
}

/// Returns the two documents of the guide's page on configuration.
fn guide() -> [String; 2] {
    let yaml = blocks("docs/configuration.md", "yaml");
    [yaml[0].clone(), yaml[1].clone()]
}

#[test]
fn config_of_the_guide_loads() {
    let folder = tempfile::tempdir().unwrap();
    let [config, flags] = guide();
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), flags).unwrap();
    let output = sluice(folder.path(), ["check", "--strict"], "");
    output.exits(0);
}

/// Returns those of `words` that the page does not contain between backquotes.
fn missing<'w>(page: &str, words: impl IntoIterator<Item = &'w str>) -> Vec<&'w str> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let code: HashSet<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    words.into_iter().filter(|word| !code.contains(word)).collect()
}

/// Returns the texts between quotes in a source file.
pub(crate) fn quoted(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
}

/// Returns the definitions of the JSON Schema of a document.
fn definitions_of(document: &str) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let schema = sluice(folder.path(), ["schema", document], "").stdout;
    let mut schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    schema["$defs"].take()
}

/// Returns the fields that the JSON Schema of a document has, in any of its objects.
fn fields_of(document: &str) -> BTreeSet<String> {
    let definitions = definitions_of(document);
    let definitions = definitions.as_object().unwrap().values();
    let objects = definitions.filter_map(|definition| definition["properties"].as_object());
    objects.flat_map(|fields| fields.keys().cloned()).collect()
}

#[test]
fn every_field_of_sluice_yaml_is_in_the_guide() {
    let fields = fields_of("sluice");
    assert!(
        fields.contains("encoded_slash") && fields.contains("jwks_url"),
        "{fields:?}"
    );
    let fields = fields.iter().map(String::as_str);
    assert_eq!(missing("docs/configuration.md", fields), Vec::<&str>::new());
}

#[test]
fn every_field_and_operator_of_documents_is_in_the_guide() {
    let fields = fields_of("flags");
    assert!(
        fields.contains("unknown_tenant") && fields.contains("none_of"),
        "{fields:?}"
    );
    let fields = fields.iter().map(String::as_str);
    // The fields of a plan have a page of their own.
    let missing_in_flags = missing("docs/flags.md", fields);
    assert_eq!(missing("docs/rollouts.md", missing_in_flags), Vec::<&str>::new());
}

/// The documents whose explanations are compared with what is served contain every answer of a closed gate.
#[test]
fn every_answer_of_a_closed_gate_is_compared() {
    let definitions = definitions_of("sluice");
    let answers = definitions["answer-for-a-closed-gate"]["oneOf"]
        .as_array()
        .unwrap();
    assert!(answers.len() >= 3, "{answers:?}");
    for answer in answers {
        let name = answer["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let field = definitions[name]["required"][0].as_str().unwrap();
        assert!(
            OTHERWISE
                .iter()
                .any(|written| written.starts_with(&format!("{field}: "))),
            "`{field}` is not in tests/binary/explained_as_served/documents.rs"
        );
    }
}

#[test]
fn the_fuzz_dictionary_has_every_field_and_operator() {
    let dictionary = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/dictionaries/documents.dict");
    let dictionary = fs::read_to_string(dictionary).unwrap();
    let fields = ["sluice", "flags"].into_iter().flat_map(fields_of);
    let missing: BTreeSet<String> = fields
        .map(|field| format!("\"{field}: \""))
        .filter(|entry| !dictionary.lines().any(|line| line == entry))
        .collect();
    assert!(
        missing.is_empty(),
        "not in fuzz/dictionaries/documents.dict: {missing:?}"
    );
}

/// The table of operations in the guide names the command of each. The command exists, with the options that are named,
/// and is described in the guide to the command line.
#[test]
fn every_operation_of_the_api_has_a_command() {
    let without_command = [
        "openApi",
        "putOrg",
        "listReceipts",
        "listTenantFlags",
        "showFlagUsage",
        "showFlagDecisions",
        "listFlagOrgs",
        "showPromotion",
        "showTiers",
        "reportFlagTraffic",
        "listNodes",
        "showHealth",
    ];
    let guide = |page: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let (operations, commands) = (guide("docs/api.md"), guide("docs/command-line.md"));
    let folder = tempfile::tempdir().unwrap();
    for route in control::api::routes() {
        let operation = format!("`{} {}`", route.method.as_str(), route.path);
        let row = operations
            .lines()
            .find(|line| line.starts_with(&format!("| {operation} |")))
            .unwrap_or_else(|| panic!("docs/api.md has no row for {operation}"));
        let cell = row.split('|').nth(3).unwrap();
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert_eq!(
            named.is_empty(),
            without_command.contains(&route.name),
            "docs/api.md names no command for {operation}"
        );
        for command in named {
            let is_option = |word: &&str| word.starts_with("--");
            let (options, words): (Vec<&str>, Vec<&str>) = command.split(' ').partition(is_option);
            let page = sluice(folder.path(), [&words[..], &["--help"]].concat(), "");
            page.exits(0);
            for option in options {
                assert!(page.stdout.contains(option), "`{command}` has no {option}");
                assert!(
                    commands.contains(option),
                    "{option} is not in docs/command-line.md"
                );
            }
            let words = words.join(" ");
            let is_described = ["`", "sluice "]
                .iter()
                .any(|before| commands.contains(&format!("{before}{words}")));
            assert!(is_described, "`{words}` is not in docs/command-line.md");
        }
    }
}

#[test]
fn every_removed_header_is_in_the_guide() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/requests.md")).unwrap();
    let page = page.to_ascii_lowercase();
    let names = rules::OVERRIDE_HEADERS.into_iter().chain(rules::CLIENT_HEADERS);
    let missing: Vec<&str> = names
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn start_log_equals_the_guide() {
    let shown = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operation.md")).unwrap();
    let shown = shown
        .lines()
        .find(|line| line.contains("INFO admin listening"))
        .unwrap()
        .to_owned();
    let managed = ManagedServer::start();
    let output = managed.line("admin listening");
    let words = |line: &str| {
        let (_, words) = line.split_once(" INFO ").unwrap();
        words.split(" address=").next().unwrap().to_owned()
    };
    assert_eq!(words(&shown), words(&output));
}
