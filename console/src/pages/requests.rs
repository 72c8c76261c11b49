//! Receipts of requests: a search by id, and the newest ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::admin_api::Call;
use crate::answers::Receipts;
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::problem::{Problem, Reason};
use crate::texts::text;
use crate::visitor::Visitor;

use super::request_path;

/// The number of receipts on a page.
const LISTED: usize = 50;
/// The number of flags that the list shows of a request.
const LISTED_FLAGS: usize = 3;
/// The number of digits of the id of a request.
const ID_DIGITS: usize = 32;
/// The outcomes, as in the access log.
const OUTCOMES: &[&str] = &[
    "rejected",
    "unauthenticated",
    "forbidden",
    "limited",
    "unmatched",
    "undecided",
    "redirected",
    "fallback",
    "forwarded",
    "shadowed",
    "bad_request",
    "upstream_error",
    "client_error",
    "shed",
    "aborted",
    "panicked",
];

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    page: Page,
    list: Receipts,
    id: String,
    tenant: String,
    flag: String,
    outcome: String,
    refusals: Vec<Reason>,
}

impl RequestsPage {
    fn is_filtered(&self) -> bool {
        [&self.tenant, &self.flag, &self.outcome]
            .iter()
            .any(|field| !field.is_empty())
    }

    /// Returns the host of most requests, which the list does not repeat.
    fn usual_host(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for receipt in &self.list.receipts {
            let count = counts.entry(&receipt.host).or_default();
            *count = count.saturating_add(1);
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map_or_else(String::new, |(host, _)| host.to_owned())
    }

    /// Returns true if there are as many receipts as the page lists, so that there may be older ones.
    fn is_cut(&self) -> bool {
        self.list.receipts.len() >= LISTED
    }
}

/// Shows the newest receipts, or redirects to the one whose id is searched.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let page = Page::new(
        &console,
        &visitor,
        &uri,
        Section::Requests,
        &text("requests-title"),
    );
    let (mut refusals, mut status) = (Vec::new(), StatusCode::OK);
    if let Some(typed) = query.text("id") {
        match request_id(typed) {
            Some(id) => return Redirect::to(&request_path(&id)).into_response(),
            None => {
                let problem = Problem::invalid_form(text("requests-invalid-id").into_owned());
                (refusals, status) = (problem.reasons(), problem.status());
            }
        }
    }
    let field = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let call = Call::get(&["requests"])
        .with("limit", LISTED.to_string())
        .with_some("tenant", query.text("tenant"))
        .with_some("flag", query.text("flag"))
        .with_some("outcome", query.text("outcome"));
    let list = match console.api.request::<Receipts>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let template = RequestsPage {
        page,
        list,
        id: field("id"),
        tenant: field("tenant"),
        flag: field("flag"),
        outcome: field("outcome"),
        refusals,
    };
    page::render(status, &template)
}

/// Returns the id of a request as it was typed or pasted; none if the text is no id.
fn request_id(typed: &str) -> Option<String> {
    let id = typed.trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
    let is_id = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}
