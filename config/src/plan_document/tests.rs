use super::*;
use crate::render::Colour;
use crate::value_json::ToJson as _;

/// The plan of the design page.
const WHOLE: &str = r#"
ticket: OPS-1287
stages:
  - { name: internal, audience: { attribute: internal, eq: true }, percentage: 100, for: 1d }
  - { name: beta,     lifecycle: beta, audience: { segment: beta-testers }, percentage: 5, for: 4d }
  - { name: quarter,  lifecycle: ga, percentage: 25, for: 2d }
  - { name: half,     percentage: 50, for: 2d, advance: manual, window: [ { days: sat, zone: UTC } ] }
  - { name: all,      percentage: 100, for: 2d, checks: [ { name: fast, p50: { above: 250ms }, then: notify } ] }
checks:
  - { name: errors,   error_rate: { above: 1% },           then: pause }
  - { name: slow,     p95: { above: 2s },                  then: notify }
  - { name: slower,   p95: { worse_than_control: 20% },    then: rollback }
  - { name: memory,   prometheus: { query: "max(container_memory_ratio{app=\"board\"})", above: 0.9 }, then: rollback }
  - { name: reports,  reports: { same_cause: 2 },          then: pause }
minimum: { requests: 400, tenants: 2 }
window: [ { days: mon-thu, from: "09:00", until: "16:00", zone: Europe/Berlin }, { days: [fri, sun], until: 12:00, zone: UTC } ]
approvals: [technical, operations, product]
checklist: [code reviewed, tests passing, staging tested, support informed]
rollback: exposure
finish: { default: on }
by: user
serve: blue
errors: [429]
alpha: 0.01
cap: 5
patience: 36h
breaker: { errors: 50%, requests: 20, for: 15m, dry_run: true }
"#;

fn report(text: &str) -> String {
    let report = plan_document("plan.yaml", text.as_bytes()).unwrap_err();
    report.render(Colour::Never)
}

/// A plan with one stage and these further fields.
fn with(more: &str) -> String {
    format!("stages: [{{ name: all, percentage: 100, for: 1d }}]\n{more}\n")
}

/// Every line of the text is the title of a problem.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let report = plan_document("plan.yaml", text.as_bytes()).unwrap_err();
    let titles: Vec<&str> = report
        .problems()
        .iter()
        .map(|problem| problem.title.as_str())
        .collect();
    assert_eq!(titles, expected, "{}", report.render(Colour::Never));
    assert!(
        report.problems().iter().all(|problem| problem.help.is_some()),
        "{report}"
    );
}

#[test]
fn a_whole_plan_is_read_and_written_as_it_was() {
    let document = plan_document("plan.yaml", WHOLE.as_bytes()).unwrap();
    let plan = document.plan;
    assert_eq!(plan.stages.len(), 5);
    assert_eq!(plan.stages[1].lifecycle, Some(rules::Lifecycle::Beta));
    assert_eq!(plan.stages[1].for_ms, 4 * 86_400_000);
    assert_eq!(plan.checks[4].metric, crate::Metric::Reports { same_cause: 2 });
    assert_eq!(plan.checks_of(4).count(), 6);
    // Without a control arm the comparison does not apply.
    assert_eq!(plan.applicable_checks(4).count(), 5);
    assert_eq!(plan.applicable_checks(3).count(), 5);
    assert_eq!(plan.window_of(0).len(), 2);
    assert_eq!(plan.window_of(3).len(), 1);
    // Two of the five checks of an internal stage are statistical, three of a divided one.
    assert!((plan.alpha_of(0) - 0.01 / 5.0 / 2.0).abs() < 1e-12);
    assert!((plan.alpha_of(1) - 0.01 / 5.0 / 3.0).abs() < 1e-12);
    let written = plan.to_json();
    assert_eq!(read_plan(&written), Some(plan.clone()), "{written:#}");
    assert_eq!(read_plan(&document.value), Some(plan));
}

