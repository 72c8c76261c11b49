//! The lifecycles of an applied document: new flags beyond alpha meet the conditions of a promotion or have a
//! justification, and no flag requires one that is behind it.

use std::collections::BTreeSet;

use rules::Lifecycle;
use serde_json::Value;

use super::super::dependency;
use super::super::lifecycle::skip;
use super::super::promotion::Promotion;
use super::DocumentMerge;
use crate::change::NewFlags;
use crate::policy::{StateOrder, UrgentPolicy};
use crate::refusal::{Code, Refusal};
use crate::state::State;

/// The largest number of flags that a refusal names.
const MAX_NAMED: usize = 10;

impl DocumentMerge<'_, '_> {
    /// Checks the lifecycles of the state after the document, and adds the audit entries of new flags beyond alpha.
    pub(super) fn check_lifecycles(&mut self, after: &State) {
        self.refusals.extend(behind(self.builder.state, after));
        let NewFlags::Adopted { urgent } = &self.options.new_flags else {
            for (flag, lifecycle) in &self.adopted {
                self.builder.audit_adopted(flag, *lifecycle, &[], None);
            }
            return;
        };
        // The states before were passed elsewhere.
        let adopting = UrgentPolicy {
            states: StateOrder::MaySkip,
            ..self.options.policy.urgent.clone()
        };
        let mut unmet = Vec::new();
        let mut all_skipped = BTreeSet::new();
        for (flag, lifecycle) in &self.adopted {
            let refusals = self.unmet(after, flag, *lifecycle);
            let (skipped, refusals) = match urgent {
                None => (refusals.iter().map(|refusal| refusal.code).collect(), refusals),
                Some(_) => skip(refusals, &adopting),
            };
            self.builder
                .audit_adopted(flag, *lifecycle, &skipped, urgent.as_ref());
            all_skipped.extend(skipped.iter().map(|code| code.as_str()));
            unmet.extend(refusals.into_iter().map(|refusal| (&**flag, refusal)));
        }
        let help = match urgent {
            None => {
                "apply it without `adopt` and promote the flags, or skip the conditions with `decision_maker`, `incident` \
                 and `reason`"
            }
            Some(_) => {
                "meet the condition, or apply it without `adopt`; a justification cannot skip this \
                 (`control.promotion.urgent`)"
            }
        };
        self.refusals.extend(grouped(unmet, help));
        if urgent.is_some() {
            let is_skipped = |code: &Code| all_skipped.contains(code.as_str());
            self.builder.summary().skipped = Code::ALL.into_iter().filter(is_skipped).collect();
        }
    }

    /// Returns the conditions of a promotion from alpha that a new flag does not meet.
    fn unmet(&self, after: &State, key: &str, to: Lifecycle) -> Vec<Refusal> {
        let Some(flag) = after.flag(key) else {
            return Vec::new();
        };
        let promotion = Promotion {
            state: after,
            key,
            flag: &flag,
            from: Lifecycle::Alpha,
            to,
            at: self.builder.at(),
        };
        promotion.unmet(self.options.policy, self.options.facts)
    }
}

/// Returns a refusal for each known flag that would require one behind it, and did not before. A flag that is retired or
/// has no lifecycle may require any.
fn behind(before: &State, after: &State) -> Vec<Refusal> {
    let known = after.flags().filter(|(key, _)| before.has_flag(key));
    let refusals = known.filter_map(|(key, flag)| {
        let lifecycle = flag
            .lifecycle()
            .filter(|lifecycle| *lifecycle != Lifecycle::Retired)?;
        let mut behind = dependency::prerequisites_behind(after, key, lifecycle);
        if behind.is_empty() {
            return None;
        }
        // An urgent promotion may have skipped the condition; other documents must still be applicable.
        let former = dependency::prerequisites_behind(before, key, lifecycle);
        behind.retain(|found| !former.contains(found));
        (!behind.is_empty()).then(|| {
            let flags: Vec<Value> = behind.iter().map(|(flag, _)| flag.as_str().into()).collect();
            let listed = dependency::listed(&behind);
            let detail = format!("{key} is {lifecycle} and would require flags that are behind: {listed}");
            Refusal::new(Code::FlagDependency, detail)
                .help(format!("promote those first, or revert {key}"))
                .fact("flag", key)
                .fact("flags", flags)
        })
    });
    refusals.collect()
}

/// Returns one refusal for each code, with the detail of the first flag and the names of the others.
fn grouped(unmet: Vec<(&str, Refusal)>, help: &str) -> Vec<Refusal> {
    let mut grouped: Vec<(Refusal, Vec<&str>)> = Vec::new();
    for (flag, refusal) in unmet {
        match grouped.iter_mut().find(|(first, _)| first.code == refusal.code) {
            Some((_, flags)) => flags.push(flag),
            None => grouped.push((refusal, vec![flag])),
        }
    }
    let refusals = grouped.into_iter().map(|(first, flags)| {
        let (named, others) = flags
            .split_first()
            .map_or(("", &[][..]), |(one, more)| (*one, more));
        let mut detail = format!("{named}: {}", first.detail);
        if !others.is_empty() {
            let shown: Vec<&str> = others.iter().take(MAX_NAMED).copied().collect();
            let more = if others.len() > MAX_NAMED { ", .." } else { "" };
            let (count, shown) = (others.len(), shown.join(", "));
            detail.push_str(&format!("; the same for {count} more: {shown}{more}"));
        }
        let flags: Vec<Value> = flags.into_iter().map(Value::from).collect();
        Refusal::new(first.code, detail).help(help).fact("flags", flags)
    });
    refusals.collect()
}
