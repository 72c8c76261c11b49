//! The list of rollout plans, the page of a plan, and its operations.

use axum::http::StatusCode;
use control::{ArmName, Change, Role};
use serde_json::json;

use crate::measured_site::{Load, MeasuredSite, ROLLOUT};
use crate::site::Site;

const DOCUMENT: &str = "version: 1\nflags: { board: { lifecycle: ga } }\ntenants: { acme: {} }\n";
const MINUTE: i64 = 60_000;

/// A plan that asks for an item before its start.
fn prepared() -> MeasuredSite {
    MeasuredSite::draft(&json!({
        "stages": [{ "name": "all", "percentage": 100, "for": "1h" }],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" } }],
        "checklist": ["tests <b>passing</b>"],
    }))
}

#[test]
fn a_flag_without_a_plan_shows_the_first_command() {
    let site = Site::new(DOCUMENT);
    let page = site.get(ROLLOUT);
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "This flag has no rollout plan",
        "It changes nothing until you start it.",
        "sluice rollout plan board --template fast",
        "name=\"document\"",
        "error_rate: { above: 1% }",
    ]);
    site.get("/platform/rollouts")
        .says(&["No flag has a rollout plan", "sluice rollout plan FLAG"]);
}

#[test]
fn the_first_plan_fits_the_state_of_the_flag() {
    for (state, template) in [("alpha", "careful"), ("beta", "careful"), ("ga", "fast")] {
        let site = Site::new(&format!(
            "version: 1\nflags: {{ board: {{ lifecycle: {state}, revertible: true, revert: RUN-7 }} }}\n\
             tenants: {{ ours: {{ internal: true }} }}\n"
        ));
        let page = site.get(ROLLOUT);
        page.says(&[
            &format!("Template: <code>{template}</code>"),
            &format!("--template {template}"),
        ]);
        let fields = [
            ("operation", "rollout-plan"),
            ("flag", "board"),
            ("document", &*page.text_area()),
        ];
        let preview = site.change("/platform/changes/preview", &fields);
        assert_eq!(preview.status, StatusCode::OK, "{state}: {}", preview.text);
    }
}

#[test]
fn the_first_plan_asks_for_approvals_of_operators() {
    let site = Site::new("version: 1\nflags: { board: { lifecycle: beta } }\n");
    site.get(ROLLOUT).says(&["\n# approvals: [technical"]);
    site.visit_as(Role::PlatformAdmin, None);
    site.get(ROLLOUT).says(&["\napprovals: [technical"]);
}

#[test]
fn a_plan_is_set_from_its_text() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "rollout-plan"),
        ("flag", "board"),
        ("document", "stages: [{ name: half, percentage: 50, for: 1h }]"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    preview.says(&[
        "Set the rollout plan of board",
        "0 of 1 tenant change",
        ">Set the rollout plan of board</button>",
    ]);
    let revision = preview.value_of("revision");
    let mut confirmed = fields.to_vec();
    confirmed.extend([("revision", &*revision), ("reason", "REL-12")]);
    let applied = site.change("/platform/changes", &confirmed);
    assert!(applied.location().starts_with(ROLLOUT), "{}", applied.location());
    site.get(applied.location()).says(&[
        "<bdi>Set the rollout plan of board</bdi>",
        "half",
        "a person has to start the plan",
        "plan set",
        "REL-12",
        "stages",
    ]);
}

#[test]
fn problems_of_a_plan_have_lines_and_the_text_stays() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "rollout-plan"),
        ("flag", "board"),
        (
            "document",
            "stages:\n  - { name: half, percentage: 200, for: 1h }\nnonsense: <i>",
        ),
    ];
    for path in ["/platform/changes/preview", "/platform/changes"] {
        let refused = site.change(path, &fields);
        assert!(refused.status.is_client_error(), "{}", refused.status);
        refused.says(&[
            "Refused, nothing was changed",
            "Line 2:",
            "Line 3:",
            "<textarea id=\"document\"",
            "nonsense: &#60;i&#62;</textarea>",
        ]);
        refused.hides(&["class=\"primary\""]);
    }
    site.get(ROLLOUT).says(&["This flag has no rollout plan"]);
}

