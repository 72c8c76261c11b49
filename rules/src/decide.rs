//! The decision table (docs/flags.md): one function for each line. The lines are tried in order, and the
//! first that applies decides. `explain` calls the same functions, so that it can't disagree.

use crate::{
    Cause, Decision, Eligibility, Flag, FlagId, Flags, Lifecycle, Reason, Subject, Timestamp, VariantId,
    exposure::Exposure,
    flag::TableStart,
    tenant::{TenantChoice, TenantFlagSettings},
};

/// The evaluation of a flag for a subject.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub(crate) flags: &'a Flags,
    pub(crate) flag: &'a Flag,
    pub(crate) subject: &'a Subject<'a>,
    /// The settings of the subject's tenant for the flag; `None` if it is on none of its lists.
    pub(crate) settings: Option<&'a TenantFlagSettings>,
    pub(crate) now: Timestamp,
}

/// Returns the first decision of some lines, each of which is evaluated only if none before it decides.
macro_rules! first_of {
    ($($line:expr),+ $(,)?) => {
        $(if let Some(decision) = $line {
            return decision;
        })+
    };
}

/// Returns what `flag` serves to `subject` at `now`. Allocates nothing, takes no lock and can't fail: an id
/// of another snapshot yields [`Cause::UnknownFlag`].
#[must_use]
pub fn decide(flags: &Flags, flag: FlagId, subject: &Subject<'_>, now: Timestamp) -> Decision {
    match flags.flag(flag) {
        Some(known) => decide_flag(flags, flag, known, subject, now),
        None => unknown_flag(),
    }
}

/// Like [`decide`], for the flag with this id, which is at hand.
#[inline(always)]
pub(crate) fn decide_flag(
    flags: &Flags,
    id: FlagId,
    flag: &Flag,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Decision {
    // Nearly always there is none.
    if !subject.open_breakers.is_empty() {
        return decide_with_breakers(flags, id, flag, subject, now);
    }
    // Most tenants are on no list of any flag. The search for the others is a call, because the registers that it needs
    // would be saved for all.
    match subject.record {
        Some(record) if !record.flag_settings().is_empty() => {
            decide_for_listed(flags, id, flag, subject, now)
        }
        _ => decide_without_settings(flags, flag, subject, now),
    }
}

/// Decides for a subject with open circuit breakers, of this flag or of others: a required flag may have one.
#[cold]
#[inline(never)]
fn decide_with_breakers(
    flags: &Flags,
    id: FlagId,
    flag: &Flag,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Decision {
    let settings = subject.record.and_then(|record| record.listed_settings(id));
    let evaluation = Evaluation {
        flags,
        flag,
        subject,
        settings,
        now,
    };
    first_of!(
        evaluation.retired(),
        evaluation.killed(),
        evaluation.schedule(),
        evaluation.breaker(id),
    );
    decide_by_all_lines(flags, flag, subject, settings, now)
}

/// Decides for a tenant that is on some lists.
#[inline(never)]
fn decide_for_listed(
    flags: &Flags,
    id: FlagId,
    flag: &Flag,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Decision {
    match subject.record.and_then(|record| record.listed_settings(id)) {
        None => decide_without_settings(flags, flag, subject, now),
        settings => decide_by_all_lines(flags, flag, subject, settings, now),
    }
}

/// Decides for a tenant that is on no list of the flag.
#[inline(always)]
fn decide_without_settings(flags: &Flags, flag: &Flag, subject: &Subject<'_>, now: Timestamp) -> Decision {
    // Most flags have nothing before line 10 or 12. The arguments are passed in registers: a reference to an
    // `Evaluation` would put it on the stack.
    match flag.start {
        TableStart::Rollout => decide_from_rollout(flags, flag, subject),
        TableStart::Rules => decide_from_rules(flags, flag, subject),
        TableStart::First => decide_by_all_lines(flags, flag, subject, None, now),
    }
}

#[cold]
#[inline(never)]
fn unknown_flag() -> Decision {
    Decision {
        variant: VariantId(0),
        reason: Reason::Error,
        cause: Cause::UnknownFlag,
        place: 0,
    }
}

/// Evaluates the whole table.
#[inline(never)]
fn decide_by_all_lines<'a>(
    flags: &'a Flags,
    flag: &'a Flag,
    subject: &'a Subject<'a>,
    settings: Option<&'a TenantFlagSettings>,
    now: Timestamp,
) -> Decision {
    let evaluation = Evaluation {
        flags,
        flag,
        subject,
        settings,
        now,
    };
    first_of!(
        evaluation.retired(),
        evaluation.killed(),
        evaluation.schedule(),
        evaluation.prerequisite(),
        evaluation.override_off(),
        evaluation.opt_out(),
        evaluation.lifecycle(),
        evaluation.override_to(),
        evaluation.rule(),
        evaluation.opt_in(),
        evaluation.exposure(),
    );
    decide_from_rollout(flags, flag, subject)
}

/// Evaluates the table from line 10 on, for a tenant that is on none of the flag's lists. These lines do not read the
/// time.
#[inline(never)]
fn decide_from_rules<'a>(flags: &'a Flags, flag: &'a Flag, subject: &'a Subject<'a>) -> Decision {
    let evaluation = Evaluation::without_settings(flags, flag, subject);
    first_of!(evaluation.rule());
    decide_from_rollout(flags, flag, subject)
}

/// Evaluates the table from line 12 on. These lines read neither the tenant's lists nor the time.
#[inline(never)]
fn decide_from_rollout<'a>(flags: &'a Flags, flag: &'a Flag, subject: &'a Subject<'a>) -> Decision {
    let evaluation = Evaluation::without_settings(flags, flag, subject);
    first_of!(evaluation.rollout(), evaluation.tier());
    evaluation.default()
}