#[test]
fn only_stages_are_required() {
    let plan = plan_document("plan.yaml", with("").as_bytes()).unwrap().plan;
    assert_eq!(plan.checks.len(), 1);
    assert_eq!(
        plan.checks[0].metric,
        crate::Metric::ErrorRate(crate::Bound::Above(rules::Decimal::from(1_u64)))
    );
    assert_eq!((plan.minimum.requests, plan.minimum.tenants), (500, 3));
    assert_eq!((plan.cap, plan.patience_ms), (20, 2 * 86_400_000));
    assert_eq!(plan.rollback, crate::Rollback::Kill);
    assert_eq!(plan.alpha, rules::Decimal::parse("0.005").unwrap());
    assert_eq!(read_plan(&plan.to_json()), Some(plan));
}

#[test]
fn an_empty_plan_names_what_is_required() {
    for text in ["", "# only a comment\n"] {
        let report = report(text);
        assert!(
            report.contains(
                "help: only `stages` is required; `sluice rollout plan FLAG --template careful` prints"
            ),
            "{report}"
        );
        assert!(!report.contains("version"), "{report}");
    }
}

#[test]
fn every_problem_of_a_plan_is_reported_at_once() {
    check(
        "stages:\n  - { name: a, percentage: 0, for: 1d }\n  - { name: b, percentage: 10, for: 1d, advanse: manual }\n  \
         - { name: c, percentage: 20 }\nchecks:\n  - { name: x, p96: { above: 2s } }\n  - { name: y, p95: { above: 2% } }\n  \
         - { name: z, error_rate: { above: 1%, worse_than_control: 2% } }\nwindow: [ { zone: Europe/Berln } ]\nrolback: kill\n",
        &[
            "a stage can't have 0 % of its audience",
            "a stage has no field `advanse`",
            "a stage needs the field `for`",
            "a check has no field `p96`",
            "`above` takes a duration, not `2%`",
            "a bound of a rate can have only one of `above` and `worse_than_control`",
            "there is no time zone `Europe/Berln`",
            "a rollout plan has no field `rolback`",
        ],
    );
}

#[test]
fn an_unknown_field_is_explained_with_its_place() {
    let report =
        report("stages: [{ name: a, percentage: 5, for: 1d }]\nchecks: [{ name: x, p96: { above: 2s } }]\n");
    assert!(report.contains("did you mean `p9"), "{report}");
    assert!(report.contains("plan.yaml:2:21"), "{report}");
}

#[test]
fn a_percentage_only_rises_within_an_audience() {
    let stages = |stages: &str| format!("stages: [{stages}]\n");
    check(
        &stages("{ name: a, percentage: 25, for: 1d }, { name: b, percentage: 25, for: 1d }"),
        &["stage `b` admits nobody: stage `a` has 25 % of the same subjects"],
    );
    check(
        &stages("{ name: a, percentage: 25, for: 1d }, { name: b, percentage: 5.5, for: 1d }"),
        &["stage `b` admits nobody: stage `a` has 25 % of the same subjects"],
    );
    let audience = "audience: { segment: s }, for: 1d";
    check(
        &stages(&format!(
            "{{ name: all, percentage: 100, for: 1d }}, {{ name: b, percentage: 5, {audience} }}"
        )),
        &["stage `b` admits nobody: stage `all` has 100 % of the same subjects"],
    );
    // Another audience may have a lower percentage; a promotion makes more tenants eligible.
    let fine = [
        format!("{{ name: a, percentage: 100, {audience} }}, {{ name: b, percentage: 5, for: 1d }}"),
        "{ name: a, percentage: 100, for: 1d }, { name: b, lifecycle: ga, percentage: 100, for: 1d }"
            .to_owned(),
    ];
    for fine in fine {
        assert!(
            plan_document("plan.yaml", stages(&fine).as_bytes()).is_ok(),
            "{fine}"
        );
    }
}

