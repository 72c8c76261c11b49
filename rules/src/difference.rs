//! The lines of the decision table by which two sets of flags can decide a flag differently.

use arrayvec::ArrayVec;

use crate::{
    Cause, FlagId, Flags, Lifecycle, MAX_NESTING, condition::Condition, decision::Decision, flag::Flag,
};

/// The number of lines that can differ.
const LINES: usize = 11;

/// A line of the decision table, as docs/flags.md counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableLine(u8);

impl TableLine {
    /// Before any of them.
    pub const FIRST: Self = Self(1);
    const RETIRED: Self = Self(2);
    const KILLED: Self = Self(3);
    const SCHEDULE: Self = Self(4);
    const PREREQUISITE: Self = Self(5);
    const OPT_OUT: Self = Self(7);
    const LIFECYCLE: Self = Self(8);
    const OVERRIDE: Self = Self(9);
    const RULE: Self = Self(10);
    const OPT_IN: Self = Self(11);
    const ROLLOUT: Self = Self(12);
    const TIER: Self = Self(13);
    const DEFAULT: Self = Self(14);
}

/// Lines by which a flag can be decided otherwise, the first of them first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Differences(ArrayVec<TableLine, LINES>);

impl Differences {
    /// Returns the first line; `None` if no decision can differ. For one subject, a decision by an earlier
    /// line is the same on both sides.
    #[must_use]
    pub fn first(&self) -> Option<TableLine> {
        self.0.first().copied()
    }

    /// Returns true if one of the lines depends on the request, and not on the tenant alone.
    #[must_use]
    pub fn depend_on_requests(&self) -> bool {
        self.0
            .iter()
            .any(|line| *line != TableLine::TIER && *line != TableLine::OPT_IN)
    }
}

impl Decision {
    /// Returns the line that decided, or a later one.
    #[must_use]
    pub fn line(&self) -> TableLine {
        match self.cause {
            Cause::UnknownFlag => TableLine::FIRST,
            Cause::Retired => TableLine::RETIRED,
            Cause::Killed => TableLine::KILLED,
            Cause::Schedule => TableLine::SCHEDULE,
            // A breaker is line 4a, before the prerequisites.
            Cause::Breaker | Cause::Prerequisite => TableLine::PREREQUISITE,
            Cause::OptOut => TableLine::OPT_OUT,
            Cause::Lifecycle => TableLine::LIFECYCLE,
            // To off it is line 6.
            Cause::Override => TableLine::OVERRIDE,
            Cause::Rule => TableLine::RULE,
            Cause::OptIn => TableLine::OPT_IN,
            Cause::Rollout | Cause::HeldBack => TableLine::ROLLOUT,
            Cause::Tier => TableLine::TIER,
            Cause::Default => TableLine::DEFAULT,
        }
    }
}

impl Flags {
    /// Returns the lines by which the flag can be decided differently from `others`.
    #[must_use]
    pub fn differences(&self, id: FlagId, others: &Self) -> Differences {
        self.differences_to_depth(id, others, MAX_NESTING)
    }

    fn differences_to_depth(&self, id: FlagId, others: &Self, depth: usize) -> Differences {
        let all = || Differences(ArrayVec::from_iter([TableLine::FIRST]));
        let (Some(one), Some(two), Some(depth)) = (self.flag(id), others.flag(id), depth.checked_sub(1))
        else {
            return all();
        };
        // Tier ids index the list of tiers, and a percentage is of the key: with other tiers or another key no line can be
        // compared, so the first counts as different.
        if self.tiers != others.tiers || self.unknown_tenant != others.unknown_tenant || one.key != two.key {
            return all();
        }
        // Eligibility at a lifecycle depends on the policy and the environment, which the flag does not contain.
        let same_ground = self.policy == others.policy && self.eligibility == others.eligibility;
        let same_segments =
            !one.names_segments() && !two.names_segments() || self.segments == others.segments;
        let is_same = |required: FlagId| self.differences_to_depth(required, others, depth).0.is_empty();
        // Ids of required flags are compared, and then the flags: an id keeps its flag, whose decision may have changed.
        let same_required = one.requires == two.requires && one.requires.iter().all(|of| is_same(of.flag));
        let was_retired = one.lifecycle == Some(Lifecycle::Retired);
        let is_retired = two.lifecycle == Some(Lifecycle::Retired);
        // Only a retired flag decides by its final variant.
        let same_end = !is_retired || one.final_variant == two.final_variant;
        let same_flag = one.off == two.off && one.variants == two.variants && one.salt == two.salt;
        let same_rollout = one.rollout == two.rollout && one.exposure == two.exposure;
        let lines: [(bool, TableLine); LINES] = [
            (same_flag, TableLine::FIRST),
            (was_retired == is_retired && same_end, TableLine::RETIRED),
            (one.enabled == two.enabled, TableLine::KILLED),
            (one.schedule == two.schedule, TableLine::SCHEDULE),
            (same_required, TableLine::PREREQUISITE),
            (
                one.lifecycle == two.lifecycle && same_ground,
                TableLine::LIFECYCLE,
            ),
            (one.rules == two.rules && same_segments, TableLine::RULE),
            (one.opt_in_serves == two.opt_in_serves, TableLine::OPT_IN),
            (same_rollout && same_segments, TableLine::ROLLOUT),
            (one.tiers == two.tiers, TableLine::TIER),
            (one.default == two.default, TableLine::DEFAULT),
        ];
        let differing = lines.into_iter().filter(|(is_same, _)| !is_same);
        Differences(differing.map(|(_, line)| line).collect())
    }
}

impl Flag {
    fn names_segments(&self) -> bool {
        self.conditions().any(Condition::names_segments)
    }
}

impl Condition {
    fn names_segments(&self) -> bool {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().any(Self::names_segments),
            Self::Not(condition) => condition.names_segments(),
            Self::Segment(_) => true,
            Self::Clause(_) => false,
        }
    }
}
