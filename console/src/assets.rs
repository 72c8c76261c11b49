//! Files of the pages, embedded. Their names contain a hash of their contents, so that browsers may keep them for ever.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::security_headers;

/// The path of all files.
pub(crate) const FOLDER: &str = "/console/assets";
/// The number of hex digits of the hash in a name.
const HASH_DIGITS: usize = 12;
/// A year, and no revalidation within it (RFC 8246).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// An embedded file.
struct Asset {
    /// Its path with the hash of its contents.
    path: String,
    kind: &'static str,
    bytes: &'static [u8],
}

/// The paths of the files that every page names.
pub(crate) struct AssetPaths {
    pub(crate) stylesheet: &'static str,
    pub(crate) script: &'static str,
    /// The shared worker of the stream of events.
    pub(crate) events: &'static str,
    pub(crate) htmx: &'static str,
    pub(crate) icon: &'static str,
}

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        asset(
            "console",
            "css",
            "text/css; charset=utf-8",
            include_bytes!("../assets/console.css"),
        ),
        asset(
            "console",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/console.js"),
        ),
        asset(
            "events",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/events.js"),
        ),
        asset(
            "htmx-2.0.11",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/vendor/htmx-2.0.11.min.js"),
        ),
        asset(
            "icon",
            "svg",
            "image/svg+xml",
            include_bytes!("../assets/icon.svg"),
        ),
    ]
});

fn asset(stem: &str, extension: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let hash: String = digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let hash = hash.get(..HASH_DIGITS).unwrap_or(&hash);
    Asset {
        path: format!("{FOLDER}/{stem}.{hash}.{extension}"),
        kind,
        bytes,
    }
}

/// Returns the paths of the files.
pub(crate) fn paths() -> AssetPaths {
    let [stylesheet, script, events, htmx, icon] = &*ASSETS;
    AssetPaths {
        stylesheet: &stylesheet.path,
        script: &script.path,
        events: &events.path,
        htmx: &htmx.path,
        icon: &icon.path,
    }
}

/// Answers a request for a file. It needs no sign-in: the files have no data.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let path = format!("{FOLDER}/{name}");
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else {
        return security_headers::add(StatusCode::NOT_FOUND.into_response());
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    security_headers::add((headers, asset.bytes).into_response())
}

#[cfg(test)]
mod tests {
    /// The limit of the design, in bytes.
    const MAX_STYLESHEET: usize = 20 * 1024;

    #[test]
    fn the_stylesheet_is_at_most_20_kib() {
        assert!(include_bytes!("../assets/console.css").len() <= MAX_STYLESHEET);
    }
}
