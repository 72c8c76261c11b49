use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crate::{Cause, Eligibility, FlagDefinition, FlagsDefinition, Lifecycle, ServeDefinition, Site, compile};

fn name(text: &str) -> Name<'_> {
    Sited::new(Cow::Borrowed(text), Site(7))
}

/// Defines flags: `on` and `off` serve their name to every subject, `theme` serves blue, `permit` is a
/// permission flag.
fn definition() -> FlagsDefinition<'static> {
    let ga = |key, serves| FlagDefinition {
        key: name(key),
        lifecycle: Some(Sited::new(Lifecycle::Ga, Site(0))),
        default: Some(Sited::new(ServeDefinition::Variant(name(serves)), Site(0))),
        ..FlagDefinition::default()
    };
    let variants = ["blue", "green", "off"].map(|variant| (name(variant), "null".into()));
    FlagsDefinition {
        flags: [
            ga("on", "on"),
            ga("off", "off"),
            FlagDefinition {
                variants: Some(variants.into()),
                ..ga("theme", "blue")
            },
            FlagDefinition {
                kind: Some(Kind::Permission),
                lifecycle: None,
                ..ga("permit", "on")
            },
        ]
        .map(Arc::new)
        .into(),
        ..FlagsDefinition::default()
    }
}

fn flag(key: &'static str) -> Sited<GateDefinition<'static>> {
    Sited::new(GateDefinition::Flag(name(key)), Site(1))
}

fn is(key: &'static str, variant: &'static str) -> Sited<GateDefinition<'static>> {
    Sited::new(
        GateDefinition::Is {
            flag: name(key),
            is: name(variant),
        },
        Site(1),
    )
}

