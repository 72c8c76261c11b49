//! The console and its router.

use std::sync::Arc;

use aws_lc_rs::rand;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use control::Role;
use control::api::{Clock, EventStreams};
use control::operators::{Operators, SignedIn};
use rules::AdminHosts;

use crate::admin_api::AdminApi;
use crate::change::Confirmations;
use crate::oidc::PendingKey;
use crate::origin::Origins;
use crate::problem::Problem;
use crate::receipt::ChangeReceipts;
use crate::sessions::{SessionDigest, Sessions};
use crate::visitor::{NoVisitor, Visitor};
use crate::{assets, change, live, oidc, page, pages, security_headers, sign_in};

/// The parts that the console is made of.
pub struct ConsoleParts {
    /// The router of the admin API.
    pub api: Router,
    /// The operators who may sign in.
    pub operators: Arc<Operators>,
    /// The sessions of those who are signed in.
    pub sessions: Arc<Sessions>,
    /// The people that the console is for.
    pub audience: Audience,
    /// The names of the listener.
    pub hosts: AdminHosts,
    /// The origins of the listener.
    pub origins: Origins,
    /// The open streams of events, which the console shares with the API.
    pub streams: EventStreams,
    /// Returns the revision of the flags.
    pub revision: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The source of the current time.
    pub clock: Clock,
}

/// The people that a console is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Staff, and the admins of orgs.
    Everyone,
    /// The admins of orgs alone. There are no pages of staff.
    Orgs,
}

impl Audience {
    /// Returns true if the console is for a signed-in actor.
    pub(crate) fn admits(self, signed_in: &SignedIn) -> bool {
        match self {
            Self::Everyone => true,
            Self::Orgs => signed_in.actor.role == Role::OrgAdmin,
        }
    }
}

/// The console.
pub struct Console {
    pub(crate) api: AdminApi,
    pub(crate) operators: Arc<Operators>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) audience: Audience,
    pub(crate) hosts: AdminHosts,
    pub(crate) origins: Origins,
    pub(crate) streams: EventStreams,
    pub(crate) revision: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) clock: Clock,
    /// The secret of the forms of visitors without a session.
    pub(crate) local_secret: [u8; 32],
    /// The key of the cookies of sign-ins at the identity provider.
    pub(crate) pending_key: PendingKey,
    pub(crate) receipts: ChangeReceipts,
    pub(crate) confirmations: Confirmations,
}

impl Console {
    /// Creates the console.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(parts: ConsoleParts) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut local_secret = [0; 32];
        rand::fill(&mut local_secret)?;
        Ok(Self {
            api: AdminApi::new(parts.api),
            operators: parts.operators,
            sessions: parts.sessions,
            audience: parts.audience,
            hosts: parts.hosts,
            origins: parts.origins,
            streams: parts.streams,
            revision: parts.revision,
            clock: parts.clock,
            local_secret,
            pending_key: PendingKey::new()?,
            receipts: ChangeReceipts::default(),
            confirmations: Confirmations::default(),
        })
    }

    /// Ends a session. A session that has ended by itself is removed.
    pub(crate) async fn end_session(&self, digest: SessionDigest) {
        let sessions = Arc::clone(&self.sessions);
        let ended = tokio::task::spawn_blocking(move || sessions.end(digest)).await;
        if let Err(error) = ended {
            tracing::error!(%error, "a session could not be ended");
        }
    }
}

/// Returns the router of the console. The listener must put the address of the peer into each request, as
/// `axum::extract::ConnectInfo`. A console for orgs alone has no pages of staff.
pub fn router(console: Arc<Console>) -> Router {
    let for_all = Router::new()
        .merge(pages::org_router())
        .merge(change::org_router())
        .route("/admin/events", get(live::events))
        .route("/console/sign-out", post(sign_in::sign_out));
    let signed_in = match console.audience {
        Audience::Orgs => for_all.route("/", get(async || Redirect::to("/console"))),
        Audience::Everyone => for_all
            .merge(pages::router())
            .merge(change::router())
            .route("/platform/events", get(live::events)),
    };
    let signed_in = signed_in.route_layer(from_fn_with_state(Arc::clone(&console), require_visitor));
    let sign_in = Router::new()
        .route(sign_in::PATH, get(sign_in::show).post(sign_in::submit))
        .route(oidc::PATH, get(oidc::begin))
        .route(oidc::CALLBACK_PATH, get(oidc::finish))
        .route_layer(from_fn(add_security_headers));
    signed_in
        .merge(sign_in)
        .route(&format!("{}/{{name}}", assets::FOLDER), get(assets::serve))
        .with_state(console)
}

/// The longest query of a page, in bytes. Pages show fields of the query again.
pub(crate) const MAX_QUERY: usize = 8 * 1_024;

async fn add_security_headers(request: Request, next: Next) -> Response {
    security_headers::add(next.run(request).await)
}

/// Finds the visitor of a request, for the pages; all answers get the security headers.
async fn require_visitor(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let (mut parts, body): (_, Body) = request.into_parts();
    let response = match Visitor::of(&console, &parts).await {
        // The pages of staff do not exist for the admins of orgs.
        Ok(visitor) if visitor.is_of_org() && parts.uri.path().starts_with("/platform/") => page::missing(),
        Ok(_) if parts.uri.query().is_some_and(|query| query.len() > MAX_QUERY) => {
            page::rejected(&Problem::address_too_long())
        }
        Ok(visitor) => {
            parts.extensions.insert(visitor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(NoVisitor::SignIn) => sign_in::required(&console, &parts),
        Err(NoVisitor::Reopen) => sign_in::reopen_wanted(&parts),
        Err(NoVisitor::Rejected(problem)) => page::rejected(&problem),
    };
    security_headers::add(response)
}
