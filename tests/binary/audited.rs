//! Changes without the admin API are in the audit log: of the gateway document and of the operators.

use serde_json::{Value, json};
use testkit::{Client, eventually};

use crate::managed::{ManagedGateway, get};
use crate::process::SluiceProcess;

/// Returns the entries of an action, the newest first.
fn entries(sluice: &SluiceProcess, action: &str) -> Vec<Value> {
    let mut admin = Client::connect(sluice.admin());
    let log = get(&mut admin, &format!("/platform/audit?action={action}")).json();
    log["entries"].as_array().unwrap().clone()
}

#[test]
fn another_configuration_is_in_the_audit_log() {
    let managed = ManagedGateway::new();
    let mut sluice = managed.run();
    for action in [
        "platform.config_changed",
        "platform.policy_changed",
        "platform.operators_changed",
    ] {
        let first = entries(&sluice, action);
        assert_eq!(first.len(), 1, "{action}: {first:?}");
        assert!(first[0]["actor"].as_str().unwrap().starts_with("uid:"));
        assert_eq!(
            (&first[0]["source"], &first[0]["details"]["before"]),
            (&json!("file"), &Value::Null)
        );
    }
    managed.furnish(&sluice);
    let changed = eventually("an entry of the reload", || {
        entries(&sluice, "platform.config_changed")
            .into_iter()
            .next()
            .filter(|entry| entry["details"]["before"].is_string())
    });
    assert_eq!(
        changed["details"]["gates_added"],
        json!(["board /board: board"]),
        "{changed}"
    );
    assert_ne!(changed["details"]["before"], changed["details"]["after"]);
    sluice.signal("TERM");
    sluice.ended();

    // Nothing has changed, so a start records nothing.
    let mut sluice = managed.run();
    let count = entries(&sluice, "platform.config_changed").len();
    assert_eq!(entries(&sluice, "platform.policy_changed").len(), 1);
    sluice.signal("TERM");
    sluice.ended();

    // Changed while the process did not run.
    managed.route("spare");
    managed.edit("soak: 0s", "soak: 1s");
    let sluice = managed.run();
    let configs = entries(&sluice, "platform.config_changed");
    assert_eq!(configs.len(), count + 1);
    let details = &configs[0]["details"];
    assert_eq!(
        (&details["gates_added"], &details["gates_removed"]),
        (&json!(["board /board: spare"]), &json!(["board /board: board"]))
    );
    let policy = &entries(&sluice, "platform.policy_changed")[0]["details"];
    assert_eq!(
        (&policy["fields_before"], &policy["fields_after"]),
        (
            &json!({ "promotion.soak_ms": 0 }),
            &json!({ "promotion.soak_ms": 1_000 })
        )
    );
}
