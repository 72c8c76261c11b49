//! The tenants of a flag: who has it and why, the allowlist, overrides, and choices of the orgs.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{Flag, FlagTenants, FlagTiers};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Cursor;
use crate::problem::Problem;
use crate::visitor::Visitor;

use super::flag_header::{FlagHeader, Tab};

/// The number of tenants on a page.
const PER_PAGE: &str = "50";
/// The values of the filter by standing; each is the id of its text after `standing-`.
const STANDINGS: &[&str] = &["allowlisted", "overridden", "opted_in", "opted_out"];

#[derive(Template)]
#[template(path = "flag_tenants.html")]
struct TenantsPage {
    page: Page,
    header: FlagHeader,
    list: FlagTenants,
    /// The variants that an override may be.
    variants: Vec<String>,
    search: String,
    standing: String,
    on: String,
    cause: String,
    cursor: Cursor,
    may_override: bool,
    may_allow: bool,
}

/// The answers that the page is made of.
struct Found {
    flag: Flag,
    list: FlagTenants,
    variants: Vec<String>,
}

impl TenantsPage {
    /// Returns the variants that a row offers; none for a flag of `on` and `off`.
    fn choices(&self) -> Option<&[String]> {
        Some(&*self.variants).filter(|variants| *variants != ["on", "off"])
    }
}

/// Shows a page of the tenants.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    let query = Form::of_query(&uri);
    let Found { flag, list, variants } = match read(&console, &visitor, &key, &query).await {
        Ok(found) => found,
        Err(problem) => return page::problem(page, &problem),
    };
    let field = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let template = TenantsPage {
        page,
        header: FlagHeader::new(&visitor, flag, Tab::Tenants),
        cursor: Cursor::new(uri.path(), &query, list.next.as_deref()),
        list,
        variants,
        search: field("search"),
        standing: field("standing"),
        on: field("on"),
        cause: field("cause"),
        may_override: visitor.may("setOverride"),
        may_allow: visitor.may("allowBeta"),
    };
    page::render(StatusCode::OK, &template)
}

async fn read(console: &Console, visitor: &Visitor, key: &str, query: &Form) -> Result<Found, Problem> {
    let flag = Call::get(&["platform", "feature-flags", key]);
    let flag = console.api.request::<Flag>(visitor, flag).await?.body;
    let mut list = Call::get(&["platform", "feature-flags", key, "orgs"]).with("limit", PER_PAGE);
    for name in ["search", "standing", "on", "cause", Cursor::FIELD] {
        list = list.with_some(name, query.text(name));
    }
    let list = console.api.request::<FlagTenants>(visitor, list).await?.body;
    let tiers = Call::get(&["platform", "feature-flags", key, "tiers"]);
    let variants = console
        .api
        .request::<FlagTiers>(visitor, tiers)
        .await?
        .body
        .variants;
    Ok(Found { flag, list, variants })
}