impl<'a> Evaluation<'a> {
    /// Returns the evaluation for lines that read neither the tenant's lists nor the time.
    #[inline(always)]
    fn without_settings(flags: &'a Flags, flag: &'a Flag, subject: &'a Subject<'a>) -> Self {
        Self {
            flags,
            flag,
            subject,
            settings: None,
            now: Timestamp(0),
        }
    }

    /// Returns the evaluation for explanations; `None` if the flag is unknown.
    pub(crate) fn new(
        flags: &'a Flags,
        id: FlagId,
        subject: &'a Subject<'a>,
        now: Timestamp,
    ) -> Option<Self> {
        let flag = flags.flag(id)?;
        let settings = subject.record.and_then(|record| record.listed_settings(id));
        Some(Self {
            flags,
            flag,
            subject,
            settings,
            now,
        })
    }

    /// Returns the variant that the tenant is made to serve.
    #[inline(always)]
    pub(crate) fn forced(&self) -> Option<VariantId> {
        self.settings?.forced
    }

    /// Returns true if the tenant is on the flag's beta allowlist.
    #[inline(always)]
    pub(crate) fn is_allowed(&self) -> bool {
        self.settings.is_some_and(|settings| settings.allowed)
    }

    /// Returns the tenant's own choice.
    #[inline(always)]
    pub(crate) fn choice(&self) -> TenantChoice {
        self.settings
            .map_or(TenantChoice::None, |settings| settings.choice)
    }

    #[inline(always)]
    fn serve(&self, variant: VariantId, reason: Reason, cause: Cause) -> Decision {
        Decision {
            variant,
            reason,
            cause,
            place: 0,
        }
    }

    #[inline(always)]
    fn off(&self, reason: Reason, cause: Cause) -> Decision {
        self.serve(self.flag.off, reason, cause)
    }

    /// Decides line 2: the flag is retired.
    #[inline(always)]
    pub(crate) fn retired(&self) -> Option<Decision> {
        (self.flag.lifecycle == Some(Lifecycle::Retired))
            .then(|| self.serve(self.flag.final_variant, Reason::Static, Cause::Retired))
    }

    /// Decides line 3: the flag is killed.
    #[inline(always)]
    pub(crate) fn killed(&self) -> Option<Decision> {
        (!self.flag.enabled).then(|| self.off(Reason::Disabled, Cause::Killed))
    }

    /// Decides line 4: `now` is outside the schedule.
    #[inline(always)]
    pub(crate) fn schedule(&self) -> Option<Decision> {
        let schedule = self.flag.schedule?;
        let within = schedule.from <= self.now && self.now < schedule.until;
        (!within).then(|| self.off(Reason::Disabled, Cause::Schedule))
    }

