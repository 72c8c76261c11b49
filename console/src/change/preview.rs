//! The first step of a change: its effects, or the reasons why it is rejected, before anything is changed.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::form_body::FormBody;
use crate::page::{self, Page, Section};
use crate::page_path::is_page;
use crate::pages::ShownEntry;
use crate::problem::{Problem, Reason};
use crate::reason_help::in_console;
use crate::texts::{text, text_named};
use crate::visitor::Visitor;

use super::COMMON_FIELDS;
use super::correction::{self, CorrectedField, corrected};
use super::effects::Effects;
use super::meanwhile::{self, Meanwhile};
use super::operation::{Change, InvalidField};
use super::pilots::Pilots;
use super::stale::{self, StaleField};
use super::{apply, many_tenants, operation, org_operations, org_preview};

/// A change whose form is read.
pub(crate) struct Submitted {
    pub(crate) change: Change,
    pub(crate) form: Form,
    /// The revision that was previewed; none for a change of one step, such as a kill.
    pub(crate) revision: Option<u64>,
}

/// A form that can't be sent to the API.
pub(crate) enum Unusable {
    /// Its operation is unknown or not of the role, or its revision is no number.
    Foreign(Problem),
    /// It is of an earlier session, it misses a field, or one is malformed: the form, its field, and the title and reasons of
    /// the page.
    Incorrect {
        status: StatusCode,
        form: Form,
        field: Option<InvalidField>,
        title: String,
        reasons: Vec<Reason>,
    },
    /// It changes fields that others changed since its page was loaded: the form, its fields, the title, and the page of
    /// what is changed.
    Stale {
        form: Form,
        fields: Vec<StaleField>,
        title: String,
        back: String,
    },
}

/// The page of the first step, and of a second step that failed: input is never lost.
#[derive(Template)]
#[template(path = "change.html")]
struct ChangePage {
    page: Page,
    title: String,
    back: String,
    /// The fields of the operation that the page does not show.
    fields: Vec<(String, String)>,
    /// The fields of a rejected change, to be corrected.
    corrected: Vec<CorrectedField>,
    reason: String,
    is_forced: bool,
    effects: Option<Effects>,
    /// The pilots of a change of the allowlist that serves no tenant another variant.
    pilots: Option<Pilots>,
    refusals: Vec<Reason>,
    /// The fields that others changed since the page of the form was loaded.
    stale: Vec<StaleField>,
    /// The changes of others since the first preview.
    meanwhile: Option<Meanwhile>,
    /// The path to which forms of changes are sent.
    changes_path: &'static str,
}

/// Shows the effects of a change.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    FormBody(form): FormBody,
) -> Response {
    match read(&console, &visitor, form).await {
        Ok(submitted) => render(&console, &visitor, &uri, &submitted, None).await,
        Err(unusable) => unusable.render(&console, &visitor, &uri),
    }
}

/// Reads the form of a change, after its token and the role of the visitor are checked.
///
/// # Errors
/// The form was not rendered for this session, the role does not have the operation, or a field is missing or malformed.
pub(crate) async fn read(
    console: &Console,
    visitor: &Visitor,
    mut form: Form,
) -> Result<Submitted, Unusable> {
    // A page of another site does not get here: the origin of the request was checked. The person who signed in again sends
    // the form once more, from a page of this session.
    if let Err(problem) = visitor.check_form(&form) {
        return Err(Unusable::Incorrect {
            status: problem.status(),
            title: text("change-title").into_owned(),
            reasons: vec![problem.reason()],
            field: None,
            form,
        });
    }
    let name = form.text("operation").unwrap_or_default();
    let Some(operation) = operation(name) else {
        let problem = Problem::invalid_form(format!("no operation has the name `{name}`"));
        return Err(Unusable::Foreign(problem));
    };
    if !visitor.may(operation.sends) {
        let role = visitor.signed_in.actor.role.as_str();
        return Err(Unusable::Foreign(Problem::role_missing(role)));
    }
    let revision = revision(&form).map_err(Unusable::Foreign)?;
    let change = match (operation.read)(&form) {
        Ok(change) => change,
        Err(field) => {
            return Err(Unusable::Incorrect {
                status: StatusCode::BAD_REQUEST,
                title: text("change-title").into_owned(),
                reasons: vec![correction::reason(&field)],
                field: Some(field),
                form,
            });
        }
    };
    let title = change.words.title.clone();
    let change = org_operations::name(console, visitor, &form, change).await;
    let stale = stale::find(console, visitor, &mut form).await;
    let stale = stale.map_err(Unusable::Foreign)?;
    if !stale.is_empty() {
        return Err(Unusable::Stale {
            back: apply::back(&change, &form),
            form,
            fields: stale,
            title,
        });
    }
    match many_tenants::complete(console, visitor, &form, change).await {
        Ok(change) => Ok(Submitted {
            change,
            form,
            revision,
        }),
        Err(reasons) => Err(Unusable::Incorrect {
            status: StatusCode::BAD_REQUEST,
            title,
            reasons,
            field: None,
            form,
        }),
    }
}

