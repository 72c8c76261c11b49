//! The `Date` of a response (RFC 9110 section 6.6.1), rendered once a second on each thread.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::wire::Fields;
use httpdate::HttpDate;

/// The length of a date, in bytes: `Sun, 06 Nov 1994 08:49:37 GMT`.
const LENGTH: usize = 29;

/// The date of one second.
#[derive(Clone, Copy)]
struct RenderedDate {
    /// Seconds since 1970.
    second: u64,
    text: [u8; LENGTH],
}

thread_local! {
    static LAST: Cell<Option<RenderedDate>> = const { Cell::new(None) };
}

/// Adds the date to a response that has none.
pub(super) fn set(fields: &mut Fields) {
    if !fields.contains("date") {
        fields.push("Date", &now());
    }
}

fn now() -> [u8; LENGTH] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let second = since.as_secs();
    if let Some(last) = LAST.get().filter(|last| last.second == second) {
        return last.text;
    }
    let mut text = [b' '; LENGTH];
    let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(second));
    // It fits: every date until the year 9999 has this length.
    let _ = write!(text.as_mut_slice(), "{date}");
    LAST.set(Some(RenderedDate { second, text }));
    text
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use ::wire::Fields;

    use super::set;

    #[test]
    fn a_response_has_one_date() {
        let mut fields = Fields::default();
        set(&mut fields);
        let value = fields.value("date").map(<[u8]>::to_vec);
        let date = httpdate::parse_http_date(std::str::from_utf8(&value.unwrap()).unwrap()).unwrap();
        assert!(SystemTime::now().duration_since(date).unwrap().as_secs() < 5);
        fields.set("Date", b"Sun, 06 Nov 1994 08:49:37 GMT");
        set(&mut fields);
        assert_eq!(
            fields.values("date").collect::<Vec<_>>(),
            [b"Sun, 06 Nov 1994 08:49:37 GMT"]
        );
    }
}
