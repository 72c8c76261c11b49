//! The answer to requests for pages while another process takes over, or has the store.

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;

use crate::assets::{self, AssetPaths};
use crate::filters;
use crate::{page, security_headers};

/// The time after which a browser loads the page again, in seconds.
const RELOAD: HeaderValue = HeaderValue::from_static("1");

/// The page.
#[derive(Template)]
#[template(path = "unavailable.html")]
struct UnavailablePage {
    assets: AssetPaths,
    is_reloaded: bool,
}

/// Returns the router of a process whose store is in use by another one: each page is answered with 503, and loads itself
/// again. A form is answered with 503 and is not sent again.
pub fn unavailable() -> Router {
    let mut router = Router::new().route("/console", any(show));
    for prefix in ["/console", "/platform", "/admin"] {
        router = router.route(&format!("{prefix}/{{*rest}}"), any(show));
    }
    router.route(
        &format!("{}/{{name}}", assets::FOLDER),
        axum::routing::get(assets::serve),
    )
}

async fn show(method: Method) -> Response {
    let page = UnavailablePage {
        assets: assets::paths(),
        is_reloaded: method == Method::GET,
    };
    let mut response = page::render(StatusCode::SERVICE_UNAVAILABLE, &page);
    let headers = response.headers_mut();
    if page.is_reloaded {
        headers.insert(header::REFRESH, RELOAD);
    }
    headers.insert(header::RETRY_AFTER, RELOAD);
    security_headers::add(response)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn a_page_during_an_upgrade_loads_itself_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            runtime.block_on(unavailable().oneshot(request)).unwrap()
        };
        for path in [
            "/console",
            "/console/sign-in",
            "/platform/feature-flags/a",
            "/admin/feature-flags",
        ] {
            let found = answer("GET", path);
            assert_eq!(found.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(found.headers()[header::REFRESH], "1");
        }
        let found = answer("POST", "/platform/changes");
        assert_eq!(found.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!found.headers().contains_key(header::REFRESH));
        assert_eq!(answer("GET", assets::paths().stylesheet).status(), StatusCode::OK);
    }
}
