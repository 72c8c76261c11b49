//! The routes of the control plane on the admin listener. They are replaced while it listens: during an upgrade another
//! process has the store.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use parking_lot::RwLock;

/// Answer to a request while another process takes the store, or has it.
const HANDED_OVER: &str = "the process is being upgraded, and its store is handed over: send the request again; nothing was changed";

/// The routes, shared with the admin listener.
#[derive(Debug, Clone)]
pub(crate) struct AdminRoutes(Arc<RwLock<Router>>);

impl AdminRoutes {
    pub(crate) fn new(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }

    /// Replaces the routes. Requests that were begun keep the former ones.
    pub(crate) fn replace(&self, router: Router) {
        *self.0.write() = router;
    }

    /// Answers operations and pages with 503 from now on.
    pub(crate) fn close(&self) {
        self.replace(control::api::unavailable(HANDED_OVER).merge(console::unavailable()));
    }

    /// Returns a router that answers each request by the present routes.
    pub(crate) fn router(&self) -> Router {
        let routes = Arc::clone(&self.0);
        Router::new().fallback(move |request: Request| {
            let present = routes.read().clone();
            async move { TowerToHyperService::new(present).call(request).await }
        })
    }
}