    /// Decides line 4a: the circuit breaker of the flag, whose id this is, is open for the subject.
    pub(crate) fn breaker(&self, id: FlagId) -> Option<Decision> {
        let is_open = self.subject.has_open_breaker(id);
        is_open.then(|| self.off(Reason::Disabled, Cause::Breaker))
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
    #[inline(always)]
    pub(crate) fn override_off(&self) -> Option<Decision> {
        (self.forced() == Some(self.flag.off)).then(|| self.off(Reason::TargetingMatch, Cause::Override))
    }

    /// Decides line 7: the tenant opted out.
    #[inline(always)]
    pub(crate) fn opt_out(&self) -> Option<Decision> {
        (self.choice() == TenantChoice::Out).then(|| self.off(Reason::TargetingMatch, Cause::OptOut))
    }

    /// Decides line 8: the tenant is not eligible at this lifecycle.
    #[inline(always)]
    pub(crate) fn lifecycle(&self) -> Option<Decision> {
        (!self.is_eligible()).then(|| self.off(Reason::Disabled, Cause::Lifecycle))
    }

    /// Returns true if the subject is eligible at the flag's lifecycle.
    #[inline(always)]
    pub(crate) fn is_eligible(&self) -> bool {
        if self.flags.eligibility == Eligibility::Relaxed || self.subject.is_internal() {
            return true;
        }
        match self.flag.lifecycle {
            Some(Lifecycle::Alpha) => {
                self.flags.policy.alpha_overrides
                    && self.forced().is_some_and(|variant| variant != self.flag.off)
            }
            Some(Lifecycle::Beta) => {
                (self.is_allowed() && self.subject.channel() == crate::Channel::Latest)
                    || (self.choice() == TenantChoice::In && self.flags.policy.beta_opt_in)
            }
            Some(Lifecycle::Ga | Lifecycle::Retired) | None => true,
        }
    }

    /// Decides line 9: the tenant has an override.
    #[inline(always)]
    pub(crate) fn override_to(&self) -> Option<Decision> {
        let variant = self.forced()?;
        Some(self.serve(variant, Reason::TargetingMatch, Cause::Override))
    }

    /// Decides line 10: the first rule that matches.
    #[inline(always)]
    pub(crate) fn rule(&self) -> Option<Decision> {
        self.flag.rules.iter().enumerate().find_map(|(index, rule)| {
            if !rule.when.part_holds(self.flags, self.subject) {
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
    #[inline(always)]
    pub(crate) fn opt_in(&self) -> Option<Decision> {
        (self.choice() == TenantChoice::In)
            .then(|| self.serve(self.flag.opt_in_serves, Reason::TargetingMatch, Cause::OptIn))
    }

    /// Decides line 12: the subject is in the rollout.
    #[inline(always)]
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

    /// Decides line 12 while stages of a rollout plan are in force: the subject is in the audience of one.
    #[inline(always)]
    pub(crate) fn exposure(&self) -> Option<Decision> {
        self.staged(self.flag.exposure.as_deref()?)
    }

    /// A call of its own, so that flags without an exposure need no registers for it.
    #[inline(never)]
    fn staged(&self, exposure: &Exposure) -> Option<Decision> {
        let bucket = exposure.bucketing.bucket(self.flags, self.subject);
        let variant = exposure.serve.variant(self.flags, self.subject);
        let ids = bucket.zip(variant);
        let mut last = None;
        for (index, stage) in exposure.stages.iter().enumerate() {
            if !stage.is_in_audience(self.flags, self.subject) {
                continue;
            }
            if let Some((bucket, variant)) = ids
                && bucket < stage.share
            {
                return Some(Decision {
                    place: place(index),
                    ..self.serve(variant, Reason::Split, Cause::Rollout)
                });
            }
            last = Some(index);
        }
        // Tier defaults and the default do not apply: otherwise control could be served the treatment.
        let place = last.map(|last| ids.map_or(u16::MAX, |_| place(last)))?;
        Some(Decision {
            place,
            ..self.off(Reason::Split, Cause::HeldBack)
        })
    }

    /// Decides line 13: the default of the subject's tier.
    #[inline(always)]
    pub(crate) fn tier(&self) -> Option<Decision> {
        if self.flag.tiers.is_empty() {
            return None;
        }
        let variant = self.flag.tier_default(self.subject.tier(self.flags)?)?;
        Some(self.serve(variant, Reason::TargetingMatch, Cause::Tier))
    }

    /// Decides line 14: the default. A split without an id serves the off variant.
    #[inline(always)]
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
