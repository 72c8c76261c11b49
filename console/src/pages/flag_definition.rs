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
use crate::filters::{self, shown_bytes};
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Pager;
use crate::problem::Problem;
use crate::visitor::Visitor;

use super::flag_header::{FlagHeader, Tab};

/// The number of routes on a page.
const PER_PAGE: usize = 50;
/// The number of items of each other list that the page shows.
const LISTED: usize = 100;
/// The number of bytes of the definition that the page shows.
const MAX_DEFINITION_BYTES: usize = 64 * 1024;

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
    /// The number of routes on all pages.
    routes: usize,
    /// The pages of the routes.
    pager: Pager,
    /// The fields of the definition, as in a flags document (JSON), as far as they fit.
    definition: String,
    /// True if a part of the definition is left out.
    is_cut: bool,
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
        Ok((flag, definition, mut usage)) => {
            let query = Form::of_query(&uri);
            let routes = usage.routes.len();
            let pager = Pager::new(uri.path(), &query, routes, PER_PAGE);
            let first = pager.number.saturating_sub(1).saturating_mul(PER_PAGE);
            usage.routes = usage.routes.into_iter().skip(first).take(PER_PAGE).collect();
            let (definition, is_cut) = cut_lines(definition);
            let template = DefinitionPage {
                page,
                header: FlagHeader::new(&visitor, flag, Tab::Definition),
                usage,
                routes,
                pager,
                definition,
                is_cut,
            };
            page::render(StatusCode::OK, &template)
        }
        Err(problem) => page::problem(page, &problem),
    }
}

/// Returns the first lines of a definition, and true if lines are left out.
fn cut_lines(definition: String) -> (String, bool) {
    let mut left = MAX_DEFINITION_BYTES;
    let mut fits = |line: &&str| {
        let bytes = shown_bytes(line);
        left.checked_sub(bytes).map(|rest| left = rest).is_some()
    };
    let lines: Vec<&str> = definition
        .split_inclusive('\n')
        .take_while(|line| fits(line))
        .collect();
    let shown = lines.concat();
    let is_cut = shown.len() < definition.len();
    (shown, is_cut)
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
