//! The verdicts that the controller gives to changes by people.

use std::sync::Arc;

use control::{Change, CheckVerdict, JudgeRollouts, LifecyclePolicy, ManagedPlan, Request, Rollouts};
use serde_json::json;
use testkit::{ControlFixture, START, SetClocks, admin_request};

const DOCUMENT: &str = "version: 1\nflags: { board: { lifecycle: ga, revertible: true } }\n";

fn managed(fixture: &ControlFixture) -> ManagedPlan {
    let flag = fixture.control.read(|state, _| state.flag("board"));
    let plan = flag.and_then(|flag| flag.state.plan.clone());
    ManagedPlan::clone(&plan.unwrap())
}

#[test]
fn verdicts_are_those_of_the_stage_in_force() {
    let fixture = ControlFixture::new(LifecyclePolicy::default(), DOCUMENT);
    let flag = || "board".to_owned();
    let plan = json!({ "stages": [
        { "name": "one", "percentage": 5, "for": "1d" },
        { "name": "two", "percentage": 50, "for": "1d" },
    ] });
    fixture.apply(Change::SetPlan { flag: flag(), plan }).unwrap();
    fixture.apply(Change::StartRollout { flag: flag() }).unwrap();
    let clocks = SetClocks::new(START, 0);
    let rollouts = Rollouts::new(Arc::clone(&fixture.control), None, clocks.read());
    let first = managed(&fixture);
    assert_eq!(rollouts.verdicts("board", &first), []);
    rollouts.count();
    rollouts.advance();
    let verdicts = rollouts.verdicts("board", &first);
    assert_eq!(
        (verdicts.len(), verdicts[0].verdict),
        (1, CheckVerdict::Inconclusive)
    );

    // The verdicts about one stage say nothing about the next one.
    let evidence = Vec::new();
    let request = Request {
        force: true,
        ..admin_request(Change::AdvanceRollout {
            flag: flag(),
            evidence,
        })
    };
    fixture.control.apply(&request).unwrap();
    assert_eq!(rollouts.verdicts("board", &managed(&fixture)), []);
}
