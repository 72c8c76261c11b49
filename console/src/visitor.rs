//! The person in front of a page: signed in by a session; or any caller on this machine, if no operators are configured.

use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use control::Role;
use control::api::routes;
use control::operators::{SignedIn, same_origin};

use crate::console::Console;
use crate::form::Form;
use crate::problem::Problem;

/// The session of every visitor while no operators are configured, for the tokens of forms.
const LOCAL_SESSION: &[u8] = b"local";

/// A signed-in visitor.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) signed_in: SignedIn,
    /// The token of the forms that are rendered for the visitor.
    pub(crate) form_token: String,
    /// The identity of the session, for the tokens of forms.
    pub(crate) session: Vec<u8>,
    /// True if no operators are configured, so that nobody signs in.
    pub(crate) is_local: bool,
}

/// The reason why a request has no visitor.
pub(crate) enum NoVisitor {
    /// The visitor has to sign in.
    SignIn,
    /// The request is rejected.
    Rejected(Problem),
}

impl Visitor {
    /// Returns the visitor of a request.
    ///
    /// # Errors
    /// Nobody is signed in, or another site's page sent the request.
    pub(crate) async fn of(console: &Console, parts: &Parts) -> Result<Self, NoVisitor> {
        // Only the process itself sets extensions; no header of a request does.
        if let Some(signed_in) = parts.extensions.get::<SignedIn>() {
            return Ok(Self {
                signed_in: signed_in.clone(),
                form_token: console.form_tokens.issue(LOCAL_SESSION),
                session: LOCAL_SESSION.to_vec(),
                is_local: false,
            });
        }
        if console.operators.asks() {
            return Err(NoVisitor::SignIn);
        }
        same_origin(&parts.uri, &parts.headers, &console.hosts).map_err(|_| {
            NoVisitor::Rejected(Problem::rejected(
                "FOREIGN_ORIGIN",
                "the request is for another host, or a page of another site sent it",
            ))
        })?;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // A peer of unknown address must not count as this machine.
        let peer = peer.map_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), |peer| peer.0);
        let signed_in = console
            .operators
            .sign_in(&parts.headers, peer, (console.clock)())
            .await
            .map_err(|_| {
                NoVisitor::Rejected(Problem::rejected(
                    "NOT_LOCAL",
                    "no operators are configured, so only requests from this machine are accepted",
                ))
            })?;
        Ok(Self {
            signed_in,
            form_token: console.form_tokens.issue(LOCAL_SESSION),
            session: LOCAL_SESSION.to_vec(),
            is_local: true,
        })
    }

    /// Checks that a form was rendered for the session of the visitor.
    ///
    /// # Errors
    /// It was not, or the process was restarted since.
    pub(crate) fn check_form(&self, console: &Console, form: &Form) -> Result<(), Problem> {
        let token = form.raw("form_token").unwrap_or_default();
        match console.form_tokens.accepts(&self.session, token) {
            true => Ok(()),
            false => Err(Problem::rejected(
                "FORM_EXPIRED",
                "the form is not of this session, or is older than the process: go back, load the page again, and repeat",
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

    /// Returns the name to display.
    pub(crate) fn name(&self) -> &str {
        let actor = &self.signed_in.actor;
        actor.display_name.as_deref().unwrap_or(&actor.name)
    }
}
