//! Explanations: what would happen to a request, or how a flag is decided, with every phase and every line.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::admin_api::Call;
use crate::answers::{ExplainedFlag, RequestExplanation};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::form_body::FormBody;
use crate::page::{self, Page, Section};
use crate::problem::{Problem, Reason};
use crate::texts::text;
use crate::visitor::Visitor;

use super::explain_question::Question;

#[derive(Template)]
#[template(path = "explain.html")]
struct ExplainPage {
    page: Page,
    question: Question,
    request: Option<RequestExplanation>,
    flag: Option<ExplainedFlag>,
    refusals: Vec<Reason>,
}

/// An answer to a question.
enum Explanation {
    Request(RequestExplanation),
    Flag(ExplainedFlag),
}

/// Shows the form, and the explanation if the link has a question.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let question = Question::new(query.clone());
    if query.raw("token").is_some() {
        // A token that somebody put into a link is not kept in the address and not used.
        return Redirect::to(&question.link()).into_response();
    }
    render(&console, &visitor, &uri, question).await
}

/// Answers a submitted form: with the link to the question, or with the explanation if a link must not have the
/// question.
pub(crate) async fn submit(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    FormBody(form): FormBody,
) -> Response {
    let expired = visitor.check_form(&form).err();
    let question = Question::new(form);
    if let Some(problem) = expired {
        let template = ExplainPage {
            refusals: problem.reasons(),
            ..ExplainPage::of(blank(&console, &visitor, &uri), question)
        };
        return page::render(problem.status(), &template);
    }
    if question.can_be_linked() {
        return Redirect::to(&question.link()).into_response();
    }
    render(&console, &visitor, &uri, question).await
}

async fn render(console: &Console, visitor: &Visitor, uri: &Uri, question: Question) -> Response {
    let mut template = ExplainPage::of(blank(console, visitor, uri), question);
    let mut status = StatusCode::OK;
    if !template.question.is_empty() {
        match ask(console, visitor, &template.question).await {
            Ok(Explanation::Request(request)) => template.request = Some(request),
            Ok(Explanation::Flag(flag)) => template.flag = Some(flag),
            Err(problem) => {
                status = problem.status();
                template.refusals = problem.reasons();
            }
        }
    }
    page::render(status, &template)
}

impl ExplainPage {
    /// Creates the page of a question without an answer.
    fn of(page: Page, question: Question) -> Self {
        Self {
            page,
            question,
            request: None,
            flag: None,
            refusals: Vec::new(),
        }
    }
}

/// Asks the API.
async fn ask(console: &Console, visitor: &Visitor, question: &Question) -> Result<Explanation, Problem> {
    let call = Call::post(&["explain"]).json(question.body()?);
    Ok(match question.is_about_flag() {
        true => Explanation::Flag(console.api.request(visitor, call).await?.body),
        false => Explanation::Request(console.api.request(visitor, call).await?.body),
    })
}

fn blank(console: &Console, visitor: &Visitor, uri: &Uri) -> Page {
    Page::new(console, visitor, uri, Section::Explain, &text("explain-title"))
}
