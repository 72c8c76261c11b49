//! The console and its router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use control::api::{Clock, EventStreams};
use control::operators::Operators;
use rules::AdminHosts;

use crate::admin_api::AdminApi;
use crate::form_token::FormTokens;
use crate::receipt::Receipts;
use crate::visitor::{NoVisitor, Visitor};
use crate::{assets, change, live, page, pages, security_headers};

/// The parts that the console is made of.
pub struct ConsoleParts {
    /// The router of the admin API.
    pub api: Router,
    /// The operators who may sign in.
    pub operators: Arc<Operators>,
    /// The names of the listener.
    pub hosts: AdminHosts,
    /// The open streams of events, which the console shares with the API.
    pub streams: EventStreams,
    /// Returns the revision of the flags.
    pub revision: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The source of the current time.
    pub clock: Clock,
}

/// The console.
pub struct Console {
    pub(crate) api: AdminApi,
    pub(crate) operators: Arc<Operators>,
    pub(crate) hosts: AdminHosts,
    pub(crate) streams: EventStreams,
    pub(crate) revision: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) clock: Clock,
    pub(crate) form_tokens: FormTokens,
    pub(crate) receipts: Receipts,
}

impl Console {
    /// Creates the console.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(parts: ConsoleParts) -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self {
            api: AdminApi::new(parts.api),
            operators: parts.operators,
            hosts: parts.hosts,
            streams: parts.streams,
            revision: parts.revision,
            clock: parts.clock,
            form_tokens: FormTokens::new()?,
            receipts: Receipts::default(),
        })
    }
}

/// Returns the router of the console. The listener must put the address of the peer into each request, as
/// `axum::extract::ConnectInfo`.
pub fn router(console: Arc<Console>) -> Router {
    let signed_in = Router::new()
        .merge(pages::router())
        .merge(change::router())
        .route("/platform/events", get(live::events))
        .route("/admin/events", get(live::events))
        .route_layer(from_fn_with_state(Arc::clone(&console), require_visitor));
    signed_in
        .route(&format!("{}/{{name}}", assets::FOLDER), get(assets::serve))
        .with_state(console)
}

/// Finds the visitor of a request, for the pages; all answers get the security headers.
async fn require_visitor(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let (mut parts, body): (_, Body) = request.into_parts();
    let response = match Visitor::of(&console, &parts).await {
        Ok(visitor) => {
            parts.extensions.insert(visitor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(NoVisitor::SignIn) => page::sign_in_required().into_response(),
        Err(NoVisitor::Rejected(problem)) => page::rejected(&problem),
    };
    security_headers::add(response)
}
