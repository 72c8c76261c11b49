//! Tests of warnings about gates that can't open and unused flags.

use std::fs;

use rules::{Eligibility, Snapshot, WarningKind, lint};

use crate::test_subject::load_stored;

/// Returns the warnings about a route with `gate` over `flags` and `tenants`, while the flags header lists the flags of
/// the route.
fn warnings(environment: &str, gate: &str, flags: &str, tenants: &str) -> Vec<WarningKind> {
    warnings_with_header("route", environment, (gate, flags, tenants))
}

fn warnings_with_header(
    include: &str,
    environment: &str,
    (gate, flags, tenants): (&str, &str, &str),
) -> Vec<WarningKind> {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1
environment: {environment}
listeners: [{{ name: public, address: '127.0.0.1:0' }}]
flags: {{ file: flags.yaml }}
issuers:
  - {{ issuer: i, audiences: [a], algorithms: [RS256], keys: {{ jwks_url: 'https://i.example/keys' }}, claims: {{ tenant: t }} }}
upstreams: {{ legacy: '127.0.0.1:1' }}
headers: {{ flags: {{ include: {include} }} }}
routes:
  - {{ name: r, match: /r, gate: {gate}, upstream: legacy }}
"
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    let document = format!("version: 1\ntiers: [t1]\nflags: {{ {flags} }}\ntenants: {{ {tenants} }}\n");
    fs::write(folder.path().join("flags.yaml"), document).unwrap();
    match config::load(&folder.path().join("sluice.yaml"), &|_| None) {
        Ok(loaded) => kinds(&loaded.snapshot),
        Err(report) => panic!("{}", report.render(config::Colour::Never)),
    }
}

fn kinds(snapshot: &Snapshot) -> Vec<WarningKind> {
    let warnings = lint(snapshot).into_iter();
    warnings.map(|warning| warning.kind).collect()
}

/// Returns the reason why the gate `f` can't open in production; `None` if it may.
fn never_open(flags: &str, tenants: &str) -> Option<String> {
    gate_never_opens("production", "f", flags, tenants)
}

fn gate_never_opens(environment: &str, gate: &str, flags: &str, tenants: &str) -> Option<String> {
    warnings(environment, gate, flags, tenants)
        .into_iter()
        .find_map(|kind| match kind {
            WarningKind::NeverOpen { reason, .. } => Some(reason),
            _ => None,
        })
}

#[test]
fn a_dark_alpha_flag_is_no_mistake() {
    for alpha in [
        "f: {}",
        "f: { default: on }",
        "f: { lifecycle: alpha, tiers: { t1: on } }",
    ] {
        for tenants in ["", "a: { overrides: { f: off } }", "a: { internal: true }"] {
            assert_eq!(never_open(alpha, tenants), None, "{alpha} {tenants}");
            assert_eq!(gate_never_opens("staging", "f", alpha, tenants), None);
        }
    }
    let killed = never_open("f: { enabled: false }", "");
    assert_eq!(killed, Some("`f` is killed".to_owned()));
    let required = never_open("f: { requires: [g] }, g: { lifecycle: ga }", "");
    let reason = "`f` requires `g`, which serves nothing but its off variant";
    assert_eq!(required, Some(reason.to_owned()));
}

#[test]
fn a_beta_flag_needs_an_eligible_tenant() {
    let beta = "f: { lifecycle: beta, default: on }";
    let reason = Some("`f` is beta and no tenant is on its allowlist, opted in or internal".to_owned());
    assert_eq!(
        never_open(
            beta,
            "a: { channel: latest }, b: { beta: [f] }, c: { overrides: { f: on } }"
        ),
        reason
    );
    assert_eq!(never_open(beta, "a: { channel: latest, beta: [f] }"), None);
    assert_eq!(never_open(beta, "a: { opt_in: [f] }"), None);
}

