//! The maximum cost of deciding a flag: refuses cycles, chains of segments or requirements beyond the limit,
//! and flags whose decision may compare too much.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::{
    ConditionDefinition, Flag, FlagId, FlagsDefinition, Names, ProblemKind, Site, Sited,
    condition::{Condition, Segment},
    flags::FlagSlot,
};

use super::problems::Problems;
use crate::bounds::{MAX_DECISION_COST, MAX_NESTING};

/// Refuses cycles, chains that are too long and flags that cost too much. `flags` and `segments` must be
/// complete: no other problem was found.
pub(super) fn check(flags: &[FlagSlot], segments: &[Segment], problems: &mut Problems) {
    if let Some(costs) = segment_costs(segments, problems) {
        check_flags(flags, &costs, problems);
    }
}

/// Checks like [`check`] when only `changed` differ from a checked set: visits those flags, the flags that
/// require them, and everything that these require.
pub(super) fn check_some(
    flags: &[FlagSlot],
    segments: &[Segment],
    changed: &[FlagId],
    problems: &mut Problems,
) {
    let mut concerned: HashSet<FlagId> = changed.iter().copied().collect();
    let mut pending = changed.to_vec();
    // Edges from each flag to the flags that require it: a change can only affect those.
    let mut requiring: HashMap<FlagId, Vec<FlagId>> = HashMap::new();
    for (index, flag) in flags.iter().enumerate() {
        for required in flag.iter().flat_map(|flag| flag.requires.iter()) {
            let list = requiring.entry(required.flag).or_default();
            list.extend(FlagId::from_index(index));
        }
    }
    while let Some(id) = pending.pop() {
        let found = requiring.get(&id).into_iter().flatten();
        pending.extend(found.filter(|id| concerned.insert(**id)));
    }
    // The check needs complete chains, so everything that the affected flags require is copied as well.
    let mut some: Vec<FlagSlot> = vec![None; flags.len()];
    let mut pending: Vec<FlagId> = concerned.into_iter().collect();
    while let Some(id) = pending.pop() {
        let Some((slot, Some(flag))) = some.get_mut(id.index()).zip(flags.get(id.index())) else {
            continue;
        };
        if slot.is_none() {
            pending.extend(flag.requires.iter().map(|required| required.flag));
            *slot = Some(Arc::clone(flag));
        }
    }
    check(&some, segments, problems);
}

/// Returns true if deciding both flags costs the same and involves the same conditions and requirements.
pub(super) fn is_same(before: &Flag, now: &Flag) -> bool {
    before.requires == now.requires && before.conditions().eq(now.conditions())
}

/// Returns the cost of each segment; reports a problem and returns `None` if segments refer to each other in
/// a cycle.
fn segment_costs(segments: &[Segment], problems: &mut Problems) -> Option<Vec<Cost>> {
    let graph: Vec<Vec<usize>> = segments
        .iter()
        .map(|segment| segments_of(&segment.condition))
        .collect();
    let site = |index: usize| segments.get(index).map_or(Site::default(), |s| s.site);
    let name = |index: usize| segments.get(index).map(|segment| segment.name.to_string());
    let order = order(&graph, problems, site, |cycle| ProblemKind::SegmentCycle {
        cycle: named(cycle, name),
    })?;
    let mut costs = vec![Cost::default(); segments.len()];
    for index in order {
        let cost = segments
            .get(index)
            .map_or(Cost::default(), |s| cost_of(&s.condition, &costs));
        settle(&mut costs, index, cost, site(index), problems);
    }
    Some(costs)
}

fn check_flags(flags: &[FlagSlot], segments: &[Cost], problems: &mut Problems) {
    let requirements = |flag: &FlagSlot| {
        let required = flag.iter().flat_map(|flag| flag.requires.iter());
        required.map(|required| required.flag.index()).collect()
    };
    let graph: Vec<Vec<usize>> = flags.iter().map(requirements).collect();
    let flag = |index: usize| flags.get(index).and_then(Option::as_deref);
    let site = |index: usize| flag(index).map_or(Site::default(), |flag| flag.site);
    let key = |index: usize| flag(index).map(|flag| flag.key.to_string());
    let order = order(&graph, problems, site, |cycle| ProblemKind::FlagCycle {
        cycle: named(cycle, key),
    });
    let mut costs = vec![Cost::default(); flags.len()];
    // In topological order, the costs of all required flags are known.
    for index in order.into_iter().flatten() {
        let Some(flag) = flag(index) else { continue };
        let mut cost = Cost { depth: 0, total: 1 };
        for condition in flag.conditions() {
            cost.total = cost.total.saturating_add(cost_of(condition, segments).total);
        }
        for required in &flag.requires {
            cost.include(costs.get(required.flag.index()).copied().unwrap_or_default());
        }
        settle(&mut costs, index, cost, flag.site, problems);
    }
}

