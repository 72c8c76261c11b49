//! The documentation is true: its examples are loaded as they stand.

use std::{fs, path::Path};

use crate::process::sluice;

/// The code blocks of a page of the documentation that are marked as `language`.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_flags_of_the_guide_are_a_good_document() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flags.yaml"), &blocks("docs/flags.md", "yaml")[0]).unwrap();
    let said = sluice(folder.path(), ["eval", "--flags", "flags.yaml"], "{\"flag\":\"dispatch.v2Board\",\"tenant\":\"acme\"}\n");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("\"cause\":\"schedule\"") || said.out.contains("\"cause\":\"tier\""), "{}", said.out);
}

#[test]
fn the_config_of_the_readme_is_a_good_document() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = blocks("README.md", "yaml");
    fs::write(folder.path().join("sluice.yaml"), &yaml[0]).unwrap();
    fs::write(folder.path().join("flags.yaml"), &yaml[1]).unwrap();
    let said = sluice(folder.path(), ["check"], "");
    assert_eq!(said.code, 0, "{}", said.err);
}
