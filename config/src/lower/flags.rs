//! The flags document, or several merged, as a definition for `rules`.

use std::sync::Arc;

use rules::{
    FlagDefinition, FlagsDefinition, Kind, Lifecycle, Name, Policy, RequirementDefinition, RolloutDefinition,
    RuleDefinition, ScheduleDefinition, SegmentDefinition, ServeDefinition, Sited, UnknownTenantDefinition,
};

use super::{Document, Lower};
use crate::json;
use crate::node::{Entry, Node};
use crate::problem::{Label, Problem};

/// Top-level fields that only one document of several may have.
const ONCE: [&str; 3] = ["tiers", "unknown_tenant", "policy"];

/// Merges `documents` into one definition.
pub(crate) fn flags<'s>(documents: &[Document<'s>], problems: &mut Vec<Problem>) -> FlagsDefinition<'s> {
    let mut definition = FlagsDefinition::default();
    for field in ONCE {
        refuse_several(documents, field, problems);
    }
    for document in documents {
        Lower {
            source: document.source,
        }
        .document(&document.root, &mut definition);
    }
    definition
}

fn refuse_several(documents: &[Document<'_>], field: &str, problems: &mut Vec<Problem>) {
    let mut written = documents
        .iter()
        .filter_map(|document| Some((document.source, document.root.entry(field)?.key_span)));
    let Some((first, first_span)) = written.next() else {
        return;
    };
    for (source, span) in written {
        let title = format!("`{field}` is written in two documents");
        let first = Label::new(first, first_span, "first here");
        let problem = Problem::error("duplicate", title, Label::new(source, span, "again here")).also(first);
        problems.push(problem.help("the documents are merged: keep one of them"));
    }
}

impl<'s> Lower<'s> {
    fn document(self, root: &Node<'s>, definition: &mut FlagsDefinition<'s>) {
        for Entry { key, value, .. } in root.entries().unwrap_or_default() {
            let entries = value.entries().unwrap_or_default();
            match &**key {
                "tiers" => definition.tiers = self.names(Some(value)),
                "unknown_tenant" => definition.unknown_tenant = self.unknown_tenant(value),
                "policy" => definition.policy = policy(value),
                "segments" => {
                    definition
                        .segments
                        .extend(entries.iter().filter_map(|entry| self.segment(entry)));
                }
                "flags" => definition
                    .flags
                    .extend(entries.iter().map(|entry| Arc::new(self.flag(entry)))),
                "tenants" => definition
                    .tenants
                    .extend(entries.iter().map(|entry| self.tenant(entry))),
                _ => {}
            }
        }
    }

    fn unknown_tenant(self, node: &Node<'s>) -> Option<UnknownTenantDefinition<'s>> {
        match node.field("tier") {
            Some(tier) => Some(UnknownTenantDefinition::Tier(self.name(tier)?)),
            None => node
                .text()
                .filter(|text| *text == "reject")
                .map(|_| UnknownTenantDefinition::Reject),
        }
    }

    fn segment(self, entry: &Entry<'s>) -> Option<SegmentDefinition<'s>> {
        let name = self.key(&entry.key, entry.key_span);
        Some(SegmentDefinition {
            name,
            condition: self.condition(&entry.value)?,
        })
    }

    /// A flag; fields of the wrong shape are left out.
    fn flag(self, flag: &Entry<'s>) -> FlagDefinition<'s> {
        let key = self.key(&flag.key, flag.key_span);
        let mut definition = FlagDefinition {
            key,
            ..FlagDefinition::default()
        };
        for Entry { key, value, .. } in flag.value.entries().unwrap_or_default() {
            let items = value.items().unwrap_or_default();
            match &**key {
                "description" => definition.description = value.text().cloned(),
                "owner" => definition.owner = value.text().cloned(),
                "kind" => definition.kind = kind(value),
                "lifecycle" => {
                    definition.lifecycle = lifecycle(value).map(|found| self.sited(found, value.span));
                }
                "enabled" => definition.enabled = value.boolean(),
                "default" => definition.default = self.serve(value),
                "variants" => definition.variants = self.variants(value),
                "off" => definition.off = self.variant(value),
                "tiers" => definition.tiers = self.tier_defaults(value),
                "requires" => {
                    definition.requires = items.iter().filter_map(|item| self.requirement(item)).collect();
                }
                "rules" => definition.rules = items.iter().filter_map(|item| self.rule(item)).collect(),
                "rollout" => definition.rollout = self.rollout(value),
                "schedule" => definition.schedule = self.schedule(value),
                "revertible" => definition.revertible = value.boolean(),
                "expires" => definition.expires = self.name(value),
                "opt_in_serves" => definition.opt_in_serves = self.variant(value),
                "final" => definition.final_variant = self.variant(value),
                "salt" => definition.salt = self.name(value),
                // `hash` has one value, which the validator has seen.
                _ => {}
            }
        }
        definition
    }

    fn variants(self, node: &Node<'s>) -> Option<Vec<(Name<'s>, Box<str>)>> {
        let entries = node.entries()?.iter();
        let variant = |entry: &Entry<'s>| {
            (
                self.key(&entry.key, entry.key_span),
                json::value(&entry.value).to_string().into_boxed_str(),
            )
        };
        Some(entries.map(variant).collect())
    }

    fn tier_defaults(self, node: &Node<'s>) -> Vec<(Name<'s>, Name<'s>)> {
        let entries = node.entries().unwrap_or_default().iter();
        entries
            .filter_map(|entry| Some((self.key(&entry.key, entry.key_span), self.variant(&entry.value)?)))
            .collect()
    }

    fn requirement(self, node: &Node<'s>) -> Option<RequirementDefinition<'s>> {
        if node.entries().is_none() {
            return Some(RequirementDefinition {
                flag: self.name(node)?,
                is: None,
            });
        }
        let is = match node.field("is") {
            Some(variant) => Some(self.variant(variant)?),
            None => None,
        };
        Some(RequirementDefinition {
            flag: self.name(node.field("flag")?)?,
            is,
        })
    }

    fn rule(self, node: &Node<'s>) -> Option<RuleDefinition<'s>> {
        let name = node.field("name").and_then(Node::text).cloned();
        Some(RuleDefinition {
            name,
            when: self.condition(node.field("when")?)?,
            serve: self.serve(node.field("serve")?)?,
        })
    }

    fn serve(self, node: &Node<'s>) -> Option<Sited<ServeDefinition<'s>>> {
        let serve = match node.entries() {
            None => ServeDefinition::Variant(self.variant(node)?),
            Some(_) => {
                let weight = |entry: &Entry<'s>| {
                    let percent = self.sited(entry.value.number()?, entry.value.span);
                    Some((self.key(&entry.key, entry.key_span), percent))
                };
                let weights = node
                    .field("split")?
                    .entries()?
                    .iter()
                    .map(weight)
                    .collect::<Option<_>>()?;
                ServeDefinition::Split {
                    weights,
                    by: node.field("by").and_then(|by| self.name(by)),
                }
            }
        };
        Some(self.sited(serve, node.span))
    }

    fn rollout(self, node: &Node<'s>) -> Option<RolloutDefinition<'s>> {
        let percentage = node.field("percentage")?;
        Some(RolloutDefinition {
            percentage: self.sited(percentage.number()?, percentage.span),
            by: node.field("by").and_then(|by| self.name(by)),
            audience: node
                .field("audience")
                .and_then(|audience| self.condition(audience)),
            serve: node.field("serve").and_then(|serve| self.serve(serve)),
        })
    }

    fn schedule(self, node: &Node<'s>) -> Option<Sited<ScheduleDefinition<'s>>> {
        node.entries()?;
        let time = |field| node.field(field).and_then(|time| self.name(time));
        Some(self.sited(
            ScheduleDefinition {
                from: time("from"),
                until: time("until"),
            },
            node.span,
        ))
    }
}

fn policy(node: &Node<'_>) -> Policy {
    let left_out = Policy::default();
    let switch = |field| node.field(field).and_then(Node::boolean);
    Policy {
        alpha_overrides: switch("alpha_overrides").unwrap_or(left_out.alpha_overrides),
        beta_opt_in: switch("beta_opt_in").unwrap_or(left_out.beta_opt_in),
    }
}

fn kind(node: &Node<'_>) -> Option<Kind> {
    let text = node.text()?;
    Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
}

fn lifecycle(node: &Node<'_>) -> Option<Lifecycle> {
    match &**node.text()? {
        "dev" => Some(Lifecycle::Alpha),
        text => Lifecycle::ALL
            .into_iter()
            .find(|lifecycle| lifecycle.as_str() == text),
    }
}
