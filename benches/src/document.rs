//! Loads a flags document as an operator writes it.

use std::fs;

use config::LoadedFlags;
use rules::Eligibility;

/// The flags and tenants of `document`; a document with problems ends the run and prints them.
#[must_use]
pub fn load(document: &str) -> LoadedFlags {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("flags.yaml");
    fs::write(&file, document).expect("a file in a temporary folder");
    match config::load_flags(&file, Eligibility::Enforced) {
        Ok(loaded) => loaded,
        Err(report) => panic!("{}", report.render(config::Colour::Never)),
    }
}
