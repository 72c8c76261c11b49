//! The definition of a flag, where it is used, and what it uses.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value};

use crate::admin_api::Call;
use crate::answers::{Flag, FlagUsage};
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::problem::Problem;
use crate::visitor::Visitor;

use super::flag_header::{FlagHeader, Tab};

/// The members of the answer about a flag that are not part of its definition.
const STATE: &[&str] = &[
    "key",
    "lifecycle_since",
    "created",
    "local_kill",
    "tenants_on",
    "tenants_opted_in",
    "tenants_opted_out",
    "tenants_allowlisted",
    "tenants_overridden",
    "sign_offs",
    "open_reports",
    "incidents",
    "watched_until",
    "stale",
    "changed",
    "changed_by",
];

#[derive(Template)]
#[template(path = "flag_definition.html")]
struct DefinitionPage {
    page: Page,
    header: FlagHeader,
    usage: FlagUsage,
    /// The fields of the definition, as in a flags document (JSON).
    definition: String,
}

/// Shows the definition.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    match read(&console, &visitor, &key).await {
        Ok((flag, definition, usage)) => {
            let template = DefinitionPage {
                page,
                header: FlagHeader::new(&visitor, flag, Tab::Definition),
                usage,
                definition,
            };
            page::render(StatusCode::OK, &template)
        }
        Err(problem) => page::problem(page, &problem),
    }
}

async fn read(console: &Console, visitor: &Visitor, key: &str) -> Result<(Flag, String, FlagUsage), Problem> {
    let call = Call::get(&["platform", "feature-flags", key]);
    let mut members = console
        .api
        .request::<Map<String, Value>>(visitor, call)
        .await?
        .body;
    let flag = serde_json::from_value(Value::Object(members.clone()))
        .map_err(|error| Problem::defect(format!("the answer about a flag is malformed: {error}")))?;
    members.retain(|member, _| !STATE.contains(&&**member));
    let definition = serde_json::to_string_pretty(&members).unwrap_or_default();
    let usage = Call::get(&["platform", "feature-flags", key, "usage"]);
    let usage = console.api.request::<FlagUsage>(visitor, usage).await?.body;
    Ok((flag, definition, usage))
}