/// Finds cycles and chains beyond the limit by the names as written, for a definition that has other
/// problems.
pub(super) fn check_chains(definition: &FlagsDefinition<'_>, names: &Names, problems: &mut Problems) {
    let referred = |segment: &Arc<crate::SegmentDefinition>| {
        let mut named = Vec::new();
        segments_named(&segment.condition, names, &mut named, 0);
        named
    };
    let segments: Vec<Vec<usize>> = definition.segments.iter().map(referred).collect();
    let site = |index: usize| {
        definition
            .segments
            .get(index)
            .map_or(Site::default(), |s| s.name.site)
    };
    let name = |index: usize| {
        definition
            .segments
            .get(index)
            .map(|segment| segment.name.value.to_string())
    };
    let in_order = order(&segments, problems, site, |cycle| ProblemKind::SegmentCycle {
        cycle: named(cycle, name),
    });
    check_depth(&segments, in_order, site, problems);
    let places: HashMap<&str, usize> = definition
        .flags
        .iter()
        .enumerate()
        .map(|(index, flag)| (&*flag.key.value, index))
        .collect();
    let required = |flag: &crate::FlagDefinition| {
        flag.requires
            .iter()
            .filter_map(|required| places.get(&*required.flag.value).copied())
            .collect()
    };
    let flags: Vec<Vec<usize>> = definition.flags.iter().map(|flag| required(flag)).collect();
    let site = |index: usize| {
        definition
            .flags
            .get(index)
            .map_or(Site::default(), |flag| flag.key.site)
    };
    let key = |index: usize| definition.flags.get(index).map(|flag| flag.key.value.to_string());
    let in_order = order(&flags, problems, site, |cycle| ProblemKind::FlagCycle {
        cycle: named(cycle, key),
    });
    check_depth(&flags, in_order, site, problems);
}

fn check_depth(
    graph: &[Vec<usize>],
    order: Option<Vec<usize>>,
    site: impl Fn(usize) -> Site,
    problems: &mut Problems,
) {
    let mut costs = vec![Cost::default(); graph.len()];
    for index in order.into_iter().flatten() {
        let mut cost = Cost::default();
        for &reference in graph.get(index).into_iter().flatten() {
            cost.include(costs.get(reference).copied().unwrap_or_default());
        }
        settle(&mut costs, index, cost, site(index), problems);
    }
}

/// The number of comparisons of a decision, and the length of its longest chain.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    depth: usize,
    total: usize,
}

impl Cost {
    /// Adds what is referred to: one deeper, and all of its cost.
    fn include(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth.saturating_add(1));
        self.total = self.total.saturating_add(other.total);
    }
}

/// Stores the cost of node `index`, or reports it if it is beyond a limit. A reported node costs its
/// referrers nothing, so that a chain is reported once.
fn settle(costs: &mut [Cost], index: usize, cost: Cost, site: Site, problems: &mut Problems) {
    let before = problems.len();
    if cost.depth > MAX_NESTING {
        problems.report(site, ProblemKind::Nesting { limit: MAX_NESTING });
    }
    problems.limit(
        site,
        "clauses and values to look at for one decision",
        MAX_DECISION_COST,
        cost.total,
    );
    // The default stands for a reported node, so that its referrers are not reported for the same cause.
    if let Some(slot) = costs.get_mut(index) {
        *slot = if problems.len() > before {
            Cost::default()
        } else {
            cost
        };
    }
}

fn cost_of(condition: &Condition, segments: &[Cost]) -> Cost {
    let mut cost = Cost { depth: 0, total: 1 };
    let mut add = |part: &Condition| {
        let part = cost_of(part, segments);
        cost.depth = cost.depth.max(part.depth);
        cost.total = cost.total.saturating_add(part.total);
    };
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(add),
        Condition::Not(part) => add(part),
        Condition::Segment(id) => cost.include(segments.get(id.index()).copied().unwrap_or_default()),
        Condition::Clause(clause) => cost.total = clause.operator.comparisons(),
    }
    cost
}

