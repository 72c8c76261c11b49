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

/// The routes, shared with the listeners.
#[derive(Debug, Clone)]
pub(crate) struct AdminRoutes(Arc<RwLock<ControlRouters>>);

/// The routers of a control plane.
#[derive(Debug, Clone)]
pub(crate) struct ControlRouters {
    /// Router of the admin listener.
    pub(crate) admin: Router,
    /// Router of the listener for the admins of orgs.
    pub(crate) tenants: Router,
}

impl AdminRoutes {
    pub(crate) fn new(routers: ControlRouters) -> Self {
        Self(Arc::new(RwLock::new(routers)))
    }

    /// Replaces the routes. Requests that were begun keep the former ones.
    pub(crate) fn replace(&self, routers: ControlRouters) {
        *self.0.write() = routers;
    }

    /// Answers operations and pages with 503 from now on.
    pub(crate) fn close(&self) {
        let closed = control::api::unavailable(HANDED_OVER).merge(console::unavailable());
        self.replace(ControlRouters {
            admin: closed.clone(),
            tenants: closed,
        });
    }

    /// Returns a router that answers each request on the admin listener by the present routes.
    pub(crate) fn admin(&self) -> Router {
        self.router(|routers| &routers.admin)
    }

    /// Returns the same for the listener for the admins of orgs.
    pub(crate) fn tenants(&self) -> Router {
        self.router(|routers| &routers.tenants)
    }

    fn router(&self, of: fn(&ControlRouters) -> &Router) -> Router {
        let routes = Arc::clone(&self.0);
        Router::new().fallback(move |request: Request| {
            let present = of(&routes.read()).clone();
            async move { TowerToHyperService::new(present).call(request).await }
        })
    }
}
