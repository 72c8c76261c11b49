//! Parts that all pages have: layout, navigation, the visitor, and the receipt of the change before.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse as _, Response};
use control::Role;

use crate::assets::{self, AssetPaths};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::problem::{Problem, Reason};
use crate::reason_help::in_console;
use crate::receipt::ChangeReceipt;
use crate::visitor::Visitor;

/// A page in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Flags,
    Tenants,
    Rollouts,
    Explain,
    Requests,
    Shadow,
    Nodes,
    Health,
    Audit,
    /// The page of an org.
    Org,
    /// The sessions, which are not in the navigation.
    Sessions,
}

impl Section {
    /// The sections of staff, in the order of the navigation.
    const OF_STAFF: [Self; 9] = [
        Self::Flags,
        Self::Tenants,
        Self::Rollouts,
        Self::Explain,
        Self::Requests,
        Self::Shadow,
        Self::Nodes,
        Self::Health,
        Self::Audit,
    ];

    /// Returns the first section of a role.
    pub(crate) fn first_of(role: Role) -> Self {
        match role {
            Role::OrgAdmin => Self::Org,
            Role::Viewer | Role::Operator | Role::PlatformAdmin => Self::Flags,
        }
    }

    /// Returns the path of its page.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Flags => "/platform/feature-flags",
            Self::Tenants => "/platform/tenants",
            Self::Rollouts => "/platform/rollouts",
            Self::Explain => "/platform/explain",
            Self::Requests => "/platform/requests",
            Self::Shadow => "/platform/shadow",
            Self::Nodes => "/platform/nodes",
            Self::Health => "/platform/health",
            Self::Audit => "/platform/audit",
            Self::Org => "/admin/feature-flags",
            Self::Sessions => "/platform/sessions",
        }
    }

    /// Returns the id of its title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Flags => "nav-flags",
            Self::Tenants => "nav-tenants",
            Self::Rollouts => "nav-rollouts",
            Self::Explain => "nav-explain",
            Self::Requests => "nav-requests",
            Self::Shadow => "nav-shadow",
            Self::Nodes => "nav-nodes",
            Self::Health => "nav-health",
            Self::Audit => "nav-audit",
            Self::Org => "nav-org",
            Self::Sessions => "sessions-title",
        }
    }

    /// Returns the key that, after `g`, opens its page; empty outside of the navigation.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Flags => "f",
            Self::Tenants => "t",
            Self::Rollouts => "r",
            Self::Explain => "e",
            Self::Requests => "q",
            Self::Shadow => "s",
            Self::Nodes => "n",
            Self::Health => "h",
            Self::Audit => "a",
            Self::Org => "o",
            Self::Sessions => "",
        }
    }
}

/// The layout of a page.
pub(crate) struct Page {
    /// The title of the document, before the name of the product.
    pub(crate) title: String,
    pub(crate) section: Section,
    pub(crate) sections: &'static [Section],
    pub(crate) assets: AssetPaths,
    pub(crate) visitor: Visitor,
    /// The receipt of the change that led to the page.
    pub(crate) receipt: Option<ChangeReceipt>,
    /// The path and query of the page, for forms that return to it.
    pub(crate) here: String,
    /// The revision of the flags before the page was made: open pages compare it with that of events.
    pub(crate) revision: u64,
}

impl Page {
    /// Creates the layout of the page at `uri`.
    pub(crate) fn new(
        console: &Console,
        visitor: &Visitor,
        uri: &Uri,
        section: Section,
        title: &str,
    ) -> Self {
        let receipt = Form::of_query(uri)
            .text("receipt")
            .and_then(|id| console.receipts.find(id, visitor, uri.path()));
        let sections: &[Section] = match visitor.is_of_org() {
            true => &[Section::Org],
            false => &Section::OF_STAFF,
        };
        Self {
            title: title.to_owned(),
            section,
            sections,
            assets: assets::paths(),
            visitor: visitor.clone(),
            receipt,
            here: without_receipt(uri),
            revision: (console.revision)(),
        }
    }
}

impl Page {
    /// Returns the path of the stream of events of the visitor's pages.
    pub(crate) fn events_path(&self) -> &'static str {
        match self.visitor.is_of_org() {
            true => "/admin/events",
            false => "/platform/events",
        }
    }

    /// Returns true for the pages of an org, which have no internal words.
    pub(crate) fn is_plain(&self) -> bool {
        self.section == Section::Org
    }

    /// Returns the path to which forms of changes are sent.
    pub(crate) fn changes_path(&self) -> &'static str {
        match self.visitor.is_of_org() {
            true => "/admin/changes",
            false => "/platform/changes",
        }
    }
}

/// The longest query that forms return to, in bytes: each row of a list may have a form.
const MAX_HERE: usize = 500;

/// Returns path and query of a page without the receipt that it shows; the path alone if the query is too long.
fn without_receipt(uri: &Uri) -> String {
    let fields = Form::of_query(uri).without(&["receipt"]);
    match fields.is_empty() || uri.query().is_some_and(|query| query.len() > MAX_HERE) {
        true => uri.path().to_owned(),
        false => {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish();
            format!("{}?{query}", uri.path())
        }
    }
}

/// Renders a page.
pub(crate) fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the console can't be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page of a problem, within the layout.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    page: Page,
    reasons: Vec<Reason>,
}

/// Renders the page of a problem.
pub(crate) fn problem(page: Page, problem: &Problem) -> Response {
    let reasons = problem.reasons().into_iter();
    let reasons = reasons.map(|reason| in_console(reason, None)).collect();
    render(problem.status(), &ProblemPage { page, reasons })
}

/// The page of a path that has none.
#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    assets: AssetPaths,
}

/// Renders the answer to a path that has no page, or none for the visitor.
pub(crate) fn missing() -> Response {
    let assets = assets::paths();
    render(StatusCode::NOT_FOUND, &MissingPage { assets })
}

/// The page of a request without a visitor.
#[derive(Template)]
#[template(path = "rejected.html")]
struct RejectedPage<'p> {
    assets: AssetPaths,
    problem: &'p Problem,
}

/// Renders the answer to a request that is rejected before its visitor is known.
pub(crate) fn rejected(problem: &Problem) -> Response {
    let assets = assets::paths();
    render(problem.status(), &RejectedPage { assets, problem })
}