#[test]
fn a_plan_is_prepared_by_its_checklist() {
    let measured = prepared();
    measured.page().says(&[
        "approved",
        "these items of the checklist are open",
        "tests &#60;b&#62;passing&#60;/b&#62;",
        "no control arm",
        "to come",
    ]);
    let start = [("operation", "rollout-start"), ("flag", "board")];
    let refused = measured.site.change("/platform/changes/preview", &start);
    refused.says(&["CHECKLIST_OPEN", "Refused, nothing was changed"]);
    let item = ("item", "tests <b>passing</b>");
    measured.operate(&[("operation", "rollout-check"), item]);
    measured
        .operate(&[("operation", "rollout-check"), item, ("open", "true")])
        .says(&["these items of the checklist are open"]);
    measured.operate(&[("operation", "rollout-check"), item]);
    let approve = [
        ("operation", "rollout-approve"),
        ("flag", "board"),
        ("role", "product"),
    ];
    let refused = measured.site.change("/platform/changes/preview", &approve);
    refused.says(&[
        "Approve the plan of board for product",
        "Refused, nothing was changed",
    ]);
    measured.operate(&[("operation", "rollout-start")]).says(&[
        "running",
        "started",
        "REL-12 &#60;go&#62;",
        "aria-current=\"step\"",
    ]);
}

#[test]
fn a_running_plan_shows_checks_arms_and_charts() {
    let measured = MeasuredSite::running();
    measured.look();
    measured.count_arms(30, 0);
    let page = measured.page();
    page.says(&[
        "running",
        "REL-12",
        "stage 1 of 2",
        " left",
        "of the stage are left",
        "limit 1 %",
        "limit +20 %",
        "limit 2 s",
        ">Value and limit</th><th scope=\"col\" role=\"columnheader\">Evidence of harm</th>",
        "<span class=\"sub\">1 of ",
        "A check fails when it reaches the second number.",
        "Run the checks now",
        ">Event</th>",
        "Share of errors</title>",
        "class=\"line\"",
        "class=\"line control\"",
        "class=\"band\"",
        "class=\"bound\"",
        "Subjects: 10 in treatment, 10 in control;",
        "50 % are expected in treatment.",
        "data-live=\"tick\"",
        "<caption class=\"hidden\">The numbers of the charts</caption>",
        "data-label=\"Requests\">3000</td><td role=\"cell\" class=\"num\" data-label=\"Errors\">0</td>",
    ]);
    for absent in ["style=", "NaN", "inf%"] {
        assert!(!page.text.contains(absent), "{absent}: {}", page.text);
    }
    for range in ["1h", "6h", "24h"] {
        let page = measured.site.get(&format!("{ROLLOUT}?range={range}"));
        page.says(&[&format!("?range={range}\" aria-current=\"true\"")]);
    }
    let list = measured.site.get("/platform/rollouts");
    list.says(&[
        "board",
        "REL-12",
        "running",
        "half",
        "stage 1 of 2, 50 %",
        " left",
    ]);
}

#[test]
fn a_page_of_a_day_of_minutes_is_small() {
    let measured = MeasuredSite::running();
    measured.look();
    for _ in 0..1_500 {
        measured.wait(MINUTE - 5_000);
        measured.count(&[
            Load::healthy(ArmName::Treatment, 0),
            Load::healthy(ArmName::Control, 100),
        ]);
    }
    let page = measured.site.get(&format!("{ROLLOUT}?range=24h"));
    page.says(&["class=\"line\""]);
    assert!(page.text.len() < 200 * 1024, "{}", page.text.len());
}

#[test]
fn a_plan_that_a_check_paused_says_why() {
    let measured = MeasuredSite::running();
    measured.look();
    measured.count_arms(30, 5);
    let page = measured.page();
    page.says(&[
        "paused",
        "Paused by the check <code>errors</code>",
        "fails",
        "class=\"errors\"",
        "the evidence against it is sufficient",
        "a person has to resume the plan",
        "Tenants with the most errors",
        "<bdi>tenant-3</bdi>",
        "on hold",
    ]);
    measured
        .operate(&[("operation", "rollout-cancel")])
        .says(&["cancelled", "REL-12 &#60;go&#62;"]);
    measured
        .operate(&[("operation", "rollout-remove-plan")])
        .says(&["This flag has no rollout plan"]);
}

