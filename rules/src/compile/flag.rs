//! Compiles flags.

use crate::{
    Flag, FlagDefinition, FlagKey, Lifecycle, Name, NamedFlag, Noun, ProblemKind, RolloutDefinition,
    RuleDefinition, ScheduleDefinition, Site, Sited, Timestamp, Variant, VariantId,
    bucket::{Bucketing, MAX_SALT, Salt},
    flag::{Requirement, Rollout, Rule, SEPARATOR, Schedule, TableStart},
    split::Serve,
};

use super::FlagsCompiler;
use crate::bounds::{MAX_REQUIRES, MAX_RULES, MAX_VARIANTS};

/// The default name of the variant that means "on".
pub(super) const ON: &str = "on";
const OFF: &str = "off";

/// A flag while it is compiled: what its parts have to know of it.
pub(super) struct FlagContext<'c> {
    pub(super) named: &'c NamedFlag,
    pub(super) salt: &'c str,
}

/// The variants of a flag that do not depend on the subject.
struct FlagDefaults {
    off: Option<VariantId>,
    opt_in: Option<VariantId>,
    final_variant: Option<VariantId>,
    default: Option<Serve>,
}

impl FlagsCompiler<'_> {
    /// Compiles a flag. Reports every problem, and returns `None` if a problem leaves a required part undefined.
    pub(super) fn flag(&mut self, definition: &FlagDefinition) -> Option<Flag> {
        let key = FlagKey::parse(&definition.key.value)
            .map_err(|reason| {
                let key = definition.key.value.to_string();
                self.problems
                    .report(definition.key.site, ProblemKind::InvalidFlagKey { key, reason });
            })
            .ok();
        let names = self.names;
        let named = names.flag(&definition.key.value)?;
        // Only an explicit salt has its own limit: the default is the key, whose length is checked above.
        let salt = definition
            .salt
            .as_ref()
            .map_or(&*definition.key.value, |salt| &*salt.value);
        if let Some(written) = &definition.salt {
            self.problems
                .limit(written.site, "bytes in a salt", MAX_SALT, salt.len());
        }
        let context = FlagContext { named, salt };
        // Every part is compiled before a missing one returns below, so that all problems of the flag are reported.
        let variants = self.variants(definition, named);
        let lifecycle = self.lifecycle(definition);
        let served = self.served(&context, definition, lifecycle);
        let tiers = self.tier_defaults(definition, named);
        let requires = self.requirements(definition);
        let rules = self.rules(&context, &definition.rules, definition.key.site);
        let rollout = definition
            .rollout
            .as_ref()
            .map(|rollout| self.rollout(&context, rollout));
        let has_stages = definition
            .exposure
            .as_ref()
            .is_some_and(|exposure| !exposure.stages.value.is_empty());
        let exposure = definition
            .exposure
            .as_ref()
            .map(|exposure| self.exposure(&context, exposure));
        let schedule = definition
            .schedule
            .as_ref()
            .and_then(|schedule| self.schedule(schedule));
        let expires = definition.expires.as_ref().and_then(|date| self.date(date));
        let flag = Flag {
            key: key?,
            site: definition.key.site,
            description: definition.description.as_deref().map(Into::into),
            owner: definition.owner.as_deref().map(Into::into),
            kind: named.kind,
            lifecycle,
            enabled: definition.enabled.unwrap_or(true),
            variants,
            off: served.off?,
            default: served.default?,
            tiers,
            requires,
            rules,
            // Lines that follow stages in force read no rollout.
            rollout: match rollout {
                Some(rollout) => Some(rollout?).filter(|_| !has_stages),
                None => None,
            },
            exposure: match exposure {
                Some(exposure) => Some(Box::new(exposure?)),
                None => None,
            },
            schedule,
            opt_in_serves: served.opt_in?,
            final_variant: served.final_variant?,
            salt: salt.into(),
            revertible: definition.revertible.unwrap_or(false),
            start: TableStart::First,
            expires,
        };
        Some(flag.with_start())
    }

    /// Compiles the named or default variants of a flag.
    fn served(
        &mut self,
        context: &FlagContext<'_>,
        definition: &FlagDefinition,
        lifecycle: Option<Lifecycle>,
    ) -> FlagDefaults {
        let (named, site) = (context.named, definition.key.site);
        let off = self.named_or(definition.off.as_ref(), named, site, "off", OFF);
        let on = named.variant(ON);
        let opt_in = match &definition.opt_in_serves {
            Some(name) => self.problems.variant(named, name),
            None => on.or(off),
        };
        let final_variant = match &definition.final_variant {
            None if lifecycle != Some(Lifecycle::Retired) => on.or(off),
            written => self.named_or(written.as_ref(), named, site, "final", ON),
        };
        let default = match &definition.default {
            Some(serve) => self.serve(context, serve),
            None => off.map(Serve::Variant),
        };
        FlagDefaults {
            off,
            opt_in,
            final_variant,
            default,
        }
    }

    fn variants(&mut self, definition: &FlagDefinition, named: &NamedFlag) -> Box<[Variant]> {
        let key = &definition.key.value;
        let Some(written) = &definition.variants else {
            return [(ON, "true"), (OFF, "false")]
                .map(|(name, value)| Variant {
                    name: name.into(),
                    value: value.into(),
                    list_item: format!("{SEPARATOR}{key}").into(),
                })
                .into();
        };
        if written.len() < 2 {
            let kind = ProblemKind::TooFewVariants {
                flag: named.key.to_string(),
            };
            self.problems.report(definition.key.site, kind);
        }
        self.problems.limit(
            definition.key.site,
            "variants in a flag",
            MAX_VARIANTS,
            written.len(),
        );
        self.problems
            .duplicates(Noun::Variant, written.iter().map(|(name, _)| name));
        let variant = |(name, value): &(Name<'_>, Box<str>)| {
            self.problems.name(Noun::Variant, name);
            Variant {
                name: (*name.value).into(),
                value: value.clone(),
                list_item: format!("{SEPARATOR}{key};v={}", name.value).into(),
            }
        };
        written.iter().map(variant).collect()
    }

    /// Returns the variant written in `field`, or the one called `otherwise`; reports a problem if the flag
    /// has neither.
    pub(super) fn named_or(
        &mut self,
        written: Option<&Name<'_>>,
        flag: &NamedFlag,
        site: Site,
        field: &'static str,
        otherwise: &'static str,
    ) -> Option<VariantId> {
        if let Some(name) = written {
            return self.problems.variant(flag, name);
        }
        let variant = flag.variant(otherwise);
        if variant.is_none() {
            self.variant_needed(flag, site, field, otherwise);
        }
        variant
    }

    pub(super) fn variant_needed(
        &mut self,
        flag: &NamedFlag,
        site: Site,
        field: &'static str,
        variant: &'static str,
    ) {
        let kind = ProblemKind::VariantNeeded {
            flag: flag.key.to_string(),
            field,
            variant,
            variants: flag.variants.iter().map(ToString::to_string).collect(),
        };
        self.problems.report(site, kind);
    }

    fn lifecycle(&mut self, definition: &FlagDefinition) -> Option<Lifecycle> {
        let kind = definition.kind.unwrap_or_default();
        match &definition.lifecycle {
            Some(written) if !kind.has_lifecycle() && written.value != Lifecycle::Retired => {
                self.problems
                    .report(written.site, ProblemKind::LifecycleOfKind { kind });
                None
            }
            Some(written) => Some(written.value),
            None => kind.has_lifecycle().then(Lifecycle::default),
        }
    }

    fn tier_defaults(&mut self, definition: &FlagDefinition, named: &NamedFlag) -> Box<[Option<VariantId>]> {
        let mut defaults = Vec::new();
        for (tier, variant) in &definition.tiers {
            let (tier, variant) = (self.tier(tier), self.problems.variant(named, variant));
            let (Some(tier), Some(variant)) = (tier, variant) else {
                continue;
            };
            if defaults.len() <= tier.index() {
                defaults.resize(tier.index().saturating_add(1), None);
            }
            if let Some(default) = defaults.get_mut(tier.index()) {
                *default = Some(variant);
            }
        }
        defaults.into()
    }

    fn requirements(&mut self, definition: &FlagDefinition) -> Box<[Requirement]> {
        let site = definition.key.site;
        self.problems.limit(
            site,
            "flags that a flag requires",
            MAX_REQUIRES,
            definition.requires.len(),
        );
        let names = self.names;
        let requirement = |requirement: &crate::RequirementDefinition| {
            let flag = self.problems.flag(names, &requirement.flag)?;
            let is = match &requirement.is {
                Some(variant) => Some(self.problems.variant(flag, variant)?),
                None => None,
            };
            Some(Requirement { flag: flag.id, is })
        };
        definition.requires.iter().filter_map(requirement).collect()
    }

    fn rules(&mut self, context: &FlagContext<'_>, rules: &[RuleDefinition], site: Site) -> Box<[Rule]> {
        self.problems
            .limit(site, "rules in a flag", MAX_RULES, rules.len());
        let mut compiled = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            let (when, serve) = (self.condition(&rule.when), self.serve(context, &rule.serve));
            let name = match &rule.name {
                Some(name) => Box::from(&**name),
                None => format!("rule {}", index.saturating_add(1)).into(),
            };
            if let (Some(when), Some(serve)) = (when, serve) {
                compiled.push(Rule { name, when, serve });
            }
        }
        compiled.into()
    }

    fn rollout(&mut self, context: &FlagContext<'_>, definition: &RolloutDefinition) -> Option<Rollout> {
        let share = self.share(&definition.percentage);
        let by = self.by(definition.by.as_ref());
        let audience = definition
            .audience
            .as_ref()
            .map(|audience| self.condition(audience));
        let serve = match &definition.serve {
            Some(serve) => self.serve(context, serve),
            None => self
                .named_or(
                    None,
                    context.named,
                    definition.percentage.site,
                    "rollout.serve",
                    ON,
                )
                .map(Serve::Variant),
        };
        let audience = match audience {
            Some(compiled) => Some(compiled?),
            None => None,
        };
        let bucketing = Bucketing {
            salt: Salt::new(context.salt),
            by: by?,
        };
        Some(Rollout {
            share: share?,
            bucketing,
            audience,
            serve: serve?,
        })
    }

    fn schedule(&mut self, definition: &Sited<ScheduleDefinition>) -> Option<Schedule> {
        let from = self.timestamp(definition.value.from.as_ref(), Timestamp::MIN);
        let until = self.timestamp(definition.value.until.as_ref(), Timestamp::MAX);
        let (from, until) = (from?, until?);
        if from >= until {
            self.problems.report(definition.site, ProblemKind::EmptySchedule);
        }
        Some(Schedule { from, until })
    }

    fn timestamp(&mut self, text: Option<&Name<'_>>, otherwise: Timestamp) -> Option<Timestamp> {
        let Some(text) = text else { return Some(otherwise) };
        let parsed = Timestamp::parse(&text.value).ok();
        if parsed.is_none() {
            self.problems.report(
                text.site,
                ProblemKind::InvalidTime {
                    text: text.value.to_string(),
                },
            );
        }
        parsed
    }

    fn date(&mut self, text: &Name<'_>) -> Option<Box<str>> {
        let midnight = format!("{}T00:00:00Z", text.value);
        if Timestamp::parse(&midnight).is_err() {
            self.problems.report(
                text.site,
                ProblemKind::InvalidDate {
                    text: text.value.to_string(),
                },
            );
            return None;
        }
        Some((*text.value).into())
    }
}
