//! The list of tenants: search by id, tier and channel.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::TenantList;
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Cursor;
use crate::texts::text;
use crate::visitor::Visitor;

/// The number of tenants on a page.
const PER_PAGE: &str = "50";

#[derive(Template)]
#[template(path = "tenants.html")]
struct TenantsPage {
    page: Page,
    list: TenantList,
    search: String,
    tier: String,
    channel: String,
    cursor: Cursor,
}

impl TenantsPage {
    fn is_filtered(&self) -> bool {
        [&self.search, &self.tier, &self.channel]
            .iter()
            .any(|field| !field.is_empty())
    }
}

/// Shows a page of the list.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Tenants, &text("nav-tenants"));
    let query = Form::of_query(&uri);
    let mut call = Call::get(&["platform", "orgs"]).with("limit", PER_PAGE);
    for name in ["search", "tier", "channel", Cursor::FIELD] {
        call = call.with_some(name, query.text(name));
    }
    let list = match console.api.request::<TenantList>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let field = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let template = TenantsPage {
        page,
        cursor: Cursor::new(uri.path(), &query, list.next.as_deref()),
        list,
        search: field("search"),
        tier: field("tier"),
        channel: field("channel"),
    };
    page::render(StatusCode::OK, &template)
}
