//! Compiles the tenants that a change affects.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{DefinitionProblem, FlagId, Flags, Tenants};

use super::edit::Edits;
use super::{Catalog, Compiled};
use crate::flags_document::OwnedTenant;

/// Returns the former tenants with the affected ones compiled anew: those that are edited, that name a flag whose id
/// has another meaning, or that have an attribute which conditions did not read before.
pub(super) fn some(
    catalog: &Catalog,
    edits: &Edits,
    compiled: &Compiled,
    moved: &[FlagId],
) -> Result<Arc<Tenants>, Vec<DefinitionProblem>> {
    let read_now = newly_read(&catalog.compiled.flags, &compiled.flags);
    if edits.tenants.is_empty() && moved.is_empty() && read_now.is_empty() {
        return Ok(Arc::clone(&compiled.tenants));
    }
    let kept = &catalog.document.tenants;
    let mut concerned: BTreeMap<&str, &OwnedTenant> = BTreeMap::new();
    if !moved.is_empty() {
        let naming = compiled.tenants.scan().filter(|tenant| tenant.names(moved));
        let naming = naming.filter_map(|tenant| kept.get_key_value(tenant.id()));
        concerned.extend(naming.map(|(id, record)| (&**id, &**record)));
    }
    if !read_now.is_empty() {
        let having = kept.iter().filter(|(_, record)| has_one(record, read_now));
        concerned.extend(having.map(|(id, record)| (&**id, &**record)));
    }
    concerned.retain(|id, _| !edits.tenants.contains_key(*id));
    let edited = edits.tenants.values().filter_map(Option::as_deref);
    let changed = concerned.into_values().chain(edited);
    let changed = rules::compile_tenants(changed, &compiled.names, &compiled.flags)?;
    let removed = edits.tenants.iter().filter(|(_, record)| record.is_none());
    let removed = removed.map(|(id, _)| &**id);
    Ok(Arc::new(compiled.tenants.with(changed, removed)))
}

/// Compiles all tenants.
pub(super) fn all(
    catalog: &Catalog,
    edits: &Edits,
    compiled: &Compiled,
) -> Result<Arc<Tenants>, Vec<DefinitionProblem>> {
    let kept = catalog.document.tenants.iter();
    let kept = kept.filter(|(id, _)| !edits.tenants.contains_key(&**id));
    let edited = edits.tenants.values().filter_map(Option::as_deref);
    let all = kept.map(|(_, record)| &**record).chain(edited);
    let tenants = rules::compile_tenants(all, &compiled.names, &compiled.flags)?;
    Ok(Arc::new(Tenants::new(tenants)))
}

/// Returns the attributes that conditions read now and did not read before.
fn newly_read<'f>(former: &Flags, flags: &'f Flags) -> &'f [Box<str>] {
    flags
        .attributes()
        .get(former.attributes().len()..)
        .unwrap_or_default()
}

fn has_one(record: &OwnedTenant, attributes: &[Box<str>]) -> bool {
    let mut attributes_of_record = record.attributes.iter().flatten();
    attributes_of_record.any(|(name, _)| attributes.iter().any(|attribute| **attribute == *name.value))
}
