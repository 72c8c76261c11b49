//! Compiles the tenants of a change: from their JSON texts, those alone that it concerns.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{FlagId, Flags, Tenants};
use serde_json::Value;

use super::draft::BATCH;
use super::part::{Sections, read};
use super::{Catalog, Compiled};

/// The beginnings of attributes in a record that conditions read now and did not read before.
pub(super) fn newly_read(former: &Flags, flags: &Flags) -> Vec<String> {
    let known = former.attributes().len();
    let new = flags.attributes().iter().skip(known);
    new.map(|name| format!("{}:", Value::from(&**name))).collect()
}

/// The former tenants, with those compiled anew that are edited, name a flag of which the id has moved, or have an
/// attribute that begins to be read.
pub(super) fn some(
    catalog: &Catalog,
    edited: &BTreeMap<Arc<str>, Option<Value>>,
    compiled: &Compiled,
    (moved, read_now): (&[FlagId], &[String]),
) -> Option<Tenants> {
    let mut concerned = BTreeMap::new();
    if !moved.is_empty() {
        let naming = compiled.tenants.scan().filter(|tenant| tenant.names(moved));
        let naming = naming.filter_map(|tenant| catalog.tenants.get_key_value(tenant.id()));
        concerned.extend(naming.map(|(id, json)| (&**id, &**json)));
    }
    if !read_now.is_empty() {
        let has = |json: &str| read_now.iter().any(|attribute| json.contains(attribute));
        concerned.extend(catalog.records().filter(|(_, json)| has(json)));
    }
    concerned.retain(|id, _| !edited.contains_key(*id));
    let concerned: Vec<_> = concerned.into_iter().collect();
    let mut changed = compile_kept(&concerned, compiled)?;
    let present: Vec<(&str, &Value)> = edited
        .iter()
        .filter_map(|(id, value)| Some((&**id, value.as_ref()?)))
        .collect();
    for batch in present.chunks(BATCH) {
        changed.extend(compile_tenants(batch.to_vec(), compiled)?);
    }
    let removed = edited.iter().filter(|(_, value)| value.is_none());
    Some(compiled.tenants.with(changed, removed.map(|(id, _)| &**id)))
}

/// All tenants, anew.
pub(super) fn all(
    catalog: &Catalog,
    edited: &BTreeMap<Arc<str>, Option<Value>>,
    compiled: &Compiled,
) -> Option<Tenants> {
    let kept: Vec<_> = catalog
        .records()
        .filter(|(id, _)| !edited.contains_key(*id))
        .collect();
    let kept = Compiled {
        tenants: Arc::new(Tenants::new(compile_kept(&kept, compiled)?)),
        ..compiled.clone()
    };
    some(catalog, edited, &kept, (&[], &[]))
}

fn compile_kept(kept: &[(&str, &str)], compiled: &Compiled) -> Option<Vec<rules::Tenant>> {
    let mut tenants = Vec::with_capacity(kept.len());
    for batch in kept.chunks(BATCH) {
        let values = batch.iter().map(|(_, json)| serde_json::from_str(json).ok());
        let values: Vec<Value> = values.collect::<Option<_>>()?;
        let batch = batch.iter().map(|(id, _)| *id).zip(&values);
        tenants.extend(compile_tenants(batch.collect(), compiled)?);
    }
    Some(tenants)
}

fn compile_tenants(tenants: Vec<(&str, &Value)>, compiled: &Compiled) -> Option<Vec<rules::Tenant>> {
    let definition = read(&Sections {
        tenants,
        ..Sections::default()
    })?;
    rules::compile_tenants(&definition.tenants, &compiled.names, &compiled.flags).ok()
}
