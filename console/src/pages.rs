//! The pages, one file each.

mod flag;
mod flag_header;
mod flags;

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use crate::admin_api::segment;
use crate::console::Console;
use crate::page::Section;

/// Returns the routes of all pages.
pub(crate) fn router() -> Router<Arc<Console>> {
    Router::new()
        .route("/console", get(async || Redirect::to(Section::Flags.path())))
        .route(Section::Flags.path(), get(flags::show))
        .route("/platform/feature-flags/{flag}", get(flag::show))
}

/// Returns the path of the page of a flag.
pub(crate) fn flag_path(key: &str) -> String {
    format!("{}/{}", Section::Flags.path(), segment(key))
}
