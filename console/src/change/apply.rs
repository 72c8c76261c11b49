//! The second step of a change: it is applied if the state is still the one that was previewed.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::admin_api::Call;
use crate::answers::Nodes;
use crate::console::Console;
use crate::form::Form;
use crate::form_body::FormBody;
use crate::page_path::is_page;
use crate::receipt::ChangeReceipt;
use crate::visitor::Visitor;

use super::confirmations::{AppliedForm, FormDigest};
use super::effects::Applied;
use super::operation::{self, Change};
use super::preview;

/// Applies a change, and redirects to the page of what was changed, with the receipt.
pub(crate) async fn apply(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    FormBody(form): FormBody,
) -> Response {
    // Without a revision, as of a kill, the same form is another change once anything was changed.
    let is_bound = form.raw("revision").is_some();
    let slot = console.confirmations.slot(FormDigest::of(&visitor, &form));
    let mut applied_form = slot.lock().await;
    if let Some(applied) = &*applied_form
        && (is_bound || (console.revision)() == applied.revision)
    {
        return Redirect::to(&applied.location).into_response();
    }
    let submitted = match preview::read(&console, &visitor, form).await {
        Ok(submitted) => submitted,
        Err(unusable) => return unusable.render(&console, &visitor, &uri),
    };
    let (change, form) = (&submitted.change, &submitted.form);
    let mut call = change.call.clone();
    if let Some(reason) = form.text("reason") {
        call = call.because(reason);
    }
    if let Some(revision) = submitted.revision {
        call = call.expecting(revision);
    }
    if form.is_checked("force") {
        call = call.forced();
    }
    let begun = Instant::now();
    match console.api.request::<Applied>(&visitor, call).await {
        Ok(answer) => {
            let took = begun.elapsed();
            let applied = answer.body;
            let receipt = ChangeReceipt {
                title: match applied.is_changed() {
                    true => change.words.done.clone(),
                    false => change.words.title.clone(),
                },
                revision: applied.revision,
                is_changed: applied.is_changed(),
                took,
                nodes: nodes_at(&console, &visitor, applied.revision).await,
                notes: applied.notes(),
                undo: change.undo.clone().filter(|_| applied.is_changed()),
                reason_follows: reason_follows(form).filter(|_| applied.is_changed()),
            };
            let back = back(change, form);
            let separator = if back.contains('?') { '&' } else { '?' };
            let location = match console.receipts.keep(&visitor, &back, receipt) {
                Ok(id) => format!("{back}{separator}receipt={id}"),
                // The change is applied, with or without a receipt.
                Err(_) => back,
            };
            // An operation without a preview, such as a look at a rollout, may find something else each time.
            if change.call.has_preview() {
                *applied_form = Some(AppliedForm {
                    location: location.clone(),
                    revision: applied.revision,
                });
            }
            Redirect::to(&location).into_response()
        }
        Err(problem) => preview::render(&console, &visitor, &uri, &submitted, Some(&problem)).await,
    }
}

/// Returns the number of nodes that serve a revision or a later one, and of all nodes; none if the visitor may not see them.
async fn nodes_at(console: &Console, visitor: &Visitor, revision: u64) -> Option<(usize, usize)> {
    if visitor.is_of_org() {
        return None;
    }
    let call = Call::get(&["platform", "nodes"]);
    let nodes = console.api.request::<Nodes>(visitor, call).await.ok()?.body.nodes;
    let serve = nodes.iter().filter(|node| node.serves(revision)).count();
    Some((serve, nodes.len()))
}

/// Returns the fields of the form that adds the reason of a kill without one.
fn reason_follows(form: &Form) -> Option<Vec<(String, String)>> {
    let is_kill = form.text("operation") == Some("kill") && form.text("reason").is_none();
    let flag = form.text("flag").filter(|_| is_kill)?;
    Some(operation::fields("kill-reason", &[("flag", flag)]))
}

/// Returns the page to return to: that of the form if it is a page of the console, otherwise that of what is changed.
pub(crate) fn back(change: &Change, form: &Form) -> String {
    let sent = form.text("back").filter(|back| is_page(back));
    sent.unwrap_or(&change.back).to_owned()
}
