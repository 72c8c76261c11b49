//! The receipt of one request: the decision then, and as it would be now.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::ExplainedRequest;
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    page: Page,
    request: ExplainedRequest,
    /// The path and query of the explanation of the same request.
    explain: String,
}

/// Shows the receipt.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Requests, &id);
    let call = Call::get(&["requests", &id]);
    let request = match console.api.request::<ExplainedRequest>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let explain = explain_path(&request);
    page::render(
        StatusCode::OK,
        &RequestPage {
            page,
            request,
            explain,
        },
    )
}

/// Returns the explanation of the request, as far as the receipt knows it.
fn explain_path(request: &ExplainedRequest) -> String {
    let then = &request.then;
    let mut fields = vec![
        ("method", then.method.clone()),
        ("path", then.path.clone()),
        ("host", then.host.clone()),
    ];
    fields.extend(then.tenant.clone().map(|tenant| ("tenant", tenant)));
    if then.tenant.is_some() {
        fields.extend(then.user.clone().map(|user| ("user", user)));
        fields.push(("groups", then.groups.join("\n")));
    }
    let attributes = then.attributes.iter();
    let attributes: Vec<String> = attributes
        .map(|attribute| format!("{}={}", attribute.name, attribute.value))
        .collect();
    fields.push(("attributes", attributes.join("\n")));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()))
        .finish();
    format!("{}?{query}", Section::Explain.path())
}