#[test]
fn a_plan_that_has_not_started_may_open_its_gate() {
    let gateway = "version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
flags: { store: { sqlite: data } }
upstreams: { legacy: '127.0.0.1:1' }
routes: [{ name: r, match: /r, auth: optional, gate: f, upstream: legacy }]
";
    let is_warned = |stages: serde_json::Value| {
        let flag = serde_json::json!({ "lifecycle": "ga", "exposure": { "stages": stages } });
        let flag = config::JsonEdit::Flag("f".to_owned(), Some(flag));
        let catalog = config::Catalog::of_json(Eligibility::Enforced, &[flag]).unwrap();
        let path = std::path::PathBuf::from("sluice.yaml");
        let files = config::Files::Memory([(path.clone(), gateway.into())].into());
        let loaded = config::load_managed(files, &path, &|_| None, catalog.compiled(), 0).unwrap();
        let warnings = kinds(&loaded.snapshot);
        warnings
            .iter()
            .any(|kind| matches!(kind, WarningKind::NeverOpen { .. }))
    };
    assert!(!is_warned(serde_json::json!([])));
    assert!(!is_warned(
        serde_json::json!([{ "name": "one", "percentage": 5 }])
    ));
    // It was rolled back.
    assert!(is_warned(serde_json::json!([{ "name": "one", "percentage": 0 }])));
}

#[test]
fn flag_that_serves_only_off_closes_its_gate() {
    let nothing = Some("`f` serves nothing but its off variant".to_owned());
    assert_eq!(never_open("f: { lifecycle: ga }", "a: {}"), nothing);
    assert_eq!(
        never_open("f: { lifecycle: ga, rollout: { percentage: 0 } }", ""),
        nothing
    );
    assert_eq!(
        never_open("f: { lifecycle: ga, tiers: { t1: off } }", "a: { opt_out: [f] }"),
        nothing
    );
    assert_eq!(
        never_open("f: { lifecycle: ga, rollout: { percentage: 0.001 } }", ""),
        None
    );
    assert_eq!(never_open("f: { lifecycle: ga, tiers: { t1: on } }", ""), None);
    assert_eq!(
        never_open("f: { lifecycle: ga }", "a: { overrides: { f: on } }"),
        None
    );
    assert_eq!(never_open("f: { lifecycle: ga }", "a: { opt_in: [f] }"), None);
    let rule = "f: { lifecycle: ga, rules: [{ when: { attribute: x, eq: 1 }, serve: { split: { on: 1, off: 99 } } }] }";
    assert_eq!(never_open(rule, ""), None);
}

#[test]
fn closed_required_flag_closes_the_gate() {
    assert_eq!(
        never_open("f: { lifecycle: ga, default: on, enabled: false }", ""),
        Some("`f` is killed".to_owned())
    );
    let chain = "f: { lifecycle: ga, default: on, requires: [g] }, g: { lifecycle: ga, default: on, requires: [h] }, h: { lifecycle: ga, enabled: false }";
    let reason = "`f` requires `g`, which requires `h`, which is killed";
    assert_eq!(never_open(chain, ""), Some(reason.to_owned()));
    assert_eq!(
        never_open("f: { lifecycle: retired, final: off }", ""),
        Some("`f` is retired and its final variant is off".to_owned())
    );
    assert_eq!(never_open("f: { lifecycle: retired }", ""), None);
}

#[test]
fn lint_combines_the_parts_of_all_and_any() {
    let flags = "f: { lifecycle: ga, default: on }, g: { lifecycle: ga }";
    let shut = |gate| gate_never_opens("production", gate, flags, "");
    assert!(shut("{ all: [f, g] }").is_some());
    assert_eq!(shut("{ any: [f, g] }"), None);
    assert_eq!(shut("{ all: [f, { not: g }] }"), None);
    assert_eq!(shut("{ flag: g, is: off }"), None);
    assert!(shut("{ any: [g, { all: [g, f] }] }").is_some());
}

