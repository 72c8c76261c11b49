//! The audit log: who changed what, its verification, and its export.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use crate::admin_api::{Call, problem_of};
use crate::answers::Verification;
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::problem::Reason;
use crate::texts::text;
use crate::visitor::Visitor;

use super::audit_log::{AuditLog, Filter, ShownEntry};

/// The name under which browsers save an export.
const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment; filename=\"audit.jsonl\"");

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    page: Page,
    log: AuditLog,
    /// False on the page of a flag.
    is_of_flag: bool,
    refusals: Vec<Reason>,
}

/// The page of a verification.
#[derive(Template)]
#[template(path = "audit_verification.html")]
struct VerificationPage {
    page: Page,
    verification: Verification,
}

/// Shows the log.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let page = Page::new(&console, &visitor, &uri, Section::Audit, &text("audit-title"));
    let filter = Filter::read(&query);
    let place = (uri.path(), &query);
    let (log, refusals, status) = match AuditLog::read(&console, &visitor, place, filter).await {
        Ok(log) => (log, Vec::new(), StatusCode::OK),
        // The filter is shown again, with the problem.
        Err(problem) => (
            AuditLog::empty(Filter::read(&query)),
            problem.reasons(),
            problem.status(),
        ),
    };
    let template = AuditPage {
        page,
        log,
        is_of_flag: false,
        refusals,
    };
    page::render(status, &template)
}

/// Verifies the whole log, and shows the result.
pub(crate) async fn verify(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let title = text("audit-verification");
    let page = Page::new(&console, &visitor, &uri, Section::Audit, &title);
    let call = Call::get(&["platform", "audit", "verify"]);
    match console.api.request::<Verification>(&visitor, call).await {
        Ok(answer) => {
            let verification = answer.body;
            page::render(StatusCode::OK, &VerificationPage { page, verification })
        }
        Err(problem) => page::problem(page, &problem),
    }
}

/// Answers with the whole log as JSON lines, as the API streams it.
pub(crate) async fn export(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let call = Call::get(&["platform", "audit", "export"]);
    match console.api.forward(&visitor, call).await {
        Ok(mut response) if response.status().is_success() => {
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, ATTACHMENT);
            response
        }
        Ok(response) => {
            let problem = problem_of(response).await;
            page::problem(audit_page(&console, &visitor, &uri), &problem)
        }
        Err(problem) => page::problem(audit_page(&console, &visitor, &uri), &problem),
    }
}

fn audit_page(console: &Console, visitor: &Visitor, uri: &Uri) -> Page {
    Page::new(console, visitor, uri, Section::Audit, &text("audit-title"))
}
