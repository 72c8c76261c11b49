//! Content negotiation between HTML and JSON (RFC 9110 section 12.5.1).

/// Maximum of media ranges that are read.
const MAX_RANGES: usize = 32;

/// Returns true if `accept` gives `text/html` a greater weight than JSON. `*/*` counts for neither, so a client that
/// sends no more gets JSON.
pub(crate) fn prefers_html<'a>(accept: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut html, mut json) = (0, 0);
    let ranges = accept
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','));
    for range in ranges.take(MAX_RANGES) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let weight = weight.map_or(1000, thousandths);
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
    use super::prefers_html;

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
}
