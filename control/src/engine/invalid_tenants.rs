//! The tenants of an import that only the compiler can reject: their records name a tier or flag that does not exist.

use std::collections::{BTreeMap, HashMap};

use changes::{Change, Code, Plan, Refusal};
use config::{Catalog, Edit, JsonEdit, Report, Severity};

/// The largest number of distinct records that are explained. To explain a record takes far longer than to reject it;
/// equal records are explained once.
const MAX_EXPLAINED: usize = 50;

/// Returns the tenants of an import that would make the document invalid, with the reason.
pub(super) fn invalid_tenants(catalog: &Catalog, change: &Change, plan: &Plan) -> BTreeMap<String, Refusal> {
    let mut explained: HashMap<String, Option<Refusal>> = HashMap::new();
    let mut invalid = BTreeMap::new();
    if !matches!(change, Change::ImportTenants { .. }) {
        return invalid;
    }
    let refused = plan.edits.iter().filter_map(|edit| match edit.document_edit() {
        edit @ Edit::Tenant(_, Some(_)) if !catalog.accepts(edit.clone()) => Some(edit.to_json()),
        _ => None,
    });
    for edit in plan.unreadable.iter().cloned().chain(refused) {
        let JsonEdit::Tenant(id, Some(record)) = &edit else {
            continue;
        };
        let is_full = explained.len() >= MAX_EXPLAINED;
        let text = record.to_string();
        let known = match explained.get(&text) {
            Some(known) => known.clone(),
            None if is_full => None,
            None => {
                let found = Some(refusal_of(&catalog.explain(std::slice::from_ref(&edit))));
                explained.insert(text, found.clone());
                found
            }
        };
        let refusal = known.unwrap_or_else(unexplained_refusal);
        invalid.insert(id.clone(), refusal.fact("org", id.as_str()));
    }
    invalid
}

/// Returns a refusal with the titles of the problems. Their places are left out, since they refer to a document that
/// no operator wrote.
fn refusal_of(report: &Report) -> Refusal {
    let errors = report.problems().iter();
    let errors: Vec<_> = errors
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    let words: Vec<&str> = errors.iter().map(|problem| &*problem.title).collect();
    let refusal = Refusal::new(Code::InvalidDocument, words.join("; "));
    match errors.iter().find_map(|problem| problem.help.as_deref()) {
        Some(help) => refusal.help(help),
        None => refusal,
    }
}

fn unexplained_refusal() -> Refusal {
    let detail = "its record is malformed or refers to something that does not exist";
    Refusal::new(Code::InvalidDocument, detail).help("fix the explained records, then import this one again")
}
