//! Files of older formats.

use super::*;

fn empty() -> Connection {
    Connection::open_in_memory().unwrap()
}

#[test]
fn a_file_of_any_older_format_is_upgraded() {
    for taken in 1..=STEPS.len() {
        let mut file = empty();
        take(&mut file, &STEPS[..taken]).unwrap();
        file.execute_batch(
            "INSERT INTO record VALUES (4, 'acme', '{}', 1, x'00');
             INSERT INTO audit (id, revision, previous, hash, text) VALUES (1, 1, x'00', x'01', '{}');",
        )
        .unwrap();
        migrate(&mut file).unwrap();
        assert_eq!(version(&file).unwrap(), STEPS.len());
        let kept: i64 = file
            .query_row(
                "SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM audit)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(kept, 2, "from format {taken}");
    }
}

#[test]
fn a_failed_step_leaves_the_file_unchanged() {
    let mut file = empty();
    let steps = [
        "CREATE TABLE a (x)",
        "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)",
    ];
    take(&mut file, &steps).unwrap_err();
    assert_eq!(version(&file).unwrap(), 1);
    let tables: i64 = file
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_file_of_a_newer_format_is_not_changed() {
    let file = empty();
    mark(&file).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    let refused = check_format(&file).unwrap_err();
    assert!(matches!(refused, StoreError::TooNew { found: 99, known, .. } if known == STEPS.len()));
}

#[test]
fn a_file_of_another_program_is_rejected() {
    let refused = check_format(&empty()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the store is damaged: it was not written by sluice"
    );
}
