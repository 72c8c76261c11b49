//! The overview of a flag: its lifecycle with the conditions of the next step, the decision table as a funnel, the
//! requests by arm, and its facts.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{DecisionTable, Flag, FlagMinutes, FlagTraffic, Promotion};
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::problem::Problem;
use crate::visitor::Visitor;

use super::flag_header::{FlagHeader, Tab};

/// The states of the lifecycle, in their order.
const LIFECYCLE: &[&str] = &["alpha", "beta", "ga", "retired"];

#[derive(Template)]
#[template(path = "flag.html")]
struct FlagPage {
    page: Page,
    header: FlagHeader,
    promotion: Promotion,
    table: DecisionTable,
    minutes: Option<FlagMinutes>,
    may_promote: bool,
    may_sign_off: bool,
    may_incident: bool,
    /// True if the visitor may skip the conditions of a promotion.
    may_skip: bool,
}

/// The answers that the page is made of.
struct Found {
    flag: Flag,
    promotion: Promotion,
    table: DecisionTable,
    minutes: Option<FlagMinutes>,
}

impl FlagPage {
    /// Returns each state with its class in the stepper: done, now or none.
    fn steps(&self) -> Vec<(&'static str, &'static str)> {
        let now = self.header.flag.lifecycle.as_deref();
        let place = LIFECYCLE.iter().position(|state| Some(*state) == now);
        let step = |(at, state): (usize, &&'static str)| match place {
            Some(place) if at < place => (*state, "done"),
            Some(place) if at == place => (*state, "now"),
            _ => (*state, "later"),
        };
        LIFECYCLE.iter().enumerate().map(step).collect()
    }

    /// Returns true if the visitor has signed off: nobody signs off for two roles.
    fn has_signed_off(&self) -> bool {
        let name = &self.page.visitor.signed_in.actor.name;
        self.header
            .flag
            .sign_offs
            .iter()
            .any(|sign_off| sign_off.by == *name)
    }

    /// Returns the states that the flag may be reverted to, the nearest first.
    fn former_states(&self) -> Vec<&'static str> {
        let now = self.header.flag.lifecycle.as_deref();
        let former = LIFECYCLE.iter().take_while(|state| Some(**state) != now);
        let mut former: Vec<&str> = former.copied().collect();
        former.reverse();
        former
    }
}

/// Shows the overview.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    match read(&console, &visitor, &key).await {
        Ok(found) => {
            let template = FlagPage {
                page,
                header: FlagHeader::new(&visitor, found.flag, Tab::Overview),
                promotion: found.promotion,
                table: found.table,
                minutes: found.minutes,
                may_promote: visitor.may("setState"),
                may_sign_off: visitor.may("signOff"),
                may_incident: visitor.may("openIncident"),
                may_skip: visitor.may("applyDocument"),
            };
            page::render(StatusCode::OK, &template)
        }
        Err(problem) => page::problem(page, &problem),
    }
}

async fn read(console: &Console, visitor: &Visitor, key: &str) -> Result<Found, Problem> {
    let flag = Call::get(&["platform", "feature-flags", key]);
    let flag = console.api.request::<Flag>(visitor, flag).await?.body;
    let promotion = Call::get(&["platform", "feature-flags", key, "promotion"]);
    let promotion = console.api.request::<Promotion>(visitor, promotion).await?.body;
    let table = Call::get(&["platform", "feature-flags", key, "decisions"]);
    let table = console.api.request::<DecisionTable>(visitor, table).await?.body;
    let traffic = Call::get(&["traffic", "flags"]).with("flag", key);
    // A page without traffic is better than no page.
    let traffic = console.api.request::<FlagTraffic>(visitor, traffic).await;
    Ok(Found {
        flag,
        promotion,
        table,
        minutes: traffic
            .ok()
            .and_then(|answer| answer.body.flags.into_iter().next()),
    })
}