fn segments_of(condition: &Condition) -> Vec<usize> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(segments_of).collect(),
        Condition::Not(part) => segments_of(part),
        Condition::Segment(id) => vec![id.index()],
        Condition::Clause(_) => Vec::new(),
    }
}

fn segments_named(
    condition: &Sited<ConditionDefinition>,
    names: &Names,
    found: &mut Vec<usize>,
    depth: usize,
) {
    if depth > MAX_NESTING {
        return;
    }
    match &condition.value {
        ConditionDefinition::All(parts) | ConditionDefinition::Any(parts) => {
            parts
                .iter()
                .for_each(|part| segments_named(part, names, found, depth.saturating_add(1)));
        }
        ConditionDefinition::Not(part) => segments_named(part, names, found, depth.saturating_add(1)),
        ConditionDefinition::Segment(name) => found.extend(names.segment(&name.value).map(|id| id.index())),
        ConditionDefinition::Clause { .. } => {}
    }
}

/// Sorts the nodes topologically (Kahn's algorithm, 1962): each comes after those it refers to. Reports a
/// problem for each cycle, and then returns `None`.
fn order(
    graph: &[Vec<usize>],
    problems: &mut Problems,
    site: impl Fn(usize) -> Site,
    problem: impl Fn(&[usize]) -> ProblemKind,
) -> Option<Vec<usize>> {
    // The number of references of each node that are not sorted yet.
    let mut waiting: Vec<usize> = graph.iter().map(Vec::len).collect();
    let mut referrers: Vec<Vec<usize>> = vec![Vec::new(); graph.len()];
    for (node, references) in graph.iter().enumerate() {
        for &reference in references {
            if let Some(list) = referrers.get_mut(reference) {
                list.push(node);
            }
        }
    }
    let mut ready: Vec<usize> = (0..graph.len())
        .filter(|&node| waiting.get(node) == Some(&0))
        .collect();
    let mut done = Vec::with_capacity(graph.len());
    while let Some(node) = ready.pop() {
        done.push(node);
        for &referrer in referrers.get(node).map_or(&[][..], Vec::as_slice) {
            if let Some(count) = waiting.get_mut(referrer) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(referrer);
                }
            }
        }
    }
    if done.len() == graph.len() {
        return Some(done);
    }
    // Nodes that are not sorted are on a cycle or refer to one.
    let is_done: HashSet<usize> = done.into_iter().collect();
    for cycle in cycles(graph, &is_done) {
        if let Some(&first) = cycle.first() {
            problems.report(site(first), problem(&cycle));
        }
    }
    None
}

/// Returns the names of a cycle from the smallest on, with the first again at the end. The result does not
/// depend on the numbering of the nodes.
fn named(cycle: &[usize], name: impl Fn(usize) -> Option<String>) -> Vec<String> {
    let mut names: Vec<String> = cycle.iter().skip(1).filter_map(|&index| name(index)).collect();
    let smallest = names.iter().enumerate().min_by_key(|(_, name)| *name);
    if let Some(start) = smallest.map(|(start, _)| start) {
        names.rotate_left(start);
    }
    names.extend(names.first().cloned());
    names
}

/// Returns one cycle for each group of nodes that is not in `done`, as node numbers with the first again at
/// the end.
fn cycles(graph: &[Vec<usize>], done: &HashSet<usize>) -> Vec<Vec<usize>> {
    // Each remaining node is visited once over all starts, so the search is linear in the graph.
    let mut seen = done.clone();
    let mut found = Vec::new();
    for start in 0..graph.len() {
        let mut path: Vec<usize> = Vec::new();
        let mut node = start;
        while !seen.contains(&node) {
            seen.insert(node);
            path.push(node);
            let next = graph
                .get(node)
                .and_then(|references| references.iter().find(|next| !done.contains(next)));
            let Some(&next) = next else { break };
            node = next;
            if let Some(begin) = path.iter().position(|&earlier| earlier == node) {
                let mut cycle = path.split_off(begin);
                cycle.push(node);
                found.push(cycle);
                break;
            }
        }
    }
    found
}
