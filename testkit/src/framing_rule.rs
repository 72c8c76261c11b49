//! Three rules by which servers frame the requests on a connection, as pure functions of its bytes. If two
//! servers in a row frame differently, the second can be made to see a request that the first does not.

/// A rule by which a server finds the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingRule {
    /// By `Content-Length` wherever there is one, and by chunks else.
    LengthFirst,
    /// By chunks where `Transfer-Encoding` is exactly `chunked`, and each chunk exactly as the RFC has it.
    ExactChunked,
    /// By chunks wherever a header looks a little like `Transfer-Encoding`, and chunks as far as one can guess.
    LenientChunked,
}

/// The requests that a server sees on a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RequestsSeen {
    /// The first line of each request, the last one included if it is not complete.
    pub requests: Vec<String>,
    /// The number of requests with a complete body.
    pub complete: usize,
}

impl FramingRule {
    /// All rules.
    pub const ALL: [Self; 3] = [Self::LengthFirst, Self::ExactChunked, Self::LenientChunked];

    /// Returns the requests that a server with this rule sees in `bytes`.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> RequestsSeen {
        let mut seen = RequestsSeen::default();
        let mut rest = skip_empty_lines(bytes);
        while !rest.is_empty() {
            let head = head(rest);
            let first = head.unwrap_or(rest).split(|&byte| byte == b'\n').next();
            seen.requests.push(text(first.unwrap_or_default()));
            let Some(head) = head else { break };
            let Some(after) = self.body(head, &rest[head.len()..]) else {
                break;
            };
            seen.complete += 1;
            rest = skip_empty_lines(after);
        }
        seen
    }

    /// Returns the bytes after the body; `None` if it is malformed or not complete.
    fn body<'b>(self, head: &[u8], rest: &'b [u8]) -> Option<&'b [u8]> {
        let fields = fields(head, self);
        let named = |wanted: &str| -> Vec<&str> {
            let named = fields.iter().filter(|(name, _)| name == wanted);
            named.map(|(_, value)| value.as_str()).collect()
        };
        let codings = named("transfer-encoding");
        let length = named("content-length").first().map(|length| number(length));
        let by_length = |length: Option<usize>| rest.get(length.unwrap_or(0)..);
        match self {
            Self::LengthFirst if length.is_some() || codings.is_empty() => by_length(length),
            Self::LengthFirst => chunks(rest, true),
            Self::ExactChunked if codings == ["chunked"] => chunks(rest, false),
            Self::ExactChunked => by_length(length),
            Self::LenientChunked if codings.iter().any(|coding| coding.contains("chunk")) => {
                chunks(rest, true)
            }
            Self::LenientChunked => by_length(length),
        }
    }
}

fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    &bytes[start.unwrap_or(bytes.len())..]
}

/// Returns a head with its empty line. Lines end in LF or CR LF.
fn head(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        let line = &bytes[at..];
        let end = line.iter().position(|&byte| byte == b'\n')? + 1;
        at += end;
        if matches!(&line[..end], b"\n" | b"\r\n") {
            return Some(&bytes[..at]);
        }
    }
}

/// Returns names in lower case, and values. A lenient server reads every character that is no letter or digit
/// as a dash, and ignores what surrounds a name.
fn fields(head: &[u8], way: FramingRule) -> Vec<(String, String)> {
    let head = text(head).to_ascii_lowercase();
    let lines = head.split(['\r', '\n']).skip(1);
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = if way == FramingRule::LenientChunked {
            let dashed = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            dashed.trim_matches('-').to_owned()
        } else {
            name.to_owned()
        };
        Some((name, value.trim().to_owned()))
    };
    lines.filter_map(field).collect()
}

/// Returns the first number in a text, like `atoi`.
fn number(text: &str) -> usize {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())]
        .parse()
        .unwrap_or(usize::MAX)
}

/// Returns the bytes after a chunked body. A lenient server reads the first hex digits as the size, whatever
/// surrounds them. It accepts LF as a line end, and requires no line end after a chunk.
fn chunks(bytes: &[u8], lenient: bool) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        let (line, after) = line(rest, lenient)?;
        let size = size(line, lenient)?;
        if size == 0 {
            rest = after;
            break;
        }
        let data_end = after.get(size..)?;
        rest = match data_end.strip_prefix(b"\r\n") {
            Some(rest) => rest,
            None if lenient => data_end.strip_prefix(b"\n").unwrap_or(data_end),
            None => return None,
        };
    }
    loop {
        let (line, after) = line(rest, lenient)?;
        rest = after;
        if line.is_empty() {
            return Some(rest);
        }
    }
}

fn line(bytes: &[u8], lenient: bool) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (line, after) = (&bytes[..end], &bytes[end + 1..]);
    match line.strip_suffix(b"\r") {
        Some(line) => Some((line, after)),
        None => lenient.then_some((line, after)),
    }
}

fn size(line: &[u8], lenient: bool) -> Option<usize> {
    let line = text(line).to_ascii_lowercase();
    if !lenient {
        let digits = line.split(';').next().unwrap_or_default();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return plain.then(|| usize::from_str_radix(digits, 16).ok()).flatten();
    }
    let line = line.replace('_', "");
    let line = line.trim_start_matches(|c: char| !c.is_ascii_hexdigit());
    let line = line.strip_prefix("0x").unwrap_or(line);
    let end = line.find(|c: char| !c.is_ascii_hexdigit());
    let digits = &line[..end.unwrap_or(line.len())];
    // More digits than fit lose the first ones, as a shift would have it.
    let fitting = &digits[digits.len().saturating_sub(8)..];
    Some(usize::from_str_radix(fitting, 16).unwrap_or(0))
}

fn text(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    text.trim_end_matches('\r').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, expected: [(&[&str], usize); 3]) {
        for (way, (requests, complete)) in FramingRule::ALL.into_iter().zip(expected) {
            let seen = way.read(bytes.as_bytes());
            assert_eq!(
                (seen.requests, seen.complete),
                (requests.iter().map(|line| (*line).to_owned()).collect(), complete),
                "{way:?} {bytes:?}"
            );
        }
    }

    #[test]
    fn agreeing_servers_have_one_reading() {
        let two: (&[&str], usize) = (&["POST /a HTTP/1.1", "GET /b HTTP/1.1"], 2);
        check(
            "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n",
            [two, two, two],
        );
        check(
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: v\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            [two, two, two],
        );
        let part: (&[&str], usize) = (&["POST /a HTTP/1.1"], 0);
        check(
            "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
            [part, part, part],
        );
    }

    #[test]
    fn disagreeing_servers_have_separate_readings() {
        let (outer, inner) = ("POST /a HTTP/1.1", "GET /b HTTP/1.1");
        check(
            "POST /a HTTP/1.1\r\nContent-Length: 26\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n\r\n",
            [(&[outer], 1), (&[outer, inner], 2), (&[outer, inner], 2)],
        );
        check(
            "POST /a HTTP/1.1\r\nTransfer_Encoding : xchunked\r\n\r\n0x0\n\nGET /b HTTP/1.1\n\n",
            [
                (&[outer, "0x0", inner], 3),
                (&[outer, "0x0", inner], 3),
                (&[outer, inner], 2),
            ],
        );
    }
}
