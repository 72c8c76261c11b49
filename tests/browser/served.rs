//! A site of pages that a test writes.

use std::collections::BTreeMap;

use testkit::{Recorded, Upstream, reply, response};

/// A server of pages on loopback. A `POST` to any path is answered with its body as text.
pub(crate) struct Site {
    upstream: Upstream,
}

impl Site {
    /// Starts a site with these pages: path and content of `<body>`. A content that starts with `<!doctype` is the whole
    /// document.
    pub(crate) fn start(pages: &[(&str, &str)]) -> Self {
        Self::with_header(pages, "Referrer-Policy: same-origin")
    }

    /// Starts a site that sends this header, too.
    pub(crate) fn with_header(pages: &[(&str, &str)], header: &str) -> Self {
        let pages: BTreeMap<String, String> = pages
            .iter()
            .map(|&(path, content)| (path.to_owned(), document(content)))
            .collect();
        let header = header.to_owned();
        let answer = move |request: &Recorded| {
            let path = request.target().split('?').next().unwrap_or_default();
            let (status, body) = match (request.method(), pages.get(path)) {
                ("POST", _) => (200, document(&String::from_utf8_lossy(&request.body))),
                (_, Some(page)) => (200, page.clone()),
                (_, None) => (404, document("No such page")),
            };
            let kind = if path.ends_with(".css") { "css" } else { "html" };
            let answer = response(status, "Answer", &body);
            answer.replacen(
                "text/plain",
                &format!("text/{kind}; charset=utf-8\r\n{header}"),
                1,
            )
        };
        Self {
            upstream: Upstream::answering(move |request, stream| reply(stream, &answer(request))),
        }
    }

    /// Returns its URL, without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.upstream.address())
    }

    /// Returns the requests so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.upstream.requests()
    }
}

fn document(content: &str) -> String {
    if content.starts_with("<!doctype") {
        return content.to_owned();
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Sample</title><link rel=icon href='data:,'><body><main><h1>Sample</h1>{content}</main></body></html>"
    )
}
