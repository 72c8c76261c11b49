//! The nodes: their revisions and states.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::Nodes;
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::texts::text;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "nodes.html")]
struct NodesPage {
    page: Page,
    list: Nodes,
}

impl NodesPage {
    /// Returns true if a node serves another revision than the one that answers.
    fn lags(&self, revision: Option<&str>) -> bool {
        let answering = self
            .list
            .nodes
            .iter()
            .find(|node| node.id == self.list.answered_by);
        answering.is_some_and(|node| node.revision.as_deref() != revision)
    }
}

/// Shows the nodes.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Nodes, &text("nav-nodes"));
    let call = Call::get(&["platform", "nodes"]);
    match console.api.request::<Nodes>(&visitor, call).await {
        Ok(answer) => page::render(
            StatusCode::OK,
            &NodesPage {
                page,
                list: answer.body,
            },
        ),
        Err(problem) => page::problem(page, &problem),
    }
}
