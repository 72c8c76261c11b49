use changes::{Change, Event, GaDefault, ImportMode};
use config::FlagsDocument;
use rules::Lifecycle;
use serde_json::{Map, Value};

use super::*;

/// A change for each event that a route makes.
fn changes() -> Vec<Change> {
    let (org, flag) = ("acme".to_owned(), "board".to_owned());
    let record = Value::Object(Map::new());
    vec![
        Change::SetState {
            flag: flag.clone(),
            to: Lifecycle::Ga,
            cascade: false,
            ga_default: GaDefault::On,
            urgent: None,
        },
        Change::Kill { flag: flag.clone() },
        Change::Restore { flag: flag.clone() },
        Change::SetTiers {
            flag: flag.clone(),
            tiers: Map::new(),
        },
        Change::SetRollout {
            flag: flag.clone(),
            rollout: None,
        },
        Change::SignOff {
            flag: flag.clone(),
            as_role: "operations".into(),
        },
        Change::SetOverride {
            org: org.clone(),
            flag: flag.clone(),
            variant: Some(true.into()),
        },
        Change::PutTenant {
            org: org.clone(),
            record,
        },
        Change::DeleteTenant { org: org.clone() },
        Change::ImportTenants {
            mode: ImportMode::Upsert,
            tenants: Vec::new(),
        },
        Change::Allow {
            org: org.clone(),
            flag: flag.clone(),
        },
        Change::Disallow {
            org: org.clone(),
            flag: flag.clone(),
        },
        Change::OptIn {
            org: org.clone(),
            flag: flag.clone(),
        },
        Change::OptOut { org, flag },
        Change::ApplyDocument {
            document: FlagsDocument::default(),
            prune: false,
            adopt: false,
        },
    ]
}

#[test]
fn a_route_takes_the_permission_of_the_change_that_it_makes() {
    let changes = changes();
    let permission_of = |event: Event| {
        let change = changes.iter().find(|change| change.event() == event);
        change.map(Change::permission)
    };
    for route in ROUTES {
        if let Does::Changes(event) = route.does {
            assert_eq!(Some(route.permission), permission_of(event), "{}", route.name);
        }
    }
}
