//! The list of all flags: search, filters, sorting.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use crate::admin_api::Call;
use crate::answers::{Flag, FlagList, FlagTraffic};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Pager;
use crate::texts::text;
use crate::visitor::Visitor;

/// The number of flags on a page.
const PER_PAGE: usize = 50;
/// The values of the filter by state; each is the id of its text after `flags-state-`.
const STATES: &[&str] = &["alpha", "beta", "ga", "retired", "none", "killed", "stale"];
/// The orders of the list; each is the id of its text after `flags-sort-`.
const ORDERS: &[&str] = &["key", "changed", "lifecycle"];

#[derive(Template)]
#[template(path = "flags.html")]
struct FlagsPage {
    page: Page,
    flags: Vec<Flag>,
    total: usize,
    tenants: usize,
    filter: Filter,
    pager: Pager,
    /// The traffic of the last hour, by flag; empty if it can't be read.
    traffic: FlagTraffic,
    /// The stages of the rollout plans in words, by flag.
    stages: BTreeMap<String, String>,
    may_kill: bool,
    may_restore: bool,
}

/// The plans of rollouts.
#[derive(Default, Deserialize)]
struct Plans {
    rollouts: Vec<Plan>,
}

/// A plan, as the list shows it.
#[derive(Deserialize)]
struct Plan {
    flag: String,
    state: String,
    stage: Option<Stage>,
}

/// The stage of a plan.
#[derive(Deserialize)]
struct Stage {
    name: String,
}

/// The fields of the search.
struct Filter {
    search: String,
    state: String,
    owner: String,
    sort: String,
}

impl Filter {
    fn read(query: &Form) -> Self {
        let field = |name: &str| query.text(name).unwrap_or_default().to_owned();
        Self {
            search: field("search"),
            state: field("state"),
            owner: field("owner"),
            sort: field("sort"),
        }
    }

    /// Returns true if nothing is searched, so that an empty list has no flags at all.
    fn is_empty(&self) -> bool {
        self.search.is_empty() && self.state.is_empty() && self.owner.is_empty()
    }

    fn call(&self, offset: usize) -> Call {
        let some = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        let call = Call::get(&["platform", "feature-flags"])
            .with("limit", PER_PAGE.to_string())
            .with("offset", offset.to_string())
            .with_some("search", some(&self.search))
            .with_some("owner", some(&self.owner))
            .with_some("sort", some(&self.sort));
        match &*self.state {
            "" => call,
            "killed" => call.with("killed", "true"),
            "stale" => call.with("stale", "true"),
            lifecycle => call.with("lifecycle", lifecycle),
        }
    }
}

/// Shows the list.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let filter = Filter::read(&query);
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &text("flags-title"));
    let call = filter.call(Pager::offset(&query, PER_PAGE));
    let list = match console.api.request::<FlagList>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let keys: Vec<&str> = list.flags.iter().map(|flag| &*flag.key).collect();
    let keys = keys.join(",");
    // Pages without traffic and plans are better than no page. Without a flag both requests are rejected.
    let traffic = Call::get(&["traffic", "flags"]).with("flags", keys.clone());
    let traffic = console.api.request::<FlagTraffic>(&visitor, traffic).await;
    let plans = Call::get(&["platform", "rollouts"]).with("flags", keys);
    let plans = console.api.request::<Plans>(&visitor, plans).await;
    let plans = plans.map_or_else(|_| Plans::default(), |answer| answer.body);
    let in_words = |plan: Plan| match plan.stage {
        Some(stage) => (plan.flag, format!("{} ({})", stage.name, plan.state)),
        None => (plan.flag, plan.state),
    };
    let template = FlagsPage {
        page,
        traffic: traffic.map_or_else(|_| FlagTraffic::default(), |answer| answer.body),
        stages: plans.rollouts.into_iter().map(in_words).collect(),
        pager: Pager::new(uri.path(), &query, list.total, PER_PAGE),
        flags: list.flags,
        total: list.total,
        tenants: list.tenants,
        filter,
        may_kill: visitor.may("killFlag"),
        may_restore: visitor.may("restoreFlag"),
    };
    page::render(StatusCode::OK, &template)
}
