//! By which lines of the decision table a flag is decided otherwise among one set of flags than among another.

use arrayvec::ArrayVec;

use crate::{
    Cause, FlagId, Flags, Lifecycle, compile::MAX_NESTING, condition::Condition, decision::Decision,
    flag::Flag,
};

/// How many lines can differ.
const LINES: usize = 11;

/// A line of the decision table, as docs/flags.md counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(u8);

impl Line {
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
pub struct Differences(ArrayVec<Line, LINES>);

impl Differences {
    /// The first; none: it is never decided otherwise. For one subject, a decision by a line before it is the same on
    /// both sides.
    #[must_use]
    pub fn first(&self) -> Option<Line> {
        self.0.first().copied()
    }

    /// Whether requests have a part in one of them, and not the tenant alone.
    #[must_use]
    pub fn concern_requests(&self) -> bool {
        self.0
            .iter()
            .any(|line| *line != Line::TIER && *line != Line::OPT_IN)
    }
}

impl Decision {
    /// The line that it was taken by, or a later one.
    #[must_use]
    pub fn line(&self) -> Line {
        match self.cause {
            Cause::UnknownFlag => Line::FIRST,
            Cause::Retired => Line::RETIRED,
            Cause::Killed => Line::KILLED,
            Cause::Schedule => Line::SCHEDULE,
            Cause::Prerequisite => Line::PREREQUISITE,
            Cause::OptOut => Line::OPT_OUT,
            Cause::Lifecycle => Line::LIFECYCLE,
            // To off it is line 6.
            Cause::Override => Line::OVERRIDE,
            Cause::Rule => Line::RULE,
            Cause::OptIn => Line::OPT_IN,
            Cause::Rollout => Line::ROLLOUT,
            Cause::Tier => Line::TIER,
            Cause::Default => Line::DEFAULT,
        }
    }
}

impl Flags {
    /// By which lines the flag can be decided otherwise than among other flags.
    #[must_use]
    pub fn differences(&self, id: FlagId, others: &Self) -> Differences {
        self.differences_to_depth(id, others, MAX_NESTING)
    }

    fn differences_to_depth(&self, id: FlagId, others: &Self, depth: usize) -> Differences {
        let all = || Differences(ArrayVec::from_iter([Line::FIRST]));
        let (Some(one), Some(two), Some(depth)) = (self.flag(id), others.flag(id), depth.checked_sub(1))
        else {
            return all();
        };
        if self.tiers != others.tiers || self.unknown_tenant != others.unknown_tenant || one.key != two.key {
            return all();
        }
        let same_ground = self.policy == others.policy && self.eligibility == others.eligibility;
        let same_segments =
            !one.names_segments() && !two.names_segments() || self.segments == others.segments;
        let is_same = |required: FlagId| self.differences_to_depth(required, others, depth).0.is_empty();
        let same_required = one.requires == two.requires && one.requires.iter().all(|of| is_same(of.flag));
        let was_retired = one.lifecycle == Some(Lifecycle::Retired);
        let is_retired = two.lifecycle == Some(Lifecycle::Retired);
        let same_end = !is_retired || one.final_variant == two.final_variant;
        let same_flag = one.off == two.off && one.variants == two.variants && one.salt == two.salt;
        let lines: [(bool, Line); LINES] = [
            (same_flag, Line::FIRST),
            (was_retired == is_retired && same_end, Line::RETIRED),
            (one.enabled == two.enabled, Line::KILLED),
            (one.schedule == two.schedule, Line::SCHEDULE),
            (same_required, Line::PREREQUISITE),
            (one.lifecycle == two.lifecycle && same_ground, Line::LIFECYCLE),
            (one.rules == two.rules && same_segments, Line::RULE),
            (one.opt_in_serves == two.opt_in_serves, Line::OPT_IN),
            (one.rollout == two.rollout && same_segments, Line::ROLLOUT),
            (one.tiers == two.tiers, Line::TIER),
            (one.default == two.default, Line::DEFAULT),
        ];
        let differing = lines.into_iter().filter(|(is_same, _)| !is_same);
        Differences(differing.map(|(_, line)| line).collect())
    }
}

impl Flag {
    fn names_segments(&self) -> bool {
        let audience = self
            .rollout
            .iter()
            .filter_map(|rollout| rollout.audience.as_ref());
        let mut conditions = self.rules.iter().map(|rule| &rule.when).chain(audience);
        conditions.any(Condition::names_segments)
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
