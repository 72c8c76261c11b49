//! A tenant: its record, and the decision of every flag for it.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{Tenant, TenantFlags};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Cursor;
use crate::problem::Problem;
use crate::visitor::Visitor;

/// The number of flags on a page.
const PER_PAGE: &str = "50";

#[derive(Template)]
#[template(path = "tenant.html")]
struct TenantPage {
    page: Page,
    tenant: Tenant,
    list: TenantFlags,
    search: String,
    on: String,
    cursor: Cursor,
    may_change: bool,
    may_override: bool,
    may_allow: bool,
}

/// Shows a tenant.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Tenants, &id);
    let query = Form::of_query(&uri);
    let (tenant, list) = match read(&console, &visitor, &id, &query).await {
        Ok(found) => found,
        Err(problem) => return page::problem(page, &problem),
    };
    let field = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let template = TenantPage {
        page,
        cursor: Cursor::new(uri.path(), &query, list.next.as_deref()),
        tenant,
        list,
        search: field("search"),
        on: field("on"),
        may_change: visitor.may("patchOrg"),
        may_override: visitor.may("setOverride"),
        may_allow: visitor.may("allowBeta"),
    };
    page::render(StatusCode::OK, &template)
}

async fn read(
    console: &Console,
    visitor: &Visitor,
    id: &str,
    query: &Form,
) -> Result<(Tenant, TenantFlags), Problem> {
    let tenant = Call::get(&["platform", "orgs", id]);
    let tenant = console.api.request::<Tenant>(visitor, tenant).await?.body;
    let mut list = Call::get(&["platform", "orgs", id, "feature-flags"]).with("limit", PER_PAGE);
    for name in ["search", "on", Cursor::FIELD] {
        list = list.with_some(name, query.text(name));
    }
    let list = console.api.request::<TenantFlags>(visitor, list).await?.body;
    Ok((tenant, list))
}
