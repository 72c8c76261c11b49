//! Authentication of requests: the origin if no operators are configured, the credentials, and the rate limit of the
//! actor. Requests of the console's pages come with the visitor, who is signed in.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use changes::Role;

use crate::operators::{Foreign, NotSignedIn, SignedIn, same_origin};

use super::problem::ApiProblem;
use super::route::Lane;
use super::{Api, codes, security_entries};

/// Authenticates a request and counts it against the limits of its actor.
pub(crate) async fn authenticate(
    api: &Arc<Api>,
    parts: &Parts,
    lane: Lane,
    id: &str,
) -> Result<SignedIn, ApiProblem> {
    // Only code of this process can add it: a page of the console, whose visitor is signed in.
    if let Some(signed_in) = parts.extensions.get::<SignedIn>() {
        return admitted(api, signed_in.clone(), lane);
    }
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    // A peer of unknown address must not count as this machine.
    let peer = peer.map_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), |peer| peer.0);
    // A failed sign-in at the console, which is recorded and answered as one at the API.
    if let Some(reason) = parts.extensions.get::<NotSignedIn>() {
        return Err(not_signed_in_at(api, reason, peer, id).await);
    }
    if !api.operators.asks() {
        same_origin(&parts.uri, &parts.headers, &api.hosts).map_err(foreign_request)?;
    }
    let signed_in = api.operators.sign_in(&parts.headers, peer, (api.clock)()).await;
    match signed_in {
        Ok(signed_in) => admitted(api, signed_in, lane),
        Err(reason) => Err(not_signed_in_at(api, &reason, peer, id).await),
    }
}

/// Records a failed sign-in, and returns its problem.
async fn not_signed_in_at(api: &Arc<Api>, reason: &NotSignedIn, peer: SocketAddr, id: &str) -> ApiProblem {
    let entry = security_entries::failed_sign_in(api, reason, peer.ip(), id);
    security_entries::record(api, entry).await;
    not_signed_in(reason)
}

/// Rejects staff at a listener for the admins of orgs, and counts the request of others.
fn admitted(api: &Api, signed_in: SignedIn, lane: Lane) -> Result<SignedIn, ApiProblem> {
    let actor = &signed_in.actor;
    match api.is_for_orgs && actor.role != Role::OrgAdmin {
        true => {
            let detail = "this listener is for the admins of orgs";
            Err(ApiProblem::new(codes::NO_ROLE, detail).help("use the admin listener"))
        }
        false => within_limits(api, signed_in, lane),
    }
}

/// Counts a request against the limits of its actor.
fn within_limits(api: &Api, signed_in: SignedIn, lane: Lane) -> Result<SignedIn, ApiProblem> {
    match api.throttle.count_request(&signed_in.actor.name, lane) {
        Some(wait) => Err(ApiProblem::too_many(wait)),
        None => Ok(signed_in),
    }
}

fn foreign_request(foreign: Foreign) -> ApiProblem {
    match foreign {
        Foreign::Host => ApiProblem::new(
            codes::FOREIGN_HOST,
            "no operators are configured, so the host must be an address, `localhost` or one of `admin.hosts`",
        )
        .help("use http://127.0.0.1:PORT, or configure `admin.hosts` or `admin.operators`"),
        Foreign::Origin => ApiProblem::new(
            codes::FOREIGN_ORIGIN,
            "no operators are configured, so requests from pages of other sites are rejected",
        )
        .help("configure `admin.operators`"),
    }
}

fn not_signed_in(reason: &NotSignedIn) -> ApiProblem {
    match reason {
        NotSignedIn::Missing => ApiProblem::new(codes::NOT_SIGNED_IN, "no credentials were sent")
            .help("send `authorization: Bearer TOKEN`")
            .header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"sluice\""),
            ),
        NotSignedIn::Invalid { reason } => {
            let problem = ApiProblem::new(codes::SIGN_IN_FAILED, *reason)
                .help("send a valid token: one of `admin.operators.tokens`, or a new one from the issuer");
            let challenge = format!(
                "Bearer realm=\"sluice\", error=\"invalid_token\", error_description=\"{}\"",
                reason.replace(['"', '\\'], "'")
            );
            match HeaderValue::try_from(challenge) {
                Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
                Err(_) => problem,
            }
        }
        NotSignedIn::NoRole { name } => ApiProblem::new(codes::NO_ROLE, format!("`{name}` has no role"))
            .help("the token must contain one of the roles that `admin.operators.issuer.roles` maps"),
        NotSignedIn::Unavailable => ApiProblem::new(
            codes::SIGN_IN_UNAVAILABLE,
            "the keys of the issuer can't be fetched now",
        )
        .help("try again, or use a static token"),
        NotSignedIn::TooMany { wait } => ApiProblem::new(
            codes::TOO_MANY_REQUESTS,
            "too many failed sign-ins from this address",
        )
        .retry_after(*wait),
        NotSignedIn::TooManyWaiting => ApiProblem::new(
            codes::TOO_MANY_REQUESTS,
            "too many sign-ins with tokens that have to be searched for wait for their turn",
        )
        .retry_after(Duration::ZERO)
        .help("wait 1 s; a token whose hash has an ID does not wait: issue a new one"),
        NotSignedIn::NotLocal => ApiProblem::new(
            codes::NOT_LOCAL,
            "no operators are configured, so only requests from this machine are accepted",
        )
        .help("configure `admin.operators`"),
    }
}
