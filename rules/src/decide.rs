//! The decision table (docs/flags.md): one function a line, tried in order, the first that applies decides.
//! `explain` walks the same lines, so that what is told is what was done.

use crate::{
    Cause, Decision, Eligibility, Flag, FlagId, Flags, Lifecycle, Reason, Subject, Timestamp, VariantId,
    tenant::{TenantChoice, TenantFlagSettings},
};

/// A flag being asked about a subject.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub(crate) flags: &'a Flags,
    pub(crate) flag: &'a Flag,
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) settings: TenantFlagSettings,
    pub(crate) now: Timestamp,
}

/// What `flag` serves to `subject` at `now`. Allocates nothing, takes no lock, can't fail: an id of another
/// snapshot is answered with [`Cause::UnknownFlag`] and means nothing else.
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

    /// Line 2.
    pub(crate) fn retired(&self) -> Option<Decision> {
        (self.flag.lifecycle == Some(Lifecycle::Retired))
            .then(|| self.serve(self.flag.final_variant, Reason::Static, Cause::Retired))
    }

    /// Line 3.
    pub(crate) fn killed(&self) -> Option<Decision> {
        (!self.flag.enabled).then(|| self.off(Reason::Disabled, Cause::Killed))
    }

    /// Line 4.
    pub(crate) fn schedule(&self) -> Option<Decision> {
        let schedule = self.flag.schedule?;
        let within = schedule.from <= self.now && self.now < schedule.until;
        (!within).then(|| self.off(Reason::Disabled, Cause::Schedule))
    }

    /// Line 5. Compiling has refused circles and bounded how much this can cost.
    pub(crate) fn prerequisite(&self) -> Option<Decision> {
        let unmet = self.flag.requires.iter().position(|requirement| {
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

    /// Line 6.
    pub(crate) fn override_off(&self) -> Option<Decision> {
        (self.settings.forced == Some(self.flag.off))
            .then(|| self.off(Reason::TargetingMatch, Cause::Override))
    }

    /// Line 7.
    pub(crate) fn opt_out(&self) -> Option<Decision> {
        (self.settings.choice == TenantChoice::Out).then(|| self.off(Reason::TargetingMatch, Cause::OptOut))
    }

    /// Line 8.
    pub(crate) fn lifecycle(&self) -> Option<Decision> {
        (!self.is_eligible()).then(|| self.off(Reason::Disabled, Cause::Lifecycle))
    }

    /// Whether the subject may see the flag at its lifecycle.
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

    /// Line 9.
    pub(crate) fn override_to(&self) -> Option<Decision> {
        let variant = self.settings.forced?;
        Some(self.serve(variant, Reason::TargetingMatch, Cause::Override))
    }

    /// Line 10.
    pub(crate) fn rule(&self) -> Option<Decision> {
        self.flag.rules.iter().enumerate().find_map(|(index, rule)| {
            if !rule.when.holds(self.flags, self.subject) {
                return None;
            }
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

    /// Line 11.
    pub(crate) fn opt_in(&self) -> Option<Decision> {
        (self.settings.choice == TenantChoice::In)
            .then(|| self.serve(self.flag.opt_in_serves, Reason::TargetingMatch, Cause::OptIn))
    }

    /// Line 12.
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

    /// Line 13.
    pub(crate) fn tier(&self) -> Option<Decision> {
        if self.flag.tiers.is_empty() {
            return None;
        }
        let variant = self.flag.tier_default(self.subject.tier(self.flags)?)?;
        Some(self.serve(variant, Reason::TargetingMatch, Cause::Tier))
    }

    /// Line 14. A split that finds no id to go by serves the off variant.
    pub(crate) fn default(&self) -> Decision {
        let variant = self
            .flag
            .default
            .variant(self.flags, self.subject)
            .unwrap_or(self.flag.off);
        self.serve(variant, Reason::Default, Cause::Default)
    }
}

/// A place in a list that compiling has kept short.
fn place(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