#[test]
fn a_paused_plan_is_resumed_and_advanced() {
    let measured = MeasuredSite::running();
    let paused = measured.operate(&[("operation", "rollout-pause")]);
    paused.says(&["paused", "Paused by <bdi>", "on hold", "Resume"]);
    measured
        .operate(&[("operation", "rollout-resume")])
        .says(&["running", "resumed"]);
    let advance = [("operation", "rollout-advance"), ("flag", "board")];
    let refused = measured.site.change("/platform/changes/preview", &advance);
    refused.says(&["STAGE_NOT_ELAPSED"]);
    measured
        .operate(&[("operation", "rollout-advance"), ("skip_conditions", "true")])
        .says(&["stage 2 of 2", "stage entered", "advances by hand"]);
}

#[test]
fn a_rolled_back_plan_shows_the_stage_in_red() {
    let measured = MeasuredSite::running();
    let page = measured.operate(&[("operation", "rollout-rollback"), ("to", "exposure")]);
    page.says(&["rolled back", "<li class=\"bad\"", "REL-12 &#60;go&#62;"]);
    for gone in [
        "value=\"rollout-pause\"",
        "value=\"rollout-advance\"",
        "value=\"rollout-tick\"",
        "value=\"rollout-cancel\"",
    ] {
        assert!(!page.text.contains(gone), "{gone}");
    }
}

#[test]
fn a_rollback_says_what_it_did() {
    for (to, said, share) in [
        ("exposure", "Rolled back to 0 % by <bdi>", "0 %"),
        ("previous", "Rolled back to the stage before by <bdi>", "50 %"),
        ("kill", "Rolled back, and the flag killed, by <bdi>", "50 %"),
    ] {
        let measured = MeasuredSite::running();
        if to == "previous" {
            measured.operate(&[("operation", "rollout-advance"), ("skip_conditions", "true")]);
        }
        let page = measured.operate(&[("operation", "rollout-rollback"), ("to", to)]);
        page.says(&[
            said,
            &format!("<bdi>half</bdi> <span class=\"share\">{share}</span>"),
        ]);
        let list = measured.site.get("/platform/rollouts");
        list.says(&[">Status</th>", "Rolled back by <bdi>"])
            .hides(&["50 %"]);
    }
}

#[test]
fn a_tick_is_one_step_and_says_what_is_missing() {
    let measured = MeasuredSite::running();
    let tick = [("operation", "rollout-tick"), ("flag", "board")];
    let ticked = measured.site.change("/platform/changes", &tick);
    let page = measured.site.get(ticked.location());
    page.says(&[
        "Nothing to change:",
        "Run the checks of board",
        "of the stage are left",
    ]);
    // A look at a plan has no dry run: its form has no preview.
    let preview = measured.site.change("/platform/changes/preview", &tick);
    preview.hides(&["class=\"primary\""]);
    let unplanned = prepared();
    unplanned.operate(&[("operation", "rollout-remove-plan")]);
    unplanned
        .site
        .change("/platform/changes", &tick)
        .says(&["PLAN_NOT_FOUND", "Refused, nothing was changed"]);
}

#[test]
fn a_change_that_another_made_meanwhile_is_done() {
    let measured = MeasuredSite::running();
    let pause = [("operation", "rollout-pause"), ("flag", "board")];
    let revision = measured
        .site
        .change("/platform/changes/preview", &pause)
        .value_of("revision");
    measured.change(Change::PauseRollout { flag: "board".into() });
    let mut confirmed = pause.to_vec();
    confirmed.extend([("revision", &*revision), ("reason", "it is slow")]);
    let conflict = measured.site.change("/platform/changes", &confirmed);
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    conflict
        .says(&["Others changed something", "Nothing to change."])
        .hides(&["confirm again"]);
}

#[test]
fn a_rollback_as_planned_names_its_effect() {
    let plan = "rollback: exposure\nstages: [{ name: half, percentage: 50, for: 1h }]";
    for (plan, effect) in [
        (plan, "to 0 %"),
        (plan.split_once('\n').unwrap().1, "kill the flag"),
    ] {
        let site = Site::new(DOCUMENT);
        for operation in [
            vec![
                ("operation", "rollout-plan"),
                ("flag", "board"),
                ("document", plan),
            ],
            vec![("operation", "rollout-start"), ("flag", "board")],
        ] {
            let applied = site.change("/platform/changes", &operation);
            assert_eq!(applied.status, StatusCode::SEE_OTHER, "{}", applied.text);
        }
        site.get(ROLLOUT)
            .says(&[&format!(">as planned: {effect}</option>")]);
    }
}

