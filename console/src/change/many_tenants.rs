//! Changes of many tenants at once. Their records are read first: an unknown id is refused, because the import of records
//! would create a tenant from a typo; and a merge patch replaces the beta allowlist as a whole. The confirmation has the
//! revision of the preview, so that no change between the two is lost.

use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::answers::Tenant;
use crate::console::Console;
use crate::form::Form;
use crate::problem::{Problem, Reason};
use crate::texts::text_n;
use crate::visitor::Visitor;

use super::operation::Change;
use super::tenant_operations::{patch_many, tenants};

/// The largest number of tenants of one change.
const MAX_TENANTS: usize = 200;

/// Completes a change of many tenants; any other change stays as it is.
///
/// # Errors
/// There are too many tenants, or some have no record; the reasons name each of them.
pub(crate) async fn complete(
    console: &Console,
    visitor: &Visitor,
    form: &Form,
    change: Change,
) -> Result<Change, Vec<Reason>> {
    let operation = form.text("operation").unwrap_or_default();
    if !["allow", "disallow", "override", "remove-override"].contains(&operation) {
        return Ok(change);
    }
    let (Ok(ids), Some(flag)) = (tenants(form), form.text("flag")) else {
        return Ok(change);
    };
    if ids.len() < 2 {
        return Ok(change);
    }
    if ids.len() > MAX_TENANTS {
        let limit = u64::try_from(MAX_TENANTS).unwrap_or(u64::MAX);
        let problem = Problem::invalid_form(text_n("tenants-too-many", limit).into_owned());
        return Err(problem.reasons());
    }
    let tenants = known(console, visitor, &ids).await?;
    if operation.ends_with("override") {
        return Ok(change);
    }
    let mut records = Map::new();
    for Tenant {
        id, beta: mut list, ..
    } in tenants
    {
        list.retain(|listed| listed != flag);
        if operation == "allow" {
            list.push(flag.to_owned());
        }
        let list = if list.is_empty() { Value::Null } else { json!(list) };
        records.insert(id, json!({ "beta": list }));
    }
    Ok(Change {
        call: patch_many(records),
        ..change
    })
}

/// Returns the records of tenants.
///
/// # Errors
/// Some have none; there is a reason for each of them.
async fn known(console: &Console, visitor: &Visitor, ids: &[&str]) -> Result<Vec<Tenant>, Vec<Reason>> {
    let (mut tenants, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        let call = Call::get(&["platform", "orgs", id]);
        match console.api.request::<Tenant>(visitor, call).await {
            Ok(answer) => tenants.push(answer.body),
            Err(problem) => unknown.extend(problem.reasons()),
        }
    }
    match unknown.is_empty() {
        true => Ok(tenants),
        false => Err(unknown),
    }
}
