//! The beta allowlist of a flag for many tenants at once. A merge patch replaces a list, so that the records are read
//! first; the confirmation has the revision of the preview, so that no change between the two is lost.

use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::answers::Tenant;
use crate::console::Console;
use crate::form::Form;
use crate::problem::Problem;
use crate::texts::text_n;
use crate::visitor::Visitor;

use super::operation::Change;
use super::tenant_operations::{patch_many, tenants};

/// The largest number of tenants of one change.
const MAX_TENANTS: usize = 200;

/// Completes a change of the allowlist of many tenants; any other change stays as it is.
///
/// # Errors
/// There are too many tenants, or one has no record.
pub(crate) async fn complete(
    console: &Console,
    visitor: &Visitor,
    form: &Form,
    change: Change,
) -> Result<Change, Problem> {
    let is_allowed = match form.text("operation") {
        Some("allow") => true,
        Some("disallow") => false,
        _ => return Ok(change),
    };
    let (Ok(ids), Some(flag)) = (tenants(form), form.text("flag")) else {
        return Ok(change);
    };
    if ids.len() < 2 {
        return Ok(change);
    }
    if ids.len() > MAX_TENANTS {
        let limit = u64::try_from(MAX_TENANTS).unwrap_or(u64::MAX);
        return Err(Problem::invalid_form(
            text_n("tenants-too-many", limit).into_owned(),
        ));
    }
    let mut records = Map::new();
    for id in ids {
        let call = Call::get(&["platform", "orgs", id]);
        let mut list = console.api.request::<Tenant>(visitor, call).await?.body.beta;
        list.retain(|listed| listed != flag);
        if is_allowed {
            list.push(flag.to_owned());
        }
        let list = if list.is_empty() { Value::Null } else { json!(list) };
        records.insert(id.to_owned(), json!({ "beta": list }));
    }
    Ok(Change {
        call: patch_many(records),
        ..change
    })
}
