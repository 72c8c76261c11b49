use std::borrow::Cow;
use std::sync::Arc;

use crate::{
    Eligibility, FlagDefinition, FlagsDefinition, Gate, GateDefinition, Kind, Lifecycle, Name, Names,
    Remedies, Site, Sited, Subject, TenantDefinition, Tenants, Timestamp, Truth, compile,
};

fn name(text: &str) -> Name<'_> {
    Sited::new(Cow::Borrowed(text), Site(0))
}

/// Defines flags and tenants. `beta` needs an opt-in, `paid` the higher tier; `killed` is on for no tenant.
/// `low` has the lower tier; `shut` too, with an override; `out` opted out; `high` has the higher tier.
fn definition() -> FlagsDefinition<'static> {
    let at = |key, lifecycle| FlagDefinition {
        key: name(key),
        lifecycle: Some(Sited::new(lifecycle, Site(0))),
        ..FlagDefinition::default()
    };
    let paid = FlagDefinition {
        key: name("paid"),
        kind: Some(Kind::Permission),
        tiers: vec![(name("large"), name("on"))],
        ..FlagDefinition::default()
    };
    let killed = FlagDefinition {
        enabled: Some(false),
        ..at("killed", Lifecycle::Ga)
    };
    let tenant = |id, tier| TenantDefinition {
        id: name(id),
        tier: Some(name(tier)),
        ..TenantDefinition::default()
    };
    let shut = TenantDefinition {
        overrides: Some(vec![(name("paid"), name("off"))]),
        ..tenant("shut", "small")
    };
    let out = TenantDefinition {
        opt_out: Some(vec![name("beta")]),
        ..tenant("out", "small")
    };
    FlagsDefinition {
        tiers: vec![name("small"), name("large")],
        flags: [at("beta", Lifecycle::Beta), paid, killed].map(Arc::new).into(),
        tenants: vec![tenant("low", "small"), tenant("high", "large"), shut, out],
        ..FlagsDefinition::default()
    }
}

/// Checks what would help a tenant (`-` for none) with the gate over all these flags.
#[track_caller]
fn check(tenant: &str, keys: &[&'static str], opt_in: bool, higher_tier: bool) {
    let definition = definition();
    let (flags, tenants) = compile(&definition, &Names::new(&definition), Eligibility::Enforced).unwrap();
    let parts = keys
        .iter()
        .map(|key| Sited::new(GateDefinition::Flag(name(key)), Site(0)))
        .collect();
    let gate = Sited::new(GateDefinition::All(parts), Site(0));
    let gate = Gate::compile(&gate, &Names::new(&definition)).unwrap();
    let subject = subject(&tenants, tenant);
    let verdict = gate.decide(&flags, &subject, Timestamp(0));
    assert_eq!(verdict.truth, Truth::Closed, "{tenant} at {keys:?}");
    let found = gate.remedies(&flags, &subject, verdict.flag, Timestamp(0));
    assert_eq!(found, Remedies { opt_in, higher_tier }, "{tenant} at {keys:?}");
}

fn subject<'a>(tenants: &'a Tenants, tenant: &'a str) -> Subject<'a> {
    match tenant {
        "-" => Subject::default(),
        id => Subject {
            tenant: Some(id),
            record: tenants.find(id),
            ..Subject::default()
        },
    }
}

#[test]
fn opt_in_is_suggested_for_a_beta_flag() {
    check("low", &["beta"], true, false);
    check("out", &["beta"], true, false);
    check("nobody", &["beta"], true, false);
}

#[test]
fn higher_tier_is_suggested_if_it_has_the_flag() {
    check("low", &["paid"], true, true);
    check("nobody", &["paid"], true, true);
}

#[test]
fn no_remedy_is_suggested_for_other_causes() {
    check("low", &["killed"], false, false);
    check("shut", &["paid"], false, false);
    check("-", &["beta"], false, false);
}

#[test]
fn remedy_that_opens_only_a_part_is_not_suggested() {
    check("low", &["beta", "killed"], false, false);
    check("high", &["beta", "paid"], true, false);
}