/// Returns the revision that a form expects.
///
/// # Errors
/// There is such a field, and it is no number. Without it the change would overwrite those of others.
fn revision(form: &Form) -> Result<Option<u64>, Problem> {
    let invalid = |_| Problem::invalid_form(text_named("field-invalid", "revision").into_owned());
    let field = form.raw("revision");
    field.map(|written| written.parse().map_err(invalid)).transpose()
}

impl Unusable {
    /// Renders the page that shows it. An incorrect form can be corrected there.
    pub(crate) fn render(self, console: &Console, visitor: &Visitor, uri: &Uri) -> Response {
        let page = blank(console, visitor, uri);
        match self {
            Self::Foreign(problem) => page::problem(page, &problem),
            Self::Incorrect {
                status,
                form,
                field,
                title,
                reasons,
            } => {
                let back = form.text("back").filter(|back| is_page(back));
                let template = ChangePage {
                    title,
                    back: back.unwrap_or(page.section.path()).to_owned(),
                    refusals: reasons
                        .into_iter()
                        .map(|reason| in_console(reason, form.text("flag")))
                        .collect(),
                    ..ChangePage::of(page, &form, corrected(&form, field.as_ref()))
                };
                page::render(status, &template)
            }
            Self::Stale {
                form,
                fields,
                title,
                back,
            } => {
                let template = ChangePage {
                    title,
                    back,
                    stale: fields,
                    ..ChangePage::of(page, &form, corrected(&form, None))
                };
                page::render(StatusCode::PRECONDITION_FAILED, &template)
            }
        }
    }
}

impl ChangePage {
    /// Returns true if there is something to confirm, or to correct.
    fn is_open(&self) -> bool {
        let is_effective = self.effects.as_ref().is_some_and(|effects| effects.changed);
        is_effective || !self.corrected.is_empty() || !self.stale.is_empty()
    }

    /// Creates the page of a form, with the fields that it shows to be corrected.
    fn of(page: Page, form: &Form, corrected: Vec<CorrectedField>) -> Self {
        let mut fields = form.without(COMMON_FIELDS);
        fields.retain(|(name, _)| !corrected.iter().any(|shown| shown.name == name));
        Self {
            changes_path: page.changes_path(),
            page,
            title: String::new(),
            back: String::new(),
            fields,
            corrected,
            reason: form.raw("reason").unwrap_or_default().to_owned(),
            is_forced: form.is_checked("force"),
            effects: None,
            pilots: None,
            refusals: Vec::new(),
            stale: Vec::new(),
            meanwhile: None,
        }
    }
}

/// Renders the first step again. `rejection` is the rejection of the second step, if there was one.
pub(crate) async fn render(
    console: &Console,
    visitor: &Visitor,
    uri: &Uri,
    submitted: &Submitted,
    rejection: Option<&Problem>,
) -> Response {
    let Submitted { change, form, .. } = submitted;
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
    let mut meanwhile = None;
    if let Some(problem) = rejection {
        status = problem.status();
        if problem.is_conflict() {
            let since = submitted.revision.unwrap_or_default();
            meanwhile = Some(meanwhile::since(console, visitor, since, form).await);
        } else if effects.is_some() {
            refusals = problem.reasons();
        }
    }
    if let Some(reason) = effects.as_ref().and_then(|effects| effects.read_only.clone()) {
        refusals.push(reason);
    }
    let flag = form.text("flag");
    let refusals = refusals
        .into_iter()
        .map(|reason| in_console(reason, flag))
        .collect();
    let corrected = match &effects {
        Some(_) => Vec::new(),
        None => corrected(form, None),
    };
    let template = ChangePage {
        title: change.words.title.clone(),
        back: apply::back(change, form),
        pilots: match &effects {
            Some(effects) => Pilots::read(console, visitor, form, effects).await,
            None => None,
        },
        effects,
        refusals,
        meanwhile,
        ..ChangePage::of(blank(console, visitor, uri), form, corrected)
    };
    page::render(status, &template)
}

fn blank(console: &Console, visitor: &Visitor, uri: &Uri) -> Page {
    let section = match visitor.is_of_org() {
        true => Section::Org,
        false => Section::Flags,
    };
    let title = text("change-title");
    Page::new(console, visitor, uri, section, &title)
}
