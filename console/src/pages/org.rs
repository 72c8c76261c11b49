//! The features of an org, for its own people: on or off, since when, and the choice to turn them on or off.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{OrgFlag, OrgFlags};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::org_words::{Plain, plain};
use crate::page::{self, Page, Section};
use crate::texts::text;
use crate::visitor::Visitor;

/// The number of features on a page.
const PER_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "org.html")]
struct OrgPage {
    page: Page,
    /// The org; none if staff did not name one yet.
    org: Option<String>,
    flags: Vec<OrgFlag>,
    /// The path and query of the following features.
    next: Option<String>,
    /// True if the list begins after a feature.
    is_continued: bool,
    problems: Vec<Plain>,
    may_choose: bool,
    may_report: bool,
}

impl OrgPage {
    /// Returns the features in testing and the others, each group after the id of its title.
    fn groups(&self) -> [(&'static str, Vec<&OrgFlag>); 2] {
        let (testing, available) = self.flags.iter().partition(|flag| flag.is_in_testing());
        [("org-testing-since", testing), ("org-available", available)]
    }

    /// Returns the part of a query that names the org, for staff.
    fn query(&self) -> String {
        match (&self.org, self.page.visitor.is_of_org()) {
            (Some(org), false) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("org", org)
                    .finish();
                format!("?{query}")
            }
            _ => String::new(),
        }
    }
}

/// Shows the features.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let title = text(match visitor.is_of_org() {
        true => "org-title",
        false => "org-title-staff",
    });
    let mut template = OrgPage {
        page: Page::new(&console, &visitor, &uri, Section::Org, &title),
        org: visitor.org(&query).map(str::to_owned),
        flags: Vec::new(),
        next: None,
        is_continued: query.text("after").is_some(),
        problems: Vec::new(),
        may_choose: visitor.may("optIn"),
        may_report: visitor.may("reportOfOrg"),
    };
    let Some(org) = template.org.clone() else {
        return page::render(StatusCode::OK, &template);
    };
    let call = Call::get(&["orgs", &org, "feature-flags"])
        .with("limit", PER_PAGE.to_string())
        .with_some("after", query.text("after"));
    let mut status = StatusCode::OK;
    match console.api.request::<OrgFlags>(&visitor, call).await {
        Ok(answer) => {
            template.flags = answer.body.flags;
            template.next = answer.body.next.map(|next| {
                let mut fields = query.without(&["after", "receipt"]);
                fields.push(("after".to_owned(), next));
                let query = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish();
                format!("{}?{query}", uri.path())
            });
        }
        Err(problem) => {
            status = problem.status();
            let reasons = problem.reasons();
            template.problems = reasons.iter().map(|reason| plain(&visitor, reason)).collect();
        }
    }
    page::render(status, &template)
}
