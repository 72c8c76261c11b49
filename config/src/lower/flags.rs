//! Merges flags documents into one definition for `rules`.

use std::sync::Arc;

use rules::{FlagDefinition, FlagsDefinition, Name, SegmentDefinition, TenantDefinition};

use crate::form::FieldKey;
use crate::problem::{Label, Problem};
use crate::shape::flags::FlagsFields;
use crate::source::Source;

/// Merges documents, each with the text that it was read from. Reports `tiers`, `unknown_tenant` and `policy` if
/// several documents have them.
pub(crate) fn merge<'s>(
    documents: Vec<(&Source, FlagsFields<'s>)>,
    problems: &mut Vec<Problem>,
) -> FlagsDefinition<'s> {
    let once: [fn(&FlagsFields<'_>) -> Option<FieldKey>; 3] = [
        |fields| fields.tiers.key(),
        |fields| fields.unknown_tenant.key(),
        |fields| fields.policy.key(),
    ];
    for key in once {
        let written = documents
            .iter()
            .filter_map(|(source, fields)| Some((*source, key(fields)?)));
        refuse_several(written, problems);
    }
    let mut definition = FlagsDefinition::default();
    for (_, fields) in documents {
        merge_one(fields, &mut definition);
    }
    definition
}

fn refuse_several<'d>(
    mut written: impl Iterator<Item = (&'d Source, FieldKey)>,
    problems: &mut Vec<Problem>,
) {
    let Some((first, first_key)) = written.next() else {
        return;
    };
    for (source, key) in written {
        let title = format!("`{}` is written in two documents", key.name);
        let first = Label::new(first, first_key.span, "first here");
        let again = Label::new(source, key.span, "again here");
        let problem = Problem::error("duplicate", title, again).also(first);
        problems.push(problem.help("the documents are merged: keep one of them"));
    }
}

fn merge_one<'s>(fields: FlagsFields<'s>, definition: &mut FlagsDefinition<'s>) {
    if let Some(tiers) = fields.tiers.into_value() {
        definition.tiers = tiers.into_iter().map(Name::into_owned).collect();
    }
    definition.unknown_tenant = fields
        .unknown_tenant
        .into_value()
        .or(definition.unknown_tenant.take());
    definition.policy = fields.policy.into_value().unwrap_or(definition.policy);
    let segments = fields.segments.into_value().unwrap_or_default().into_iter();
    let segment = |(name, condition): (Name<'_>, _)| SegmentDefinition {
        name: name.into_owned(),
        condition,
    };
    definition.segments.extend(segments.map(segment).map(Arc::new));
    // A refused flag or tenant keeps its name, so that references to it are not reported as well.
    let flags = fields.flags.into_value().unwrap_or_default().into_iter();
    let flag = |(key, flag): (Name<'_>, Option<_>)| FlagDefinition {
        key: key.into_owned(),
        ..flag.unwrap_or_default()
    };
    definition.flags.extend(flags.map(flag).map(Arc::new));
    let tenants = fields.tenants.into_value().unwrap_or_default().into_iter();
    let tenant = |(id, tenant): (_, Option<_>)| TenantDefinition {
        id,
        ..tenant.unwrap_or_default()
    };
    definition.tenants.extend(tenants.map(tenant));
}