fn all<const N: usize>(parts: [Sited<GateDefinition<'static>>; N]) -> Sited<GateDefinition<'static>> {
    Sited::new(GateDefinition::All(parts.into()), Site(2))
}

fn any<const N: usize>(parts: [Sited<GateDefinition<'static>>; N]) -> Sited<GateDefinition<'static>> {
    Sited::new(GateDefinition::Any(parts.into()), Site(3))
}

fn not(part: Sited<GateDefinition<'static>>) -> Sited<GateDefinition<'static>> {
    Sited::new(GateDefinition::Not(Box::new(part)), Site(4))
}

fn check(gate: &Sited<GateDefinition<'static>>, truth: Truth, settled_by: &str) {
    let definition = definition();
    let names = Names::new(&definition);
    let (flags, _) = compile(&definition, &names, Eligibility::Enforced).unwrap();
    let verdict = Gate::compile(gate, &names)
        .unwrap()
        .decide(&flags, &Subject::default(), Timestamp(0));
    assert_eq!(verdict.truth, truth, "{gate:?}");
    assert_eq!(
        flags.flag(verdict.flag).unwrap().key().as_str(),
        settled_by,
        "{gate:?}"
    );
    assert_eq!(verdict.decision.cause, Cause::Default);
}

fn refused(gate: &Sited<GateDefinition<'static>>) -> Vec<&'static str> {
    let definition = definition();
    let names = Names::new(&definition);
    Gate::compile(gate, &names)
        .unwrap_err()
        .iter()
        .map(|problem| problem.kind.code())
        .collect()
}

#[test]
fn a_flag_gate_is_open_when_on_a_variant_when_served() {
    check(&flag("on"), Truth::Open, "on");
    check(&flag("off"), Truth::Closed, "off");
    check(&flag("theme"), Truth::Open, "theme");
    check(&is("theme", "blue"), Truth::Open, "theme");
    check(&is("theme", "green"), Truth::Closed, "theme");
    check(&is("off", "off"), Truth::Open, "off");
    check(&is("on", "true"), Truth::Open, "on");
}

#[test]
fn gate_combines_parts_and_names_the_deciding_flag() {
    check(&all([flag("on"), flag("theme")]), Truth::Open, "on");
    check(
        &all([flag("on"), flag("off"), flag("theme")]),
        Truth::Closed,
        "off",
    );
    check(&any([flag("off"), is("theme", "green")]), Truth::Closed, "off");
    check(
        &any([flag("off"), flag("theme"), flag("on")]),
        Truth::Open,
        "theme",
    );
    check(&not(flag("off")), Truth::Open, "off");
    check(&not(any([flag("off"), flag("on")])), Truth::Closed, "on");
    check(
        &all([any([flag("off"), flag("on")]), not(flag("off"))]),
        Truth::Open,
        "on",
    );
}

#[test]
fn undecided_part_is_undecided_unless_another_decides() {
    let definition = definition();
    let names = Names::new(&definition);
    let (flags, _) = compile(&definition, &names, Eligibility::Enforced).unwrap();
    // Flags of a snapshot with no flags at all: every id is one of another snapshot.
    let empty = FlagsDefinition::default();
    let (none, _) = compile(&empty, &Names::new(&empty), Eligibility::Enforced).unwrap();
    let gate = Gate::compile(&all([flag("on"), flag("theme")]), &names).unwrap();
    assert_eq!(
        gate.decide(&flags, &Subject::default(), Timestamp(0)).truth,
        Truth::Open
    );
    let verdict = gate.decide(&none, &Subject::default(), Timestamp(0));
    assert_eq!(
        (verdict.truth, verdict.decision.cause),
        (Truth::Undecided, Cause::UnknownFlag)
    );
    let undecided = Gate::compile(&not(flag("on")), &names).unwrap();
    assert_eq!(
        undecided.decide(&none, &Subject::default(), Timestamp(0)).truth,
        Truth::Undecided
    );
}

#[test]
fn known_flags_decide_a_gate_with_unknown_flags() {
    let definition = definition();
    let names = Names::new(&definition);
    // The ids in key order are off, on, permit, theme. Only the first two are in the snapshot.
    let few = FlagsDefinition {
        flags: definition.flags[..2].to_vec(),
        ..FlagsDefinition::default()
    };
    let (flags, _) = compile(&few, &Names::new(&few), Eligibility::Enforced).unwrap();
    let truth = |gate| {
        Gate::compile(&gate, &names)
            .unwrap()
            .decide(&flags, &Subject::default(), Timestamp(0))
            .truth
    };
    for (one, other) in [("theme", "on"), ("on", "theme")] {
        assert_eq!(truth(any([flag(one), flag(other)])), Truth::Open);
        assert_eq!(truth(all([flag(one), flag(other)])), Truth::Undecided);
    }
    for (one, other) in [("theme", "off"), ("off", "theme")] {
        assert_eq!(truth(any([flag(one), flag(other)])), Truth::Undecided);
        assert_eq!(truth(all([flag(one), flag(other)])), Truth::Closed);
    }
}

#[test]
fn gate_lists_its_flags_and_detects_permissions() {
    let definition = definition();
    let names = Names::new(&definition);
    let gate = Gate::compile(&all([flag("theme"), not(flag("on")), flag("theme")]), &names).unwrap();
    let ids: Vec<_> = ["on", "theme"].map(|key| names.flag(key).unwrap().id).into();
    assert_eq!(gate.flags(), ids);
    assert!(!gate.has_permission_flag());
    for parts in [[flag("on"), flag("permit")], [flag("permit"), flag("on")]] {
        assert!(Gate::compile(&any(parts), &names).unwrap().has_permission_flag());
    }
    assert_eq!(gate.single_flag(), None);
    let single = Gate::compile(&is("theme", "green"), &names).unwrap();
    assert_eq!(single.single_flag(), Some((ids[1], VariantId::from_index(1))));
}

#[test]
fn gate_description_is_readable() {
    let definition = definition();
    let names = Names::new(&definition);
    let (flags, _) = compile(&definition, &names, Eligibility::Enforced).unwrap();
    let gate = all([is("theme", "blue"), not(any([flag("on"), flag("off")]))]);
    assert_eq!(
        Gate::compile(&gate, &names).unwrap().describe(&flags),
        "all(theme is blue, not any(on, off))"
    );
}

#[test]
fn every_problem_of_a_gate_is_found_at_once() {
    assert_eq!(
        refused(&all([flag("onn"), is("theme", "red"), flag("on")])),
        ["unknown-flag", "unknown-variant"]
    );
    assert_eq!(refused(&all([])), ["empty"]);
    assert_eq!(refused(&any([not(any([]))])), ["empty"]);
}

#[test]
fn gate_has_a_maximum_depth_and_number_of_parts() {
    let nested = |depth: usize| (1..depth).fold(flag("on"), |gate, _| not(gate));
    check(&nested(MAX_NESTING), Truth::Closed, "on");
    assert_eq!(refused(&nested(MAX_NESTING + 1)), ["nesting"]);
    let wide = |parts: usize| {
        Sited::new(
            GateDefinition::All((0..parts).map(|_| flag("on")).collect()),
            Site(0),
        )
    };
    check(&wide(MAX_GATE_PARTS), Truth::Open, "on");
    assert_eq!(refused(&wide(MAX_GATE_PARTS + 1)), ["limit"]);
}

#[test]
fn a_gate_that_awaits_a_flag_is_undecided() {
    let names = Names::default();
    let flags = Flags::none(Eligibility::Enforced);
    let gate = all([is("later", "blue"), not(flag("latest"))]);
    let mut awaited = Vec::new();
    let compiled = Gate::compile_awaiting(&gate, &names, &mut awaited).unwrap();
    let codes: Vec<_> = awaited.iter().map(|problem| problem.kind.code()).collect();
    assert_eq!(codes, ["unknown-flag"; 2]);
    assert_eq!(compiled.describe(&flags), "all(later, not latest)");
    assert!(compiled.awaits_flags());
    assert_eq!(compiled.flags(), []);
    let verdict = compiled.decide(&flags, &Subject::default(), Timestamp(0));
    assert_eq!(
        (verdict.truth, verdict.decision.cause),
        (Truth::Undecided, Cause::UnknownFlag)
    );
    assert_eq!(Gate::compile(&gate, &names).unwrap_err().len(), 2);
}
