use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, PartialEq)]
struct Numbered(String, u32);

impl Keyed for Numbered {
    fn key(&self) -> &str {
        &self.0
    }
}

/// Compares a table with a map of the same entries.
fn check(table: &Shards<Numbered>, expected: &BTreeMap<String, u32>) {
    assert_eq!(table.len(), expected.len());
    let all: BTreeMap<String, u32> = table.iter().map(|entry| (entry.0.clone(), entry.1)).collect();
    assert_eq!(&all, expected);
    for (key, number) in expected {
        assert_eq!(table.find(key).map(|entry| entry.1), Some(*number), "{key}");
    }
    assert!(table.find("absent").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_table_equals_a_map_after_any_changes(
        first in 0_u32..1_500,
        batches in prop::collection::vec(prop::collection::vec((0_u32..2_000, prop::option::of(any::<u32>())), 0..300), 1..6),
    ) {
        let key = |number: u32| format!("k{number}");
        let mut expected: BTreeMap<String, u32> = (0..first).map(|number| (key(number), number)).collect();
        let mut table: Shards<Numbered> = expected.iter().map(|(key, number)| Numbered(key.clone(), *number)).collect();
        for batch in batches {
            let (before, expected_before) = (table.clone(), expected.clone());
            for (number, value) in batch {
                match value {
                    Some(value) => {
                        table.put(Numbered(key(number), value));
                        expected.insert(key(number), value);
                    }
                    None => {
                        table.remove(&key(number));
                        expected.remove(&key(number));
                    }
                }
            }
            table.settle();
            check(&table, &expected);
            // The former version is as it was.
            check(&before, &expected_before);
        }
    }
}

#[test]
fn a_change_copies_one_shard() {
    let table: Shards<Numbered> = (0..10_000)
        .map(|number| Numbered(format!("k{number}"), number))
        .collect();
    let mut changed = table.clone();
    changed.put(Numbered("k7".to_owned(), 0));
    changed.settle();
    let shards = table.shards.iter().zip(&changed.shards);
    let copied = shards
        .filter(|(before, after)| !Arc::ptr_eq(before, after))
        .count();
    assert_eq!(copied, 1);
    assert!(table.shards.len() >= 16);
}
