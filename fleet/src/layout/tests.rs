use serde_json::json;

use super::*;

#[test]
fn names_of_records_are_read_back() {
    for key in [
        Key::Head,
        Key::Segment("a/b".into()),
        Key::Definition("board".into()),
        Key::State("board".into()),
        Key::Tenant("acme/é".into()),
        Key::Tenant(String::new()),
    ] {
        assert_eq!(record_key(&record_name(&key)).unwrap(), key);
    }
    assert!(record_key("another/x").is_err());
    assert!(record_key("tenants").is_err());
}

#[test]
fn records_and_entries_are_read_back() {
    let value = Json::from(&json!({ "seats": 1.5, "name": "a \"b\"" }));
    for value in [Some(value), Some(Json::from(&json!(null))), None] {
        let stored = record_value(value.as_ref(), Revision(7)).unwrap();
        let record = read_record("tenant/acme", stored.as_bytes()).unwrap();
        assert_eq!((record.value, record.revision), (value, Revision(7)));
    }
    let sealed = Sealed {
        id: 3,
        revision: Revision(7),
        previous: [1; 32],
        hash: [0xab; 32],
        text: "{}".to_owned(),
    };
    assert_eq!(StoredEntry::of(&sealed).sealed().unwrap(), sealed);
    assert!(read_hash("ab").is_none() && read_hash(&"x".repeat(64)).is_none());
    assert!(read_record("tenant/acme", b"{").is_err());
}

#[test]
fn ids_in_keys_have_the_order_of_numbers() {
    let layout = Layout::new("/sluice/test/");
    assert_eq!(layout.head(), "/sluice/test/head");
    assert!(layout.entry(9) < layout.entry(10));
    assert!(layout.pending(99) < layout.pending(100));
    assert_eq!(
        Layout::below(&layout.records(), b"/sluice/test/records/head"),
        Some("head")
    );
    assert_eq!(
        Layout::below(&layout.records(), b"/sluice/test2/records/head"),
        None
    );
}