#[test]
fn a_stage_without_an_applicable_check_is_refused() {
    check(&with("checks: []"), &["stage `all` has no check"]);
    check(
        &with("checks: [{ name: slower, p95: { worse_than_control: 20% } }]"),
        &["no check applies to stage `all`: at 100 % there is no control arm to compare with"],
    );
}

#[test]
fn names_are_unique_in_their_list() {
    let stage = "{ name: a, percentage: 5, for: 1d, checks: [{ name: errors, p50: { above: 1s } }] }";
    check(
        &format!(
            "stages: [{stage}, {{ name: a, percentage: 6, for: 1d }}]\nchecks: [{{ name: errors, p95: {{ above: 1s }} }}]\n\
             approvals: [ops, ops]\nchecklist: [x, x]\n"
        ),
        &[
            "`errors` is twice in `checks`",
            "`a` is twice in `stages`",
            "`ops` is twice in `approvals`",
            "`x` is twice in `checklist`",
        ],
    );
}

#[test]
fn lifecycles_of_stages_follow_each_other() {
    check(
        "stages: [{ name: a, lifecycle: ga, percentage: 5, for: 1d }, { name: b, lifecycle: beta, percentage: 6, for: 1d }, \
         { name: c, lifecycle: retired, percentage: 7, for: 1d }]\n",
        &[
            "stage `b` promotes to beta, but stage `a` has reached ga",
            "stage `c` can't retire the flag: a plan ends before",
        ],
    );
}

#[test]
fn a_finish_needs_a_last_stage_of_everyone() {
    check(
        "stages: [{ name: a, percentage: 50, for: 1d }]\nfinish: { default: on }\n",
        &["`finish` writes the default for everyone, but the last stage, `a`, has only a part of them"],
    );
}

#[test]
fn a_window_over_midnight_is_refused() {
    check(
        &with(
            "window: [{ from: \"22:00\", until: \"06:00\", zone: UTC }, { from: 25:00, days: mo, zone: UTC }]",
        ),
        &[
            "the window ends at 06:00, not after 22:00",
            "`25:00` is no time of the day",
            "`mo` are no days of the week",
        ],
    );
}

#[test]
fn numbers_have_limits() {
    let problems = |more: &str| {
        plan_document("plan.yaml", with(more).as_bytes())
            .unwrap_err()
            .errors()
    };
    for more in [
        "alpha: 0.6",
        "alpha: 0",
        "cap: 0",
        "patience: 0s",
        "errors: [99]",
        "breaker: { errors: 0% }",
        "breaker: { errors: 101% }",
        "breaker: { errors: 50%, for: 400d }",
        "minimum: { requests: -1 }",
        "checks: [{ name: a, error_rate: { above: 100% } }]",
        "checks: [{ name: a, reports: { same_cause: 0 } }]",
        "checks: [{ name: a, p95: { above: 11m } }]",
        "approvals: [a, b, c, d, e, f, g, h, i, j, k]",
    ] {
        assert_eq!(problems(more), 1, "{more}");
    }
}

#[test]
fn a_plan_of_a_flag_is_a_field_of_a_document() {
    let parse = |text: &str| crate::FlagsDocument::parse("flags.yaml", text.as_bytes());
    let flag = |plan: &str| format!("version: 1\nflags:\n  board:\n    plan: {plan}\n");
    let document = parse(&flag("{ stages: [{ name: all, percentage: 100, for: 1d }] }")).unwrap();
    let plan = document.flags["board"].plan.as_deref().unwrap();
    assert_eq!(plan, r#"{"stages":[{"name":"all","percentage":100,"for":"1d"}]}"#);
    assert_eq!(
        document.flags["board"].to_json()["plan"]["stages"][0]["for"],
        "1d"
    );
    let report = parse(&flag("{ stages: [{ name: all, percentage: 101, for: 1d }] }")).unwrap_err();
    assert!(report.to_string().contains("flags.yaml:4:47"), "{report}");
}
