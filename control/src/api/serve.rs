//! The steps of a request: route, origin, authentication, rate limit, permission, body; then the handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use changes::{Actor, Code, Role};
use tokio::time::Instant;

use super::Api;
use super::authentication::authenticate;
use super::codes;
use super::problem::ApiProblem;
use super::query::Query;
use super::request::{self, AnswerPart, ApiRequest, PathNames};
use super::request_id::request_id;
use super::response::ApiResponse;
use super::route::{Access, ApiRoute, Lane};
use super::security_entries;
use crate::change_effect::ChangeEffect;
use crate::operators::SignedIn;

/// Time after which a client sends a request again that another process will answer.
const UNAVAILABLE_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// Answers a request for one path, of any method.
pub(crate) async fn serve(
    api: Arc<Api>,
    routes: &[&'static ApiRoute],
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let id = request_id(request.headers());
    let route = match select_route(routes, request.method()) {
        Ok(route) => route,
        Err(problem) => return problem.without_operation(request.method()).into_response(&id),
    };
    let answer = match parameters {
        Ok(parameters) => within_deadline(api, route, &parameters, request, &id).await,
        Err(_) => Err(request::invalid_name("the path is not UTF-8")),
    };
    match answer {
        Ok(answer) => answer.into_response(&id),
        Err(problem) => {
            let problem = match route.access {
                Access::Change(_) => problem.effect_if_unset(ChangeEffect::NotApplied),
                Access::Read | Access::Audited(_) => problem,
            };
            problem.log(&id);
            problem.into_response(&id)
        }
    }
}

/// Answers a request, or stops waiting for its answer at the deadline.
async fn within_deadline(
    api: Arc<Api>,
    route: &'static ApiRoute,
    parameters: &RawPathParams,
    request: Request,
    id: &str,
) -> Result<ApiResponse, ApiProblem> {
    let deadline = Instant::now() + api.timeout;
    let begun = AtomicBool::new(false);
    let handling = handle(api, route, parameters, request, (id, deadline, &begun));
    match tokio::time::timeout_at(deadline, handling).await {
        Ok(answer) => answer,
        Err(_) => {
            let problem = ApiProblem::new(codes::TIMED_OUT, "the request was not answered in time");
            // A handler that has begun runs on in its thread, and may commit after the answer.
            Err(match begun.load(Ordering::Relaxed) {
                true => effect_unknown(problem),
                false => problem.help("try again"),
            })
        }
    }
}

/// Answers a request for a path that does not exist.
pub(crate) fn unknown_path(request: &Request) -> Response {
    let problem =
        ApiProblem::new(codes::NOT_FOUND, "the path does not exist").help("see GET /api/v1/openapi.json");
    problem
        .without_operation(request.method())
        .into_response(&request_id(request.headers()))
}

/// Answers a request while another process uses the store. Nothing was changed.
pub(crate) fn unavailable(request: &Request, detail: &str) -> Response {
    let code = Code::StoreUnavailable;
    let problem = ApiProblem::new((code.as_str(), code.status()), detail).retry_after(UNAVAILABLE_WAIT);
    problem
        .without_operation(request.method())
        .into_response(&request_id(request.headers()))
}

/// Runs the steps of a request in order. A step that fails ends the request, so that no later step reads its input.
async fn handle(
    api: Arc<Api>,
    route: &'static ApiRoute,
    parameters: &RawPathParams,
    request: Request,
    (id, deadline, begun): (&str, Instant, &AtomicBool),
) -> Result<ApiResponse, ApiProblem> {
    let (parts, body) = request.into_parts();
    // A malformed query is reported only after the permission check.
    let query = Query::read(&parts.uri, route.parameters());
    let lane = lane(route, query.as_ref().ok());
    let SignedIn { actor, expires } = authenticate(&api, &parts, lane, id).await?;
    let names = PathNames::read(parameters)?;
    authorize(&api, route, &actor, &names, id).await?;
    let query = query?;
    let expected = match route.access {
        Access::Change(_) => request::expected(&parts.headers)?,
        _ => None,
    };
    let sent = request::body(route.handler.request, &parts.headers, body);
    let (body, format) = match tokio::time::timeout_at(deadline, sent).await {
        Ok(sent) => sent?,
        Err(_) => return Err(body_timed_out()),
    };
    // This limit is checked after the body is read, so that the connection stays usable.
    if let (Access::Change(_), Role::OrgAdmin, Some(org)) = (&route.access, actor.role, &actor.org)
        && !query.is("dry_run")
        && let Some(wait) = api.throttle.count_change(org)
    {
        return Err(ApiProblem::too_many(wait));
    }
    let request = ApiRequest {
        actor,
        credentials_expire: expires,
        request_id: id.to_owned(),
        at: (api.clock)(),
        query,
        expected,
        names,
        body,
        format,
        answer_part: match parts.method {
            Method::HEAD => AnswerPart::Head,
            _ => AnswerPart::Whole,
        },
    };
    call_handler(api, route, request, (lane, begun)).await
}

/// Waits for a slot of the lane, and calls the handler on a thread, because handlers may block. Sets `begun` when a
/// change can no longer be prevented.
async fn call_handler(
    api: Arc<Api>,
    route: &'static ApiRoute,
    request: ApiRequest,
    (lane, begun): (Lane, &AtomicBool),
) -> Result<ApiResponse, ApiProblem> {
    let may_change = matches!(route.access, Access::Change(_)) && !request.query.is("dry_run");
    let writes = may_change || matches!(route.access, Access::Audited(_));
    let slot = Arc::clone(api.slots(lane)).acquire_owned().await;
    begun.store(may_change, Ordering::Relaxed);
    let handle = {
        let api = Arc::clone(&api);
        move || {
            let handled = (route.handler.handle)(&api, &request);
            // The slot is taken until the handler ends, also if the answer has timed out before.
            drop(slot);
            handled
        }
    };
    let handled = match writes {
        true => tokio::task::spawn_blocking(handle),
        false => api.read_threads.run(handle),
    };
    match handled.await {
        Ok(handled) => handled,
        Err(panic) => {
            let problem = ApiProblem::new(
                codes::DEFECT,
                "the request failed because of a defect of the server",
            )
            .cause(panic);
            Err(match may_change {
                // A handler that panics may have committed before.
                true => effect_unknown(problem),
                false => problem.help("report the defect, with the log of the process"),
            })
        }
    }
}

/// Returns the problem of a change that may have been committed.
fn effect_unknown(problem: ApiProblem) -> ApiProblem {
    problem
        .effect(ChangeEffect::Unknown)
        .help("the audit log shows whether the change was applied")
}

/// Returns the problem of a body that is not complete at the deadline. The handler has not begun.
fn body_timed_out() -> ApiProblem {
    ApiProblem::new(codes::BODY_TIMED_OUT, "the body was not complete in time")
        .help("nothing was changed; send the request again")
}

/// Returns the route for a method. HEAD is handled as GET; the server omits the body.
fn select_route(routes: &[&'static ApiRoute], method: &Method) -> Result<&'static ApiRoute, ApiProblem> {
    let wanted = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    if let Some(route) = routes.iter().find(|route| route.method.as_str() == wanted) {
        return Ok(route);
    }
    let mut allowed: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let allowed = allowed.join(", ");
    let problem = ApiProblem::new(
        codes::METHOD_NOT_ALLOWED,
        format!("this path supports only {allowed}"),
    );
    Err(match HeaderValue::try_from(allowed) {
        Ok(allowed) => problem.header(header::ALLOW, allowed),
        Err(_) => problem,
    })
}

/// Returns the lane of a request. A dry run, or a request with a malformed query, is not urgent.
fn lane(route: &ApiRoute, query: Option<&Query>) -> Lane {
    match query {
        Some(query) if !query.is("dry_run") => route.lane,
        _ => Lane::Common,
    }
}

/// Checks the permission of the actor, and records a rejection in the audit log.
async fn authorize(
    api: &Arc<Api>,
    route: &ApiRoute,
    actor: &Actor,
    names: &PathNames,
    id: &str,
) -> Result<(), ApiProblem> {
    let checked = check_permission(route, actor, names);
    if let Err(problem) = &checked {
        let entry = security_entries::missing_role(api, route, actor, names, id, problem.detail());
        security_entries::record(api, entry).await;
    }
    checked
}

/// Rejects an actor who may not use the route, or not for this org. The answer is the same whether the org exists or
/// not.
fn check_permission(route: &ApiRoute, actor: &Actor, names: &PathNames) -> Result<(), ApiProblem> {
    if !route.allows(actor.role) {
        let roles: Vec<&str> = route
            .permission
            .roles()
            .iter()
            .map(|role| role.as_str())
            .collect();
        let detail = format!("the role {} may not do this", actor.role.as_str());
        return Err(ApiProblem::new(codes::ROLE_MISSING, detail)
            .help(format!("use one of these roles: {}", roles.join(", "))));
    }
    let org = names.org.as_ref().map(|org| org.as_str());
    if !route.permission.is_held_by(actor, org) {
        let detail = "the role org-admin may do this only in its own org";
        return Err(ApiProblem::new(codes::ROLE_MISSING, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::super::table::routes;
    use super::*;

    #[test]
    fn changes_that_turn_flags_off_are_urgent_and_dry_runs_are_not() {
        let urgent = |query: &'static str| -> Vec<&str> {
            let uri = Uri::try_from(format!("/?{query}")).unwrap();
            let lane_of = |route: &ApiRoute| lane(route, Query::read(&uri, route.parameters()).as_ref().ok());
            let urgent = routes().filter(|route| lane_of(route) == Lane::Urgent);
            urgent.map(|route| route.name).collect()
        };
        let all = [
            "setState",
            "killFlag",
            "restoreFlag",
            "pauseRollout",
            "rollBackRollout",
            "cancelRollout",
            "setOverride",
            "disallowBeta",
        ];
        assert_eq!(urgent(""), all);
        assert_eq!(urgent("dry_run=false&force=true"), all);
        assert!(urgent("dry_run=true").is_empty());
        assert!(urgent("nonsense").is_empty());
    }
}
