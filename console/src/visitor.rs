//! The person in front of a page: signed in by a session; or any caller on this machine, if no operators are configured.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use axum::http::request::Parts;
use control::Role;
use control::api::routes;
use control::operators::{Foreign, SignedIn, same_origin};

use crate::console::Console;
use crate::form::Form;
use crate::form_token;
use crate::origin;
use crate::problem::Problem;
use crate::session_cookie;
use crate::sessions::SessionDigest;

/// A signed-in visitor.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) signed_in: SignedIn,
    /// The token of the forms that are rendered for the visitor.
    pub(crate) form_token: String,
    /// The session; none if no operators are configured, so that nobody signs in.
    pub(crate) session: Option<SessionDigest>,
}

/// The reason why a request has no visitor.
pub(crate) enum NoVisitor {
    /// The visitor has to sign in.
    SignIn,
    /// A page of another site leads here by a link: a page of this site opens the path again.
    Reopen,
    /// The request is rejected.
    Rejected(Problem),
}

impl Visitor {
    /// Returns the visitor of a request.
    ///
    /// # Errors
    /// Nobody is signed in, or another site's page sent the request.
    pub(crate) async fn of(console: &Arc<Console>, parts: &Parts) -> Result<Self, NoVisitor> {
        if !console.operators.asks() {
            return Self::local(console, parts).await;
        }
        if !console.origins.accept(&parts.method, &parts.headers) {
            return Err(NoVisitor::Rejected(foreign_origin()));
        }
        let id = session_cookie::read(console, &parts.headers).ok_or(NoVisitor::SignIn)?;
        let digest = id.digest();
        let present = console
            .sessions
            .present(digest, &console.operators, (console.clock)());
        let Some(signed_in) = present else {
            if console.sessions.contains(digest) {
                console.end_session(digest).await;
            }
            return Err(NoVisitor::SignIn);
        };
        // Browsers send cookies to all ports of a host: the session may be of another listener, where it stays.
        if !console.audience.admits(&signed_in) {
            return Err(NoVisitor::SignIn);
        }
        Ok(Self {
            signed_in,
            form_token: form_token::issue(id.secret()),
            session: Some(digest),
        })
    }

    /// Returns the visitor of a request while no operators are configured.
    async fn local(console: &Console, parts: &Parts) -> Result<Self, NoVisitor> {
        same_origin(&parts.uri, &parts.headers, &console.hosts).map_err(|foreign| match foreign {
            Foreign::Origin if origin::is_link(&parts.method, &parts.headers) => NoVisitor::Reopen,
            _ => NoVisitor::Rejected(foreign_origin()),
        })?;
        let signed_in = console
            .operators
            .sign_in(&parts.headers, peer(&parts.extensions), (console.clock)())
            .await
            .map_err(|_| {
                NoVisitor::Rejected(Problem::rejected(
                    "NOT_LOCAL",
                    "no operators are configured, so only requests from this machine are accepted",
                ))
            })?;
        Ok(Self {
            signed_in,
            form_token: form_token::issue(&console.local_secret),
            session: None,
        })
    }

    /// Returns true if no operators are configured, so that nobody signs in.
    pub(crate) fn is_local(&self) -> bool {
        self.session.is_none()
    }

    /// Returns true while the visitor is signed in.
    pub(crate) fn is_present(&self, console: &Console) -> bool {
        match self.session {
            None => !console.operators.asks(),
            Some(digest) => {
                let now = (console.clock)();
                let present = console.sessions.present(digest, &console.operators, now);
                present.is_some()
            }
        }
    }

    /// Checks that a form was rendered for the session of the visitor.
    ///
    /// # Errors
    /// It was not; without operators, also if the process was restarted since.
    pub(crate) fn check_form(&self, form: &Form) -> Result<(), Problem> {
        let token = form.raw("form_token").unwrap_or_default();
        match form_token::is_same(&self.form_token, token) {
            true => Ok(()),
            false => Err(Problem::rejected(
                "FORM_EXPIRED",
                "the form is of an earlier session: check it, and send it again",
            )),
        }
    }

    /// Returns true if the role of the visitor may use an operation of the API, by its name in the OpenAPI document.
    /// Pages offer only these; the API checks each of them again.
    pub(crate) fn may(&self, operation: &str) -> bool {
        let route = routes().find(|route| route.name == operation);
        route.is_some_and(|route| route.allows(self.signed_in.actor.role))
    }

    /// Returns true for the admin of an org, who sees the pages of the org alone.
    pub(crate) fn is_of_org(&self) -> bool {
        self.signed_in.actor.role == Role::OrgAdmin
    }

    /// Returns true for a visitor who may end the sessions of others.
    pub(crate) fn may_end_sessions(&self) -> bool {
        self.signed_in.actor.role == Role::PlatformAdmin && !self.is_local()
    }

    /// Returns the org whose page is shown: an org-admin's own; for staff, that of the query.
    pub(crate) fn org<'v>(&'v self, query: &'v Form) -> Option<&'v str> {
        match self.is_of_org() {
            true => self.signed_in.actor.org.as_deref(),
            false => query.text("org"),
        }
    }

    /// Returns the name to display.
    pub(crate) fn name(&self) -> &str {
        let actor = &self.signed_in.actor;
        actor.display_name.as_deref().unwrap_or(&actor.name)
    }
}

/// Returns the address of the peer of a request. A peer of unknown address must not count as this machine.
pub(crate) fn peer(extensions: &Extensions) -> SocketAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), |peer| peer.0)
}

/// Returns the problem of a request that another site's page sent.
pub(crate) fn foreign_origin() -> Problem {
    Problem::rejected(
        "FOREIGN_ORIGIN",
        "the request is for another host, or a page of another site sent it",
    )
}