#[test]
fn a_variant_never_served_closes_its_gate_and_dependents() {
    let flags = "t: { lifecycle: ga, variants: { off: 0, blue: 1, green: 2 }, default: { split: { blue: 100, green: 0 } } }, f: { lifecycle: ga, default: on, requires: [{ flag: t, is: green }] }";
    let shut = |gate| gate_never_opens("production", gate, flags, "");
    assert_eq!(
        shut("{ flag: t, is: green }"),
        Some("`t` never serves green".to_owned())
    );
    assert_eq!(shut("{ flag: t, is: blue }"), None);
    assert_eq!(shut("t"), None);
    assert_eq!(
        shut("f"),
        Some("`f` requires `t`, which never serves green".to_owned())
    );
    let retired = "f: { lifecycle: retired, variants: { off: 0, a: 1, b: 2 }, final: a }";
    let shut = |gate| gate_never_opens("production", gate, retired, "");
    assert_eq!(
        shut("{ flag: f, is: b }"),
        Some("`f` is retired and its final variant is a".to_owned())
    );
    assert_eq!(shut("{ flag: f, is: a }"), None);
    let nothing = "f: { lifecycle: ga, default: { split: { on: 0, off: 100 } } }";
    assert_eq!(
        never_open(nothing, ""),
        Some("`f` serves nothing but its off variant".to_owned())
    );
}

#[test]
fn lint_applies_the_policy_of_opt_ins() {
    let beta = "f: { lifecycle: beta, default: on } }\npolicy: { beta_opt_in: false";
    assert!(never_open(beta, "a: { opt_in: [f] }").is_some());
}

#[test]
fn a_flag_is_used_by_a_gate_or_by_a_flag_in_use() {
    let flags = "f: { lifecycle: ga, default: on, requires: [g] }, g: { lifecycle: ga, default: on }, h: { lifecycle: ga }, old: { lifecycle: retired }";
    let unused = |include| -> Vec<String> {
        let warnings = warnings_with_header(include, "production", ("f", flags, ""));
        let unused = warnings.into_iter().filter_map(|kind| match kind {
            WarningKind::UnusedFlag { flag } => Some(flag),
            _ => None,
        });
        unused.collect()
    };
    assert_eq!(unused("route"), ["h"]);
    assert_eq!(unused("[h]"), [""; 0]);
    assert_eq!(unused("all"), [""; 0]);
}

#[test]
fn stages_that_admit_no_subject_close_the_gate() {
    let nothing = Some("`f` serves nothing but its off variant".to_owned());
    let check = |flag: &str, expected: &Option<String>| {
        let folder = tempfile::tempdir().unwrap();
        let gateway = "version: 1\nlisteners: [{ name: p, address: '127.0.0.1:0' }]\nflags: { file: flags.yaml }\n\
                       upstreams: { u: '127.0.0.1:1' }\n\
                       routes: [{ name: r, match: /r, gate: f, upstream: u, auth: none, otherwise: { reject: 404 } }]\n";
        fs::write(folder.path().join("sluice.yaml"), gateway).unwrap();
        fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: { f: {} }\n").unwrap();
        let loaded = config::load(&folder.path().join("sluice.yaml"), &|_| None);
        let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
        let document = format!("version: 1\nflags: {{ f: {{ lifecycle: ga, {flag} }} }}\n");
        let stored = load_stored(&document, Eligibility::Enforced);
        let snapshot = Snapshot {
            flags: stored.flags.into(),
            ..(*loaded.snapshot).clone()
        };
        let reason = kinds(&snapshot).into_iter().find_map(|kind| match kind {
            WarningKind::NeverOpen { reason, .. } => Some(reason),
            _ => None,
        });
        assert_eq!(reason, *expected, "{flag}");
    };
    let internal = "audience: { attribute: internal, eq: true }";
    let stages = |stages: &str| format!("exposure: {{ stages: [{stages}] }}, rollout: {{ percentage: 100 }}");
    check(&stages("{ name: a, percentage: 0 }"), &nothing);
    check(
        &format!("default: on, {}", stages("{ name: a, percentage: 0 }")),
        &nothing,
    );
    check(&stages("{ name: a, percentage: 0.001 }"), &None);
    let of_internal = stages(&format!("{{ name: a, {internal}, percentage: 0 }}"));
    check(&of_internal, &nothing);
    check(&format!("default: on, {of_internal}"), &None);
    check(
        "exposure: { stages: [{ name: a, percentage: 100 }], serve: off }",
        &nothing,
    );
}
