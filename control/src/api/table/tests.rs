use changes::{Change, Event, GaDefault, ImportMode, NewFlags};
use config::FlagsDocument;
use rules::Lifecycle;
use serde_json::{Map, Value};

use super::*;
use crate::api::request::PathNames;

/// Returns a change that causes the event, and the name of its route; `None` for events that no change causes.
fn example(event: Event) -> Option<(Change, &'static str)> {
    let (org, flag) = ("acme".to_owned(), "board".to_owned());
    let set_override = |variant| Change::SetOverride {
        org: "acme".to_owned(),
        flag: "board".to_owned(),
        variant,
    };
    Some(match event {
        Event::StateChanged => {
            let change = Change::SetState {
                flag,
                to: Lifecycle::Ga,
                cascade: false,
                ga_default: GaDefault::On,
                urgent: None,
            };
            (change, "setState")
        }
        Event::FlagKilled => (Change::Kill { flag }, "killFlag"),
        Event::FlagRestored => (Change::Restore { flag }, "restoreFlag"),
        Event::TiersChanged => {
            let tiers = Map::new();
            (Change::SetTiers { flag, tiers }, "setTiers")
        }
        Event::RolloutChanged => (Change::SetRollout { flag, rollout: None }, "setRollout"),
        Event::FlagEnabled => (set_override(Some(true.into())), "setOverride"),
        Event::FlagDisabled => (set_override(Some(false.into())), "setOverride"),
        Event::OverrideRemoved => (set_override(None), "setOverride"),
        Event::BetaAllowed => (Change::Allow { org, flag }, "allowBeta"),
        Event::BetaDisallowed => (Change::Disallow { org, flag }, "disallowBeta"),
        Event::OptedIn => (Change::OptIn { org, flag }, "optIn"),
        Event::OptedOut => (Change::OptOut { org, flag }, "optOut"),
        Event::TenantChanged => {
            let record = Value::Object(Map::new());
            (Change::PutTenant { org, record }, "putOrg")
        }
        Event::TenantRemoved => (Change::DeleteTenant { org }, "deleteOrg"),
        Event::TenantsImported => {
            let change = Change::ImportTenants {
                mode: ImportMode::Upsert,
                tenants: Vec::new(),
            };
            (change, "importOrgs")
        }
        Event::IncidentOpened => {
            let incident = "INC-7".to_owned();
            (Change::OpenIncident { flag, incident }, "openIncident")
        }
        Event::IncidentClosed => {
            let incident = "INC-7".to_owned();
            (Change::CloseIncident { flag, incident }, "closeIncident")
        }
        // The controller makes them.
        Event::WatchEnded | Event::StageTimeCorrected => return None,
        Event::SignedOff => {
            let as_role = "operations".to_owned();
            (Change::SignOff { flag, as_role }, "signOff")
        }
        Event::DocumentApplied => {
            let change = Change::ApplyDocument {
                document: FlagsDocument::default(),
                prune: false,
                new_flags: NewFlags::Alpha,
            };
            (change, "applyDocument")
        }
        Event::PlanSet => {
            let plan = Value::Object(Map::new());
            (Change::SetPlan { flag, plan }, "setRolloutPlan")
        }
        Event::PlanRemoved => (Change::RemovePlan { flag }, "removeRolloutPlan"),
        Event::PlanApproved => {
            let as_role = "operations".to_owned();
            (Change::ApprovePlan { flag, as_role }, "approveRolloutPlan")
        }
        Event::PlanItemChecked => {
            let (item, is_done) = ("tests passing".to_owned(), true);
            (Change::CheckPlanItem { flag, item, is_done }, "checkRolloutItem")
        }
        Event::RolloutStarted => (Change::StartRollout { flag }, "startRollout"),
        Event::RolloutPaused => (Change::PauseRollout { flag }, "pauseRollout"),
        Event::RolloutResumed => (Change::ResumeRollout { flag }, "resumeRollout"),
        Event::StageEntered => {
            let evidence = Vec::new();
            (Change::AdvanceRollout { flag, evidence }, "advanceRollout")
        }
        Event::RolloutRolledBack => (Change::RollBackRollout { flag, to: None }, "rollBackRollout"),
        Event::RolloutCancelled => (Change::CancelRollout { flag }, "cancelRollout"),
        Event::Reported => {
            let report = Change::Report {
                flag,
                org,
                cause: "no save".to_owned(),
                ticket: None,
                text: None,
            };
            (report, "reportOfOrg")
        }
        Event::ReportClosed => (Change::CloseReport { flag, report: 7 }, "closeReport"),
        // The last advance completes a plan.
        Event::RolloutCompleted => return None,
        Event::BackupTaken
        | Event::LogLevelSet
        | Event::StoreRestored
        | Event::ConfigChanged
        | Event::PolicyChanged
        | Event::OperatorsChanged
        | Event::SignInFailed => return None,
    })
}

#[test]
fn every_change_has_a_route_with_its_permission() {
    for (event, (change, name)) in Event::ALL
        .iter()
        .filter_map(|event| Some((event, example(*event)?)))
    {
        assert_eq!(change.event(), *event, "{name}");
        let route = routes().find(|route| route.name == name).expect(name);
        assert!(matches!(route.access, Access::Change(_)), "{name}");
        assert_eq!(route.permission, change.permission(), "{name}");
        let path: Vec<&str> = route.names().collect();
        assert_eq!(path.contains(&"org"), change.org().is_some(), "{name}");
        assert_eq!(path.contains(&"flag"), change.flag().is_some(), "{name}");
    }
}

#[test]
fn route_has_the_permission_of_its_event() {
    for route in routes() {
        if let Access::Change(event) = route.access {
            let permission = match route.name {
                // The org is in the body: only staff, who may report for every org.
                "report" => Some(Permission::Operate),
                _ => example(event).map(|(change, _)| change.permission()),
            };
            assert_eq!(Some(route.permission), permission, "{}", route.name);
        }
    }
}

/// The log of an org shows the entries that name the org.
#[test]
fn events_of_an_org_have_a_name_in_its_log() {
    for event in Event::ALL {
        let is_of_org = example(event).is_some_and(|(change, _)| change.org().is_some());
        // The org is that of the report.
        let is_of_org = is_of_org || event == Event::ReportClosed;
        let has_own_name = event.org_name() != event.platform_name();
        assert_eq!(has_own_name, is_of_org, "{event:?}");
    }
}

#[test]
fn every_name_in_a_path_is_read_and_described() {
    for name in routes().flat_map(ApiRoute::names) {
        let described = PathNames::described(name);
        assert!(
            described.is_some(),
            "`{name}` is missing in control/src/api/request.rs"
        );
    }
}