#[test]
fn a_viewer_sees_the_plan_without_forms() {
    let measured = MeasuredSite::running();
    measured.look();
    measured.count_arms(5, 0);
    let shown = measured.page();
    shown.says(&["value=\"rollout-pause\"", "name=\"document\""]);
    let token = shown.value_of("form_token");
    measured.site.visit_as(Role::Viewer, None);
    let page = measured.page();
    page.says(&["running", "limit 1 %", "The plan"]);
    for absent in [
        "<form method=\"post\" action=\"/platform/changes",
        "<textarea",
        "value=\"rollout-",
        // The lines of the plan are lines.
        "\\u{a}",
    ] {
        assert!(!page.text.contains(absent), "{absent}: {}", page.text);
    }
    let pause = [
        ("form_token", &*token),
        ("operation", "rollout-pause"),
        ("flag", "board"),
    ];
    let refused = measured.site.submit("/platform/changes", &pause);
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    measured.page().says(&["running"]);
    let unplanned = Site::new(DOCUMENT);
    unplanned.visit_as(Role::Viewer, None);
    let page = unplanned.get(ROLLOUT);
    page.says(&["This flag has no rollout plan"]);
    assert!(!page.text.contains("<textarea"), "{}", page.text);
}

#[test]
fn a_role_approves_a_plan_once() {
    let measured = MeasuredSite::with_operators(&json!({
        "stages": [{ "name": "all", "percentage": 100, "for": "1h" }],
        "approvals": ["technical", "product"],
    }));
    let page = measured.page();
    page.says(&[
        "draft",
        "these roles have not approved the plan: technical, product",
        "aria-label=\"Approve the plan of board for product\"",
    ]);
    measured
        .operate(&[("operation", "rollout-approve"), ("role", "product")])
        .says(&[
            "these roles have not approved the plan: technical",
            "approved for",
        ]);
    let second = [
        ("operation", "rollout-approve"),
        ("flag", "board"),
        ("role", "technical"),
    ];
    let refused = measured.site.change("/platform/changes/preview", &second);
    refused.says(&["APPROVAL_TAKEN", "Refused, nothing was changed"]);
    let start = [("operation", "rollout-start"), ("flag", "board")];
    let refused = measured.site.change("/platform/changes/preview", &start);
    refused.says(&["APPROVAL_MISSING"]);
}

#[test]
fn a_viewer_is_offered_no_operation_in_any_state() {
    let operated = |operation: &str| {
        let measured = MeasuredSite::running();
        measured.operate(&[("operation", operation)]);
        measured
    };
    for (state, measured) in [
        ("approved", prepared()),
        ("running", MeasuredSite::running()),
        ("paused", operated("rollout-pause")),
        ("rolled back", operated("rollout-rollback")),
        ("cancelled", operated("rollout-cancel")),
    ] {
        measured.page().says(&[state, "value=\"rollout-"]);
        measured.site.visit_as(Role::Viewer, None);
        let page = measured.page();
        page.says(&[state]);
        assert!(!page.text.contains("value=\"rollout-"), "{state}: {}", page.text);
    }
}

#[test]
fn the_audit_log_of_a_rollback_begins_with_its_reason() {
    let measured = MeasuredSite::running();
    measured.operate(&[("operation", "rollout-rollback"), ("to", "exposure")]);
    let page = measured
        .site
        .get("/platform/audit?action=platform.feature_flag_rollout_rolled_back");
    let places = [
        "<p class=\"reason\">“<bdi>REL-12 &#60;go&#62;</bdi>”</p>",
        "State of the rollout plan</span>\n      <code>running</code> → <code>rolled back</code>",
        "Percentage of stage 1</span>\n      <code>50</code> → <code>0</code>",
        "<summary>Details</summary>",
        "Rollout plan › run › clock › since",
    ];
    let places = places.map(|text| {
        page.text
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", page.text))
    });
    assert!(places.is_sorted(), "{places:?}: {}", page.text);
}
