//! Paths of pages that a browser may be sent to: those of the console, and nothing else.

/// Returns true for path and query of a page of the console, without an authority: browsers read `//` and `/\` as the begin
/// of one.
pub(crate) fn is_page(path: &str) -> bool {
    let of_console = path.starts_with("/platform/") || path.starts_with("/admin/");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    of_console && is_plain && !has_dot_segment(path)
}

/// Returns true if a browser would shorten the path (WHATWG URL, double-dot and single-dot segments).
fn has_dot_segment(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path
        .split('/')
        .map(|segment| segment.to_ascii_lowercase().replace("%2e", "."));
    segments.any(|segment| matches!(&*segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::is_page;

    #[test]
    fn only_pages_of_the_console_are_returned_to() {
        for page in [
            "/platform/feature-flags",
            "/admin/feature-flags?x=1",
            "/platform/feature-flags/a..b",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "//evil.example/platform/",
            "https://evil.example/",
            "/\\evil.example",
            "/platform/\r\nset-cookie: x=y",
            "/platform\\x",
            "/platform/../api/v1/x",
            "/platform/%2E%2e/console/sign-out",
            "/console/sign-out",
            "/api/v1/platform/backup",
            "",
        ] {
            assert!(!is_page(other), "{other}");
        }
    }
}
