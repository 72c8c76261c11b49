//! Tier Defaults: the variant that tenants of each tier get by default.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{Flag, FlagTiers};
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::problem::Problem;
use crate::visitor::Visitor;

use super::flag_header::{FlagHeader, Tab};

#[derive(Template)]
#[template(path = "flag_tiers.html")]
struct TiersPage {
    page: Page,
    header: FlagHeader,
    defaults: FlagTiers,
    may_set: bool,
}

/// Shows the defaults, with the form that sets them.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    match read(&console, &visitor, &key).await {
        Ok((flag, defaults)) => {
            let template = TiersPage {
                page,
                header: FlagHeader::new(&visitor, flag, Tab::Tiers),
                defaults,
                may_set: visitor.may("setTiers"),
            };
            page::render(StatusCode::OK, &template)
        }
        Err(problem) => page::problem(page, &problem),
    }
}

async fn read(console: &Console, visitor: &Visitor, key: &str) -> Result<(Flag, FlagTiers), Problem> {
    let path = ["platform", "feature-flags", key];
    let flag = console.api.request::<Flag>(visitor, Call::get(&path)).await?;
    let path = ["platform", "feature-flags", key, "tiers"];
    let defaults = console
        .api
        .request::<FlagTiers>(visitor, Call::get(&path))
        .await?;
    Ok((flag.body, defaults.body))
}
