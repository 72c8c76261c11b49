//! The form by which an org reports a problem with a feature.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::change::ReportFields;
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::org_names::OrgNames;
use crate::page::{self, Page, Section};
use crate::texts::text;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "org_report.html")]
struct ReportPage {
    page: Page,
    org: String,
    flag: String,
    /// The name of the feature.
    name: String,
    report: ReportFields,
    back: String,
}

/// Shows the form.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(flag): Path<String>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let org = visitor.org(&query).unwrap_or_default().to_owned();
    let back = match visitor.is_of_org() {
        true => Section::Org.path().to_owned(),
        false => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("org", &org)
                .finish();
            format!("{}?{query}", Section::Org.path())
        }
    };
    let template = ReportPage {
        page: Page::new(&console, &visitor, &uri, Section::Org, &text("org-report")),
        name: OrgNames::read(&console, &visitor, &org, [&*flag])
            .await
            .name(&flag),
        org,
        flag,
        report: ReportFields::read(&query),
        back,
    };
    page::render(StatusCode::OK, &template)
}
