//! Warnings about configuration that is valid but probably a mistake: gates that never open, unused flags,
//! routes without a gate, `preflight: open` without effect.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use crate::{
    Channel, Eligibility, Flag, FlagId, Flags, Lifecycle, Preflight, Site, Snapshot, Tenants, VariantId,
    tenant::TenantChoice,
};

/// The reason why a flag is never on, or a variant of it never served; `None` if it may be.
type NeverOnReasons = HashMap<(FlagId, Option<VariantId>), Option<String>>;

/// A probable mistake and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Warning {
    /// The place.
    pub site: Site,
    /// The mistake.
    pub kind: WarningKind,
}

/// The kinds of probable mistakes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WarningKind {
    /// No subject can get through the route's gate.
    #[error("the gate of route `{route}` can never be open: {reason}")]
    NeverOpen {
        /// The route's name.
        route: String,
        /// The flag that keeps it closed, and the reason.
        reason: String,
    },
    /// No gate names the flag.
    #[error("no gate uses flag `{flag}`")]
    UnusedFlag {
        /// Its key.
        flag: String,
    },
    /// The route is open to everyone.
    #[error("route `{route}` has no gate")]
    UngatedRoute {
        /// Its name.
        route: String,
    },
    /// Preflights are let past what they don't meet.
    #[error("`preflight: open` of route `{route}` has no effect: {reason}")]
    IdlePreflight {
        /// The route's name.
        route: String,
        /// The reason.
        reason: &'static str,
    },
}

impl WarningKind {
    /// Returns a stable name for the kind, in kebab case, as `sluice check` prints it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NeverOpen { .. } => "never-open",
            Self::UnusedFlag { .. } => "unused-flag",
            Self::UngatedRoute { .. } => "ungated-route",
            Self::IdlePreflight { .. } => "idle-preflight",
        }
    }
}

/// Returns the warnings for `snapshot`. A flag is used if a gate or a header names it, if the flags header lists all
/// flags, or if a used flag requires it. The gate of an alpha flag is not reported: such a flag is off for every
/// customer at first, and staff turn it on for internal tenants or by overrides.
#[must_use]
pub fn lint(snapshot: &Snapshot) -> Vec<Warning> {
    let (flags, tenants) = (&*snapshot.flags, &*snapshot.tenants);
    let mut warnings = idle_preflights(snapshot);
    // Finding out may look at every tenant, so it is done once for a flag.
    let known = RefCell::new(NeverOnReasons::new());
    let mut used: HashSet<FlagId> = snapshot.headers.named_flags().collect();
    for route in snapshot.routes.all() {
        let name = || route.name.to_string();
        used.extend(route.flags());
        let Some(gate) = &route.gate else {
            warnings.push(Warning {
                site: route.site,
                kind: WarningKind::UngatedRoute { route: name() },
            });
            continue;
        };
        let never_on = |flag: FlagId, is: Option<VariantId>| {
            let defined = flags.flag(flag)?;
            // Flags that serve their off variant to no subject are not detected.
            if is == Some(defined.off) {
                return None;
            }
            let find = || never_on_reason(flags, tenants, flag, is, &mut HashSet::new());
            let reason = known.borrow_mut().entry((flag, is)).or_insert_with(find).clone();
            reason.map(|reason| format!("`{}` {reason}", defined.key))
        };
        if let Some(reason) = gate.never_open_reason(&never_on) {
            warnings.push(Warning {
                site: route.site,
                kind: WarningKind::NeverOpen {
                    route: name(),
                    reason,
                },
            });
        }
    }
    let mut pending: Vec<FlagId> = used.iter().copied().collect();
    while let Some(id) = pending.pop() {
        for requirement in flags.flag(id).into_iter().flat_map(|flag| flag.requires.iter()) {
            if used.insert(requirement.flag) {
                pending.push(requirement.flag);
            }
        }
    }
    let unused = flags.iter().filter(|(id, flag)| {
        !snapshot.headers.lists_all_flags()
            && !used.contains(id)
            && flag.lifecycle != Some(Lifecycle::Retired)
    });
    warnings.extend(unused.map(|(_, flag)| Warning {
        site: flag.site,
        kind: WarningKind::UnusedFlag {
            flag: flag.key.to_string(),
        },
    }));
    warnings
}

