//! The decision table (docs/flags.md): one function for each line. The lines are tried in order, and the
//! first that applies decides. `explain` calls the same functions, so that it can't disagree.

use crate::{
    Cause, Decision, Eligibility, Flag, FlagId, Flags, Lifecycle, Reason, Subject, Timestamp, VariantId,
    tenant::{TenantChoice, TenantFlagSettings},
};

/// The evaluation of a flag for a subject.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub(crate) flags: &'a Flags,
    pub(crate) flag: &'a Flag,
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) settings: TenantFlagSettings,
    pub(crate) now: Timestamp,
}

/// Returns what `flag` serves to `subject` at `now`. Allocates nothing, takes no lock and can't fail: an id
/// of another snapshot yields [`Cause::UnknownFlag`].
#[must_use]
pub fn decide(flags: &Flags, flag: FlagId, subject: &Subject<'_>, now: Timestamp) -> Decision {
    let Some(evaluation) = Evaluation::new(flags, flag, subject, now) else {
        return Decision {
            variant: VariantId(0),
            reason: Reason::Error,
            cause: Cause::UnknownFlag,
            place: 0,
        };
    };
    // Closures keep the order of the table and evaluate no line after the first that applies.
    None.or_else(|| evaluation.retired())
        .or_else(|| evaluation.killed())
        .or_else(|| evaluation.schedule())
        .or_else(|| evaluation.prerequisite())
        .or_else(|| evaluation.override_off())
        .or_else(|| evaluation.opt_out())
        .or_else(|| evaluation.lifecycle())
        .or_else(|| evaluation.override_to())
        .or_else(|| evaluation.rule())
        .or_else(|| evaluation.opt_in())
        .or_else(|| evaluation.rollout())
        .or_else(|| evaluation.tier())
        .unwrap_or_else(|| evaluation.default())
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(
        flags: &'a Flags,
        id: FlagId,
        subject: &'a Subject<'a>,
        now: Timestamp,
    ) -> Option<Self> {
        let flag = flags.flag(id)?;
        let settings = subject
            .record
            .map_or(TenantFlagSettings::default(), |record| record.settings_for(id));
        Some(Self {
            flags,
            flag,
            subject,
            settings,
            now,
        })
    }

    fn serve(&self, variant: VariantId, reason: Reason, cause: Cause) -> Decision {
        Decision {
            variant,
            reason,
            cause,
            place: 0,
        }
    }

    fn off(&self, reason: Reason, cause: Cause) -> Decision {
        self.serve(self.flag.off, reason, cause)
    }

    /// Decides line 2: the flag is retired.
    pub(crate) fn retired(&self) -> Option<Decision> {
        (self.flag.lifecycle == Some(Lifecycle::Retired))
            .then(|| self.serve(self.flag.final_variant, Reason::Static, Cause::Retired))
    }

    /// Decides line 3: the flag is killed.
    pub(crate) fn killed(&self) -> Option<Decision> {
        (!self.flag.enabled).then(|| self.off(Reason::Disabled, Cause::Killed))
    }

    /// Decides line 4: `now` is outside the schedule.
    pub(crate) fn schedule(&self) -> Option<Decision> {
        let schedule = self.flag.schedule?;
        let within = schedule.from <= self.now && self.now < schedule.until;
        (!within).then(|| self.off(Reason::Disabled, Cause::Schedule))
    }

    /// Decides line 5: a required flag is not on. Compiling refuses cycles and limits the cost.
    pub(crate) fn prerequisite(&self) -> Option<Decision> {
        let unmet = self.flag.requires.iter().position(|requirement| {
            // Recursion ends, because compiling refuses cycles and limits the depth to `MAX_NESTING`.
            let served = decide(self.flags, requirement.flag, self.subject, self.now).variant;
            match requirement.is {
                Some(variant) => served != variant,
                None => self
                    .flags
                    .flag(requirement.flag)
                    .is_none_or(|flag| served == flag.off),
            }
        })?;
        Some(Decision {
            place: place(unmet),
            ..self.off(Reason::Disabled, Cause::Prerequisite)
        })
    }

    /// Decides line 6: the tenant's override is the off variant.
    pub(crate) fn override_off(&self) -> Option<Decision> {
        (self.settings.forced == Some(self.flag.off))
            .then(|| self.off(Reason::TargetingMatch, Cause::Override))
    }

    /// Decides line 7: the tenant opted out.
    pub(crate) fn opt_out(&self) -> Option<Decision> {
        (self.settings.choice == TenantChoice::Out).then(|| self.off(Reason::TargetingMatch, Cause::OptOut))
    }

    /// Decides line 8: the tenant is not eligible at this lifecycle.
    pub(crate) fn lifecycle(&self) -> Option<Decision> {
        (!self.is_eligible()).then(|| self.off(Reason::Disabled, Cause::Lifecycle))
    }

    /// Returns true if the subject is eligible at the flag's lifecycle.
    pub(crate) fn is_eligible(&self) -> bool {
        if self.flags.eligibility == Eligibility::Relaxed || self.subject.is_internal() {
            return true;
        }
        match self.flag.lifecycle {
            Some(Lifecycle::Alpha) => {
                self.flags.policy.alpha_overrides
                    && self
                        .settings
                        .forced
                        .is_some_and(|variant| variant != self.flag.off)
            }
            Some(Lifecycle::Beta) => {
                (self.settings.allowed && self.subject.channel() == crate::Channel::Latest)
                    || (self.settings.choice == TenantChoice::In && self.flags.policy.beta_opt_in)
            }
            Some(Lifecycle::Ga | Lifecycle::Retired) | None => true,
        }
    }

    /// Decides line 9: the tenant has an override.
    pub(crate) fn override_to(&self) -> Option<Decision> {
        let variant = self.settings.forced?;
        Some(self.serve(variant, Reason::TargetingMatch, Cause::Override))
    }

    /// Decides line 10: the first rule that matches.
    pub(crate) fn rule(&self) -> Option<Decision> {
        self.flag.rules.iter().enumerate().find_map(|(index, rule)| {
            if !rule.when.holds(self.flags, self.subject) {
                return None;
            }
            // A split without an id for the subject does not match: the next rule is tried.
            let variant = rule.serve.variant(self.flags, self.subject)?;
            let reason = if rule.serve.is_split() {
                Reason::Split
            } else {
                Reason::TargetingMatch
            };
            Some(Decision {
                place: place(index),
                ..self.serve(variant, reason, Cause::Rule)
            })
        })
    }

    /// Decides line 11: the tenant opted in.
    pub(crate) fn opt_in(&self) -> Option<Decision> {
        (self.settings.choice == TenantChoice::In)
            .then(|| self.serve(self.flag.opt_in_serves, Reason::TargetingMatch, Cause::OptIn))
    }

    /// Decides line 12: the subject is in the rollout.
    pub(crate) fn rollout(&self) -> Option<Decision> {
        let rollout = self.flag.rollout.as_ref()?;
        if !rollout
            .audience
            .as_ref()
            .is_none_or(|audience| audience.holds(self.flags, self.subject))
        {
            return None;
        }
        let bucket = rollout.bucketing.bucket(self.flags, self.subject)?;
        if bucket >= rollout.share {
            return None;
        }
        let variant = rollout.serve.variant(self.flags, self.subject)?;
        Some(self.serve(variant, Reason::Split, Cause::Rollout))
    }

    /// Decides line 13: the default of the subject's tier.
    pub(crate) fn tier(&self) -> Option<Decision> {
        if self.flag.tiers.is_empty() {
            return None;
        }
        let variant = self.flag.tier_default(self.subject.tier(self.flags)?)?;
        Some(self.serve(variant, Reason::TargetingMatch, Cause::Tier))
    }

    /// Decides line 14: the default. A split without an id serves the off variant.
    pub(crate) fn default(&self) -> Decision {
        let variant = self
            .flag
            .default
            .variant(self.flags, self.subject)
            .unwrap_or(self.flag.off);
        self.serve(variant, Reason::Default, Cause::Default)
    }
}

/// Converts an index into a list that compiling keeps below 65,536.
fn place(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
