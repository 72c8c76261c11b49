//! The audit log of one flag.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::Flag;
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::problem::Reason;
use crate::visitor::Visitor;

use super::audit_log::{AuditLog, Filter, ShownEntry};
use super::flag_header::{FlagHeader, Tab};

#[derive(Template)]
#[template(path = "flag_audit.html")]
struct FlagAuditPage {
    page: Page,
    header: FlagHeader,
    log: AuditLog,
    is_of_flag: bool,
    refusals: Vec<Reason>,
}

/// Shows the log of a flag.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    let call = Call::get(&["platform", "feature-flags", &key]);
    let flag = match console.api.request::<Flag>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let query = Form::of_query(&uri);
    let filter = || Filter {
        flag: key.clone(),
        ..Filter::read(&query)
    };
    let read = AuditLog::read(&console, &visitor, (uri.path(), &query), filter()).await;
    let (log, refusals, status) = match read {
        Ok(log) => (log, Vec::new(), StatusCode::OK),
        Err(problem) => (AuditLog::empty(filter()), problem.reasons(), problem.status()),
    };
    let template = FlagAuditPage {
        page,
        header: FlagHeader::new(&visitor, flag, Tab::Audit),
        log,
        is_of_flag: true,
        refusals,
    };
    page::render(status, &template)
}
