//! The health of the node that answers: readiness, the last reload with its problems, keys, upstreams.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{DocumentProblem, Endpoint, NodeHealth};
use crate::console::Console;
use crate::filters::{self, shown_bytes};
use crate::page::{self, Page, Section};
use crate::texts::text;
use crate::visitor::Visitor;

/// The number of endpoints that the page shows.
const LISTED: usize = 100;
/// The number of bytes of problems that the page shows.
const MAX_PROBLEM_BYTES: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    page: Page,
    health: NodeHealth,
    /// The problems of the last reload, each with its file, as far as they fit.
    problems: Vec<(String, DocumentProblem)>,
    /// The number of problems that are left out.
    unlisted_problems: usize,
    /// The endpoints of all upstreams, each with the name of its upstream; those that are not fit first.
    endpoints: Vec<(String, Endpoint)>,
}

impl HealthPage {
    fn new(page: Page, mut health: NodeHealth) -> Self {
        let documents = std::mem::take(&mut health.reload.documents).into_iter();
        let mut problems: Vec<(String, DocumentProblem)> = documents
            .flat_map(|document| {
                let file = document.file;
                let problems = document.problems.into_iter();
                problems.map(move |problem| (file.clone(), problem))
            })
            .collect();
        let mut left = MAX_PROBLEM_BYTES;
        let fit = problems.iter().take_while(|(file, problem)| {
            let bytes = shown_bytes(file).saturating_add(shown_bytes(&problem.text));
            left.checked_sub(bytes).map(|rest| left = rest).is_some()
        });
        let fit = fit.count();
        let unlisted_problems = problems.len().saturating_sub(fit);
        problems.truncate(fit);
        let upstreams = std::mem::take(&mut health.upstreams).into_iter();
        let mut endpoints: Vec<(String, Endpoint)> = upstreams
            .flat_map(|upstream| {
                let name = upstream.upstream;
                let endpoints = upstream.endpoints.into_iter();
                endpoints.map(move |endpoint| (name.clone(), endpoint))
            })
            .collect();
        // Stable, so that the others stay in the order of the document.
        endpoints.sort_by_key(|(_, endpoint)| endpoint.health == "fit");
        Self {
            page,
            health,
            problems,
            unlisted_problems,
            endpoints,
        }
    }
}

/// Shows the health.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Health, &text("nav-health"));
    let call = Call::get(&["platform", "health"]);
    match console.api.request::<NodeHealth>(&visitor, call).await {
        Ok(answer) => page::render(StatusCode::OK, &HealthPage::new(page, answer.body)),
        Err(problem) => page::problem(page, &problem),
    }
}