/// Returns warnings for routes with `preflight: open` that no preflight matches, or that refuse none.
fn idle_preflights(snapshot: &Snapshot) -> Vec<Warning> {
    let routes = snapshot.routes.all().iter().zip(snapshot.routes.table().routes());
    let open = routes.filter(|(route, _)| route.preflight == Preflight::Open);
    open.filter_map(|(route, takes)| {
        let reason = if !takes.methods.is_match("OPTIONS") {
            "its `methods` do not contain OPTIONS"
        } else if route.gate.is_none() && !route.auth.can_refuse() {
            "it has no gate and requires no token"
        } else {
            return None;
        };
        Some(Warning {
            site: route.site,
            kind: WarningKind::IdlePreflight {
                route: route.name.to_string(),
                reason,
            },
        })
    })
    .collect()
}

/// Returns the reason why no subject can be served the wanted variant (without one: any but the off variant);
/// `None` if some may be. Schedules are ignored, because `rules` has no clock.
fn never_on_reason(
    flags: &Flags,
    tenants: &Tenants,
    id: FlagId,
    wanted: Option<VariantId>,
    seen: &mut HashSet<FlagId>,
) -> Option<String> {
    let flag = flags.flag(id)?;
    if !seen.insert(id) {
        return None;
    }
    if flag.lifecycle == Some(Lifecycle::Retired) {
        let other = wanted.map_or(flag.final_variant == flag.off, |wanted| {
            flag.final_variant != wanted
        });
        let name = flag
            .variant(flag.final_variant)
            .map_or("", |variant| &*variant.name);
        return other.then(|| format!("is retired and its final variant is {name}"));
    }
    if !flag.enabled {
        return Some("is killed".to_owned());
    }
    for requirement in &flag.requires {
        let required = flags.flag(requirement.flag)?;
        if requirement.is == Some(required.off) {
            continue;
        }
        if let Some(reason) = never_on_reason(flags, tenants, requirement.flag, requirement.is, seen) {
            return Some(format!("requires `{}`, which {reason}", required.key));
        }
    }
    if flag.lifecycle == Some(Lifecycle::Alpha) {
        return None;
    }
    never_eligible_reason(flags, tenants, id, flag).or_else(|| never_served_reason(tenants, id, flag, wanted))
}

fn never_eligible_reason(flags: &Flags, tenants: &Tenants, id: FlagId, flag: &Flag) -> Option<String> {
    if flags.eligibility == Eligibility::Relaxed {
        return None;
    }
    let policy = flags.policy;
    if flag.lifecycle != Some(Lifecycle::Beta) {
        return None;
    }
    let eligible = tenants.iter().any(|tenant| {
        let settings = tenant.settings_for(id);
        tenant.internal
            || settings.allowed && tenant.channel == Channel::Latest
            || settings.choice == TenantChoice::In && policy.beta_opt_in
    });
    (!eligible).then(|| "is beta and no tenant is on its allowlist, opted in or internal".to_owned())
}

fn never_served_reason(
    tenants: &Tenants,
    id: FlagId,
    flag: &Flag,
    wanted: Option<VariantId>,
) -> Option<String> {
    let serves = |variant: VariantId| wanted.map_or(variant != flag.off, |wanted| variant == wanted);
    let by_rollout = flag.rollout.as_ref();
    let by_rollout =
        by_rollout.is_some_and(|rollout| rollout.share > 0 && rollout.serve.variants().any(serves));
    let exposure = flag.exposure.as_deref();
    let by_exposure =
        exposure.is_some_and(|exposure| exposure.may_admit() && exposure.serve.variants().any(serves));
    let by_defaults = exposure.is_none_or(|exposure| !exposure.is_of_everyone())
        && (flag.default.variants().any(serves)
            || flag.tiers.iter().flatten().any(|variant| serves(*variant)));
    let by_rules = flag.rules.iter().any(|rule| rule.serve.variants().any(serves));
    let by_definition = by_rules || by_rollout || by_exposure || by_defaults;
    let by_tenant = || {
        tenants.iter().any(|tenant| {
            let settings = tenant.settings_for(id);
            settings.forced.is_some_and(serves)
                || settings.choice == TenantChoice::In && serves(flag.opt_in_serves)
        })
    };
    (!by_definition && !by_tenant()).then(|| match wanted.and_then(|wanted| flag.variant(wanted)) {
        Some(variant) => format!("never serves {}", variant.name),
        None => "serves nothing but its off variant".to_owned(),
    })
}
