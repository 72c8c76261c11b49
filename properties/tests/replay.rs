//! Replays the corpora of the fuzzers: every file of each corpus keeps the property, and so does its first half.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use properties::Property;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn replay((name, property): Property) {
    let mut replayed = 0;
    for entry in fs::read_dir(fuzz().join("corpus").join(name)).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        let whole = std::panic::catch_unwind(|| property(&data));
        assert!(whole.is_ok(), "{} violates the property", path.display());
        property(&data[..data.len() / 2]);
        replayed += 1;
    }
    assert!(replayed >= 20, "{name}: only {replayed} files");
}

#[test]
fn documents_are_rejected_with_places_or_load() {
    replay(("documents", properties::documents));
}

#[test]
fn headers_to_upstreams_are_valid_and_within_their_budget() {
    replay(("headers", properties::headers));
}

#[test]
fn readings_include_the_path_of_generated_servers() {
    replay(("readings", properties::readings));
}

#[test]
fn route_table_agrees_with_generated_linear_searches() {
    replay(("routes", properties::routes));
}

#[test]
fn accepted_targets_are_in_normal_form() {
    replay(("target", properties::target));
}

#[test]
fn unsigned_tokens_are_rejected() {
    replay(("token", properties::token));
}

#[test]
fn accepted_heads_and_bodies_are_unambiguous() {
    replay(("wire", properties::wire));
}

#[test]
fn accepted_responses_are_unambiguous() {
    replay(("response", properties::response));
}

#[test]
fn bodies_have_the_data_of_a_plain_reading() {
    replay(("body", properties::body));
}

#[test]
fn engine_keeps_its_promises_for_any_script() {
    replay(("engine", properties::engine));
}

#[test]
fn every_property_has_a_fuzzer_and_a_replay() {
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay.rs")).unwrap();
    for (name, _) in properties::ALL {
        let program = fs::read_to_string(fuzz().join("targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("properties::{name}(data)")), "{name}");
        assert!(
            own.contains(&format!("replay((\"{name}\", properties::{name}))")),
            "{name}"
        );
    }
}
