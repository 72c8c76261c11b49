//! Content negotiation between HTML and JSON (RFC 9110 section 12.5.1).

/// Maximum of media ranges that are read.
const MAX_RANGES: usize = 32;

/// Returns true if `accept` gives `text/html` a greater weight than JSON. `*/*` counts for neither, so a client that
/// sends no more gets JSON.
pub(crate) fn prefers_html<'a>(accept: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut html, mut json) = (0, 0);
    for (name, weight, _) in ranges(accept) {
        if name.eq_ignore_ascii_case("text/html") || name.eq_ignore_ascii_case("application/xhtml+xml") {
            html = html.max(weight);
        } else if name.eq_ignore_ascii_case("application/problem+json")
            || name.eq_ignore_ascii_case("application/json")
        {
            json = json.max(weight);
        }
    }
    html > json
}

/// Returns true if `accept` names OpenMetrics 1.0, and gives no other text a greater weight. A client that sends only
/// `*/*` gets the text format of Prometheus.
pub(crate) fn prefers_open_metrics<'a>(accept: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut open_metrics, mut text) = (0, 0);
    for (name, weight, parameters) in ranges(accept) {
        if name.eq_ignore_ascii_case("application/openmetrics-text") {
            let mut parameters = parameters.split(';').map(str::trim);
            let version = parameters.find_map(|parameter| parameter.strip_prefix("version="));
            if version.is_none_or(|version| version == "1.0.0") {
                open_metrics = open_metrics.max(weight);
            }
        } else if name.eq_ignore_ascii_case("text/plain") {
            text = text.max(weight);
        }
    }
    open_metrics > 0 && open_metrics >= text
}

/// Returns the name, the weight in thousandths and the parameters of each media range.
fn ranges<'a>(accept: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = (&'a str, u32, &'a str)> {
    let ranges = accept
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','));
    ranges.take(MAX_RANGES).map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let mut weights = parameters.split(';').map(str::trim);
        let weight = weights.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        (name.trim(), weight.map_or(1000, thousandths), parameters)
    })
}

/// Parses a weight in thousandths: `0.8` is 800. Invalid text is 0.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let Ok(whole @ 0..=1) = whole.parse::<u32>() else {
        return 0;
    };
    let digits = fraction.bytes().take(3).chain(std::iter::repeat(b'0')).take(3);
    let fraction = digits.fold(0, |sum, digit| {
        sum * 10 + u32::from(digit.wrapping_sub(b'0').min(9))
    });
    (whole * 1000 + fraction).min(1000)
}

#[cfg(test)]
mod tests {
    use super::{prefers_html, prefers_open_metrics};

    #[track_caller]
    fn check(accept: &[&str], expected: bool) {
        assert_eq!(
            prefers_html(accept.iter().map(|value| value.as_bytes())),
            expected,
            "{accept:?}"
        );
    }

    #[test]
    fn a_browser_prefers_html() {
        check(
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            true,
        );
        check(&["application/json;q=0.5, text/html;q=0.8"], true);
        check(&["application/json;q=0.5", "text/html"], true);
    }

    #[test]
    fn client_without_accept_gets_json() {
        for accept in [
            &[][..],
            &["*/*"],
            &["application/json"],
            &["text/*"],
            &["text/html;q=0"],
            &["text/html;q=x"],
        ] {
            check(accept, false);
        }
        check(&["text/html, application/json"], false);
        check(&["text/html;q=0.2, application/problem+json;q=0.3"], false);
    }

    #[test]
    fn open_metrics_are_negotiated_by_weight() {
        for (accept, expected) in [
            // Prometheus 2 and 3.
            (
                "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                true,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.2",
                true,
            ),
            ("application/openmetrics-text", true),
            ("application/openmetrics-text, text/plain", true),
            ("text/plain;q=0.9, application/openmetrics-text;q=0.8", false),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;version=0.0.1", false),
            ("*/*", false),
            ("text/html,*/*;q=0.8", false),
            ("", false),
        ] {
            assert_eq!(
                prefers_open_metrics([accept.as_bytes()].into_iter()),
                expected,
                "{accept}"
            );
        }
    }
}
