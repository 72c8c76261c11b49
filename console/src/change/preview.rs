//! The first step of a change: its effects, or the reasons why it is rejected, before anything is changed.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::problem::{Problem, Reason};
use crate::visitor::Visitor;

use super::COMMON_FIELDS;
use super::effects::Effects;
use super::operation::Change;
use super::{allowlist, apply, operation, org_operations, org_preview};

/// A change whose form is read.
pub(crate) struct Submitted {
    pub(crate) change: Change,
    pub(crate) form: Form,
}

/// The page of the first step, and of a second step that failed: input is never lost.
#[derive(Template)]
#[template(path = "change.html")]
struct ChangePage {
    page: Page,
    title: String,
    back: String,
    /// The fields of the operation.
    fields: Vec<(String, String)>,
    /// The document of a rejected change, to be corrected. Otherwise it is among the fields.
    rejected_document: Option<String>,
    reason: String,
    is_forced: bool,
    effects: Option<Effects>,
    refusals: Vec<Reason>,
    /// The changes of others since the first preview.
    meanwhile: Vec<Meanwhile>,
    /// The path to which forms of changes are sent.
    changes_path: &'static str,
}

/// A change that was committed after the preview.
#[derive(Debug, Deserialize)]
pub(crate) struct Meanwhile {
    pub(crate) revision: u64,
    pub(crate) action: String,
    pub(crate) at: String,
    pub(crate) actor: String,
    pub(crate) flag: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) reason: Option<String>,
    outcome: String,
}

/// A page of the audit log.
#[derive(Deserialize)]
struct AuditPage {
    entries: Vec<Meanwhile>,
}

/// Shows the effects of a change.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    body: Bytes,
) -> Response {
    match read(&console, &visitor, &body).await {
        Ok(submitted) => render(&console, &visitor, &uri, &submitted, None).await,
        Err(problem) => page::problem(blank(&console, &visitor, &uri), &problem),
    }
}

/// Reads the form of a change, and checks its token.
///
/// # Errors
/// The form was not rendered for this session, or misses a field.
pub(crate) async fn read(console: &Console, visitor: &Visitor, body: &[u8]) -> Result<Submitted, Problem> {
    let form = Form::read(body);
    visitor.check_form(&form)?;
    let name = form.text("operation").unwrap_or_default();
    let Some(operation) = operation(name) else {
        return Err(Problem::invalid_form(format!(
            "no operation has the name `{name}`"
        )));
    };
    let change = (operation.read)(&form)
        .map_err(|field| Problem::invalid_form(format!("the field `{}` is missing", field.0)))?;
    let change = allowlist::complete(console, visitor, &form, change).await?;
    Ok(Submitted { change, form })
}

/// Renders the first step again. `rejection` is the rejection of the second step, if there was one.
pub(crate) async fn render(
    console: &Console,
    visitor: &Visitor,
    uri: &Uri,
    submitted: &Submitted,
    rejection: Option<&Problem>,
) -> Response {
    let Submitted { change, form } = submitted;
    if org_operations::is_of_org(form) {
        let back = apply::back(change, form);
        return org_preview::render(console, visitor, uri, (submitted, back), rejection).await;
    }
    let (effects, mut refusals, mut status) = match change.call.has_preview() {
        true => {
            let call = change.call.clone().dry_run();
            match console.api.request::<Effects>(visitor, call).await {
                Ok(answer) => (Some(answer.body), Vec::new(), StatusCode::OK),
                Err(problem) => (None, problem.reasons(), problem.status()),
            }
        }
        false => (
            None,
            rejection.map(Problem::reasons).unwrap_or_default(),
            StatusCode::OK,
        ),
    };
    let mut meanwhile = Vec::new();
    if let Some(problem) = rejection {
        status = problem.status();
        if problem.is_conflict() {
            let since = form.number("revision").unwrap_or_default();
            meanwhile = changes_since(console, visitor, since).await;
        } else if effects.is_some() {
            refusals = problem.reasons();
        }
    }
    if let Some(reason) = effects.as_ref().and_then(|effects| effects.read_only.clone()) {
        refusals.push(reason);
    }
    let page = blank(console, visitor, uri);
    let changes_path = page.changes_path();
    let rejected_document = form
        .raw("document")
        .filter(|_| effects.is_none())
        .map(str::to_owned);
    let mut fields = form.without(COMMON_FIELDS);
    if rejected_document.is_some() {
        fields.retain(|(name, _)| name != "document");
    }
    let template = ChangePage {
        page,
        title: change.title.clone(),
        back: apply::back(change, form),
        fields,
        rejected_document,
        reason: form.raw("reason").unwrap_or_default().to_owned(),
        is_forced: form.is_checked("force"),
        effects,
        refusals,
        meanwhile,
        changes_path,
    };
    page::render(status, &template)
}

/// Returns what was changed after a revision, oldest first.
async fn changes_since(console: &Console, visitor: &Visitor, revision: u64) -> Vec<Meanwhile> {
    if visitor.is_of_org() {
        return Vec::new();
    }
    let call = crate::admin_api::Call::get(&["platform", "audit"]).with("limit", "50");
    let Ok(answer) = console.api.request::<AuditPage>(visitor, call).await else {
        return Vec::new();
    };
    let mut entries = answer.body.entries;
    entries.retain(|entry| entry.revision > revision && entry.outcome == "applied");
    entries.sort_by_key(|entry| entry.revision);
    entries
}

fn blank(console: &Console, visitor: &Visitor, uri: &Uri) -> Page {
    let section = match visitor.is_of_org() {
        true => Section::Org,
        false => Section::Flags,
    };
    let title = crate::texts::text("change-title");
    Page::new(console, visitor, uri, section, &title)
}
