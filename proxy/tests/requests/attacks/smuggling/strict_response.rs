//! The strict reading of a response (RFC 9112), written apart from the proxy's: what a client must get.

/// The result of reading all bytes that an origin sent on a connection before it closed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StrictResponse {
    /// A complete response. Bytes may follow it.
    Whole { status: u16, body: Vec<u8> },
    /// A head with a body that is invalid or ends early.
    Cut { status: u16 },
    /// No valid head.
    Invalid,
}

/// The most interim responses.
const MAX_INTERIM: usize = 64;

/// A head: status, fields in lower case, and the offset of its end.
struct Head {
    is_old: bool,
    status: u16,
    fields: Vec<(String, String)>,
    end: usize,
}

impl Head {
    fn values(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// Reads the response at the beginning of `bytes`, after which the connection has ended.
pub(super) fn read(bytes: &[u8], is_head: bool) -> StrictResponse {
    let mut rest = bytes;
    for _ in 0..=MAX_INTERIM {
        let Some(head) = head(rest) else {
            return StrictResponse::Invalid;
        };
        rest = &rest[head.end..];
        let Ok(length) = stated_length(&head) else {
            return StrictResponse::Invalid;
        };
        match head.status {
            101 => return StrictResponse::Invalid,
            100..200 => {}
            _ => return final_response(&head, length, rest, is_head),
        }
    }
    StrictResponse::Invalid
}

fn final_response(head: &Head, length: Option<usize>, rest: &[u8], is_head: bool) -> StrictResponse {
    let status = head.status;
    let whole = |body: &[u8]| StrictResponse::Whole {
        status,
        body: body.to_vec(),
    };
    if is_head || matches!(status, 204 | 304) {
        return whole(b"");
    }
    match (length, &*head.values("transfer-encoding")) {
        (None, []) => whole(rest),
        (Some(length), []) => rest.get(..length).map_or(StrictResponse::Cut { status }, whole),
        (None, [coding]) if coding.eq_ignore_ascii_case("chunked") && !head.is_old => {
            chunked(rest).map_or(StrictResponse::Cut { status }, |body| whole(&body))
        }
        _ => StrictResponse::Invalid,
    }
}

/// Returns the one length that all values state.
fn stated_length(head: &Head) -> Result<Option<usize>, ()> {
    let values = head.values("content-length");
    let mut lengths = values.iter().flat_map(|value| value.split(',')).map(|value| {
        let value = value.trim_matches([' ', '\t']);
        let is_number = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
        value.parse::<i64>().ok().filter(|_| is_number)
    });
    let Some(first) = lengths.next() else {
        return Ok(None);
    };
    let length = first.filter(|first| lengths.all(|other| other == Some(*first)));
    length
        .and_then(|length| usize::try_from(length).ok())
        .map(Some)
        .ok_or(())
}

fn head(bytes: &[u8]) -> Option<Head> {
    let mut at = 0;
    let start = line(bytes, &mut at)?;
    let is_old = match start.get(..9)? {
        "HTTP/1.1 " => false,
        "HTTP/1.0 " => true,
        _ => return None,
    };
    let (digits, reason) = start.get(9..)?.split_at_checked(3)?;
    let status = digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    if !(100..600).contains(&status) || !(reason.is_empty() || reason.starts_with(' ')) || !is_text(reason) {
        return None;
    }
    let mut fields = Vec::new();
    loop {
        let line = line(bytes, &mut at)?;
        if line.is_empty() {
            return Some(Head {
                is_old,
                status,
                fields,
                end: at,
            });
        }
        let (name, value) = line.split_once(':')?;
        let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(of_token) || !is_text(value) {
            return None;
        }
        let value = value.trim_matches([' ', '\t']);
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

fn chunked(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        let line = line(bytes, &mut at)?;
        let digits = line.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(line.len());
        let (size, extension) = line.split_at(digits);
        let is_extension = extension.is_empty()
            || extension.starts_with(';')
                && extension.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        if size.len() > 9 || !is_extension {
            return None;
        }
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(bytes.get(at..at.checked_add(size)?)?);
        at += size;
        if !line_is_empty(bytes, &mut at) {
            return None;
        }
    }
    loop {
        let line = line(bytes, &mut at)?;
        if line.is_empty() {
            return Some(body);
        }
        let (name, value) = line.split_once(':')?;
        if name.is_empty() || name.contains([' ', '\t']) || !is_text(value) {
            return None;
        }
    }
}

fn line_is_empty(bytes: &[u8], at: &mut usize) -> bool {
    line(bytes, at).is_some_and(|line| line.is_empty())
}

/// Returns the text up to CR LF, each byte as a character; none if a bare CR or LF comes first.
fn line(bytes: &[u8], at: &mut usize) -> Option<String> {
    let rest = bytes.get(*at..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    if rest.get(end..end + 2)? != b"\r\n" {
        return None;
    }
    *at += end + 2;
    Some(rest[..end].iter().map(|&byte| char::from(byte)).collect())
}

/// Returns true if there is no control character but the tab.
fn is_text(value: &str) -> bool {
    value.chars().all(|c| c == '\t' || !c.is_ascii_control())
}
