//! The authorization endpoint (OpenID Connect Core 1.0 section 3.1.2).

use super::form::{Form, with_parameters};
use super::{Answer, Grant, OidcFault, ProviderState, Shared};

impl ProviderState {
    /// Signs the user in, and redirects to the client. Until client and redirect URI are known to be right, errors are
    /// shown and not redirected.
    pub(super) fn authorize(&self, query: &str) -> Answer {
        let form = match Form::parse(query) {
            Ok(form) => form,
            Err(name) => return Answer::text(400, &format!("{name} is repeated")),
        };
        let mut shared = self.shared.lock().unwrap();
        let redirect = match form.value("redirect_uri") {
            Some(uri) if shared.redirects.iter().any(|allowed| allowed == uri) => uri,
            _ => return Answer::text(400, "redirect_uri is not one of the client"),
        };
        if !form.has("client_id", &self.client_id) {
            return Answer::text(400, "client_id is unknown");
        }
        let state = match shared.fault {
            Some(OidcFault::WrongState) => "of another sign-in",
            _ => form.value("state").unwrap_or_default(),
        };
        let named = match shared.fault {
            Some(OidcFault::WrongIssuerInRedirect) => format!("{}/other", self.issuer),
            _ => self.issuer.clone(),
        };
        let to_client = |parameters: &[(&str, &str)]| {
            let further = [("state", state), ("iss", &named)];
            let further = further.into_iter().filter(|(_, value)| !value.is_empty());
            let parameters: Vec<_> = parameters.iter().copied().chain(further).collect();
            Answer {
                headers: format!(
                    "Content-Type: text/plain\r\nLocation: {}",
                    with_parameters(redirect, &parameters)
                ),
                ..Answer::text(303, "")
            }
        };
        let refused = |error: &str, description: &str| {
            to_client(&[("error", error), ("error_description", description)])
        };
        if !form.has("response_type", "code") {
            return refused("unsupported_response_type", "response_type is not code");
        }
        let scope = form.value("scope").unwrap_or_default();
        if !scope.split(' ').any(|word| word == "openid") {
            return refused("invalid_scope", "scope does not contain openid");
        }
        let challenge = match form.value("code_challenge") {
            Some(challenge) if form.has("code_challenge_method", "S256") => challenge,
            _ => return refused("invalid_request", "no code_challenge with the method S256"),
        };
        if shared.fault == Some(OidcFault::AccessDenied) {
            return refused("access_denied", "the user refused");
        }
        let chosen = form.value("user");
        let user = match shared.users.as_slice() {
            [user] => user.clone(),
            users => match users.iter().find(|user| user["sub"].as_str() == chosen) {
                Some(user) => user.clone(),
                None => return choice(&shared, query),
            },
        };
        shared.codes += 1;
        let code = format!("code-{}", shared.codes);
        let grant = Grant {
            user,
            redirect: redirect.to_owned(),
            nonce: form.value("nonce").map(str::to_owned),
            challenge: challenge.to_owned(),
        };
        shared.grants.insert(code.clone(), grant);
        to_client(&[("code", &code)])
    }
}

/// Returns a page with a link for each user.
fn choice(shared: &Shared, query: &str) -> Answer {
    let links = shared.users.iter().map(|user| {
        let name = user["sub"].as_str().unwrap();
        let link = with_parameters(&format!("/authorize?{query}"), &[("user", name)]);
        format!(
            "<p><a href=\"{}\">Sign in as {name}</a></p>",
            link.replace('&', "&amp;")
        )
    });
    Answer {
        headers: "Content-Type: text/html; charset=utf-8".to_owned(),
        ..Answer::text(
            200,
            &format!(
                "<!doctype html><html lang=en><title>Sign in</title><link rel=icon href=\"data:,\">\
                 <main><h1>Sign in</h1>{}</main></html>",
                links.collect::<String>()
            ),
        )
    }
}
