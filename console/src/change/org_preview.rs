//! The first step of an operation of an org, and a second step that failed: in plain words, without codes.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::org_names::OrgNames;
use crate::org_words::{Plain, plain};
use crate::page::{self, Page, Section};
use crate::problem::{Problem, Reason};
use crate::texts::{text, text_named, text_pair};
use crate::visitor::Visitor;

use super::COMMON_FIELDS;
use super::effects::{ChangedDecision, Effects};
use super::meanwhile::{self, OrgChange};
use super::org_operations::{REPORT, REPORT_FIELDS};
use super::preview::Submitted;

#[derive(Template)]
#[template(path = "org_change.html")]
struct OrgChangePage {
    page: Page,
    title: String,
    back: String,
    /// The fields of the operation that the form does not show.
    fields: Vec<(String, String)>,
    /// The fields of a report, which can be corrected.
    report: Option<ReportFields>,
    /// The effects, a sentence each.
    effects: Vec<String>,
    problems: Vec<Plain>,
    /// The latest changes of the feature, if something was changed since the preview.
    meanwhile: Vec<OrgChange>,
    /// The revision that was previewed.
    revision: Option<u64>,
    changes_path: &'static str,
}

/// The fields of a report, as they were typed.
pub(crate) struct ReportFields {
    pub(crate) cause: String,
    pub(crate) text: String,
    pub(crate) ticket: String,
}

impl ReportFields {
    /// Reads the fields of a form.
    pub(crate) fn read(form: &Form) -> Self {
        let field = |name: &str| form.raw(name).unwrap_or_default().to_owned();
        Self {
            cause: field("cause"),
            text: field("text"),
            ticket: field("ticket"),
        }
    }
}

/// Renders the effects of an operation. `rejection` is the rejection of the second step, if there was one.
pub(super) async fn render(
    console: &Console,
    visitor: &Visitor,
    uri: &Uri,
    (submitted, back): (&Submitted, String),
    rejection: Option<&Problem>,
) -> Response {
    let Submitted { change, form, .. } = submitted;
    let dry_run = change.call.clone().dry_run();
    let dry_run = console.api.request::<Effects>(visitor, dry_run).await;
    let (effects, mut reasons, mut status) = match dry_run {
        Ok(answer) => (Some(answer.body), Vec::new(), StatusCode::OK),
        Err(problem) => (None, problem.reasons(), problem.status()),
    };
    if let Some(problem) = rejection {
        status = problem.status();
        if effects.is_some() {
            reasons = problem.reasons();
        }
    }
    if let Some(reason) = effects.as_ref().and_then(|effects| effects.read_only.clone()) {
        reasons.push(reason);
    }
    let meanwhile = match rejection.is_some_and(Problem::is_conflict) {
        true => meanwhile::of_org(console, visitor, form).await,
        false => Vec::new(),
    };
    let is_report = form.text("operation") == Some(REPORT);
    let mut hidden = COMMON_FIELDS.to_vec();
    if is_report {
        hidden.extend(REPORT_FIELDS);
    }
    let is_possible = effects
        .as_ref()
        .is_some_and(|effects| effects.read_only.is_none());
    let page = Page::new(console, visitor, uri, Section::Org, &text("change-title"));
    let template = OrgChangePage {
        changes_path: page.changes_path(),
        title: change.words.title.clone(),
        back,
        fields: form.without(&hidden),
        report: is_report.then(|| ReportFields::read(form)),
        effects: match &effects {
            Some(effects) if !is_report => sentences(console, visitor, effects, form).await,
            _ => Vec::new(),
        },
        problems: problems(visitor, &reasons),
        meanwhile,
        revision: effects.filter(|_| is_possible).map(|effects| effects.revision),
        page,
    };
    page::render(status, &template)
}

fn problems(visitor: &Visitor, reasons: &[Reason]) -> Vec<Plain> {
    reasons.iter().map(|reason| plain(visitor, reason)).collect()
}

/// Returns the effects on the org, a sentence each.
async fn sentences(console: &Console, visitor: &Visitor, effects: &Effects, form: &Form) -> Vec<String> {
    let (Some(org), Some(flag)) = (form.text("org"), form.text("flag")) else {
        return Vec::new();
    };
    let decisions = effects.preview.decisions.iter();
    let own: Vec<&ChangedDecision> = decisions
        .filter(|decision| decision.tenant.as_deref() == Some(org))
        .collect();
    let keys = own.iter().map(|decision| &*decision.flag);
    let names = OrgNames::read(console, visitor, org, keys.chain([flag])).await;
    let sentences: Vec<String> = own.iter().map(|decision| sentence(decision, &names)).collect();
    match sentences.is_empty() {
        true => {
            let is_on = names.is_on(flag);
            let id = if is_on { "org-stays-on" } else { "org-stays-off" };
            vec![text_named(id, &names.name(flag)).into_owned()]
        }
        false => sentences,
    }
}

fn sentence(decision: &ChangedDecision, names: &OrgNames) -> String {
    let name = &names.name(&decision.flag);
    match decision.to.as_deref() {
        Some("on") => text_named("org-will-be-on", name).into_owned(),
        Some("off") | None => text_named("org-will-be-off", name).into_owned(),
        Some(variant) => text_pair("org-will-be", name, variant).into_owned(),
    }
}
