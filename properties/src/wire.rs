//! HTTP/1 heads and bodies: accepted input has one reading, however it is split, and a simple reader reads it
//! alike.

use wire::{BodyScanner, Framing, HeadBounds, HeadLimits, InvalidBody, InvalidHead, RequestHead};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 1024,
    fields: 16,
};

/// Checks the framing of a stream. The first byte is the offset at which it is cut in two; the rest is what a
/// client sends, pipelined requests included.
pub fn wire(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    let mut rest = stream;
    while let Ok(Some(head)) = read(rest, usize::from(cut)) {
        check_head(rest, head);
        let Some(after) = body(&rest[head.end..], head.framing, usize::from(cut)) else {
            return;
        };
        rest = after;
    }
}

fn read_head(bytes: &[u8], limits: HeadLimits) -> Result<Option<HeadBounds>, InvalidHead> {
    wire::read_head(bytes, limits, &mut RequestHead::default())
}

/// Reads a head whole and cut at `cut`. The cut head must be incomplete or equal to the whole one.
fn read(bytes: &[u8], cut: usize) -> Result<Option<HeadBounds>, ()> {
    let whole = read_head(bytes, LIMITS);
    let part = read_head(&bytes[..cut.min(bytes.len())], LIMITS);
    match (whole, part) {
        (Ok(Some(whole)), Ok(None)) => assert!(cut < whole.end, "a whole head was not seen"),
        (Ok(Some(whole)), part) => assert_eq!(part, Ok(Some(whole)), "the same head twice"),
        (Ok(None), part) => assert_eq!(part, Ok(None), "a part of what is not complete is not complete"),
        (Err(_), Ok(head)) => assert_eq!(head, None, "a head that was taken is taken, whatever follows"),
        (Err(_), Err(_)) => {}
    }
    whole.map_err(|why| assert!(!why.to_string().is_empty()))
}

/// Reads the lines of the head the plain way.
fn check_head(bytes: &[u8], head: HeadBounds) {
    assert!(head.start < head.end && head.end <= bytes.len());
    assert!(head.end - head.start <= LIMITS.bytes);
    assert!(bytes[..head.start].chunks(2).all(|line| line == b"\r\n"));
    let text = &bytes[head.start..head.end];
    let lines = text.strip_suffix(b"\r\n\r\n").expect("an empty line at the end");
    assert!(!text[..text.len() - 2].windows(4).any(|four| four == b"\r\n\r\n"));
    assert!(!lines.contains(&0));
    let text: String = lines.iter().map(|&byte| char::from(byte)).collect();
    let mut lines = text.split("\r\n");
    let request: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = request.as_slice() else {
        panic!("not three words: {request:?}");
    };
    assert!(is_token(method) && !target.is_empty(), "{request:?}");
    assert!(matches!(*version, "HTTP/1.0" | "HTTP/1.1"), "{request:?}");
    let fields: Vec<(String, &str)> = lines.map(field).collect();
    assert!(fields.len() <= LIMITS.fields);
    let named = |wanted: &str| -> Vec<&str> {
        let fields = fields.iter().filter(|(name, _)| name == wanted);
        fields.map(|(_, value)| *value).collect()
    };
    match (
        named("content-length").as_slice(),
        named("transfer-encoding").as_slice(),
    ) {
        ([], []) => assert_eq!(head.framing, Framing::Empty),
        ([length], []) => {
            assert!(length.bytes().all(|digit| digit.is_ascii_digit()));
            match length.parse::<u64>().expect("a length that fits") {
                0 => assert_eq!(head.framing, Framing::Empty),
                length => assert_eq!(head.framing, Framing::Length(length)),
            }
        }
        ([], [coding]) => {
            assert!(coding.eq_ignore_ascii_case("chunked") && *version == "HTTP/1.1");
            assert_eq!(head.framing, Framing::Chunked);
        }
        lengths => panic!("two readings: {lengths:?}"),
    }
    let hosts = named("host").len();
    assert!(
        hosts == 1 || hosts == 0 && *version == "HTTP/1.0",
        "{hosts} hosts"
    );
}

fn field(line: &str) -> (String, &str) {
    let (name, value) = line.split_once(':').expect("a colon in every field");
    assert!(is_token(name), "{name:?}");
    assert!(
        !value.contains(|c: char| matches!(c, '\0'..='\u{8}' | '\n'..='\u{1f}' | '\u{7f}')),
        "{value:?}"
    );
    (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']))
}

/// Returns the bytes after the body; `None` if it is refused or not complete.
fn body(bytes: &[u8], framing: Framing, cut: usize) -> Option<&[u8]> {
    let (whole, whole_done) = take(framing, [bytes, b""]);
    let (in_two, in_two_done) = take(framing, bytes.split_at(cut.min(bytes.len())).into());
    assert_eq!(
        (whole, whole_done),
        (in_two, in_two_done),
        "the cut makes no difference"
    );
    let end = match (whole, framing) {
        (Ok(taken), Framing::Empty) => {
            assert_eq!((taken, whole_done), (0, true));
            taken
        }
        (Ok(taken), Framing::Length(length)) => {
            let here = length.min(bytes.len() as u64);
            assert_eq!((taken as u64, whole_done), (here, here == length));
            taken
        }
        (Ok(taken), Framing::Chunked) => {
            let end = chunks(bytes);
            assert_eq!(
                end,
                whole_done.then_some(taken),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
            taken
        }
        (Ok(_), Framing::UntilClose) => panic!("a request does not end by closing"),
        (Err(why), framing) => {
            assert_eq!(framing, Framing::Chunked, "{why}");
            assert_eq!(chunks(bytes), None, "{why}: {:?}", String::from_utf8_lossy(bytes));
            return None;
        }
    };
    whole_done.then(|| &bytes[end..])
}

fn take(framing: Framing, pieces: [&[u8]; 2]) -> (Result<usize, InvalidBody>, bool) {
    let mut body = BodyScanner::new(framing);
    let mut taken = 0;
    for piece in pieces {
        match body.take(piece) {
            Ok(more) => taken += more,
            Err(why) => return (Err(why), false),
        }
    }
    (Ok(taken), body.is_done())
}

/// Returns the end of a chunked body, read line by line; `None` if it is not complete or malformed.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = line(&bytes[at..])?;
        at += line.len() + 2;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        let is_extension = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
        let fits = extension.is_empty() || extension[0] == b';' && extension.iter().all(is_extension);
        if digits.len() > 9 || extension.len() > wire::MAX_CHUNK_EXTENSION || !fits {
            return None;
        }
        let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            break;
        }
        let end = at.checked_add(usize::try_from(size).ok()?)?;
        if bytes.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        at = end + 2;
    }
    let start = at;
    loop {
        let line = line(&bytes[at..])?;
        at += line.len() + 2;
        if at - start > wire::MAX_TRAILERS {
            return None;
        }
        if line.is_empty() {
            return Some(at);
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at(colon);
        let fits = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !is_token(std::str::from_utf8(name).ok()?) || !value[1..].iter().all(fits) {
            return None;
        }
    }
}

/// Returns the bytes before the first CR LF; `None` if a bare CR or LF comes first.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    (bytes.get(end..end + 2)? == b"\r\n").then(|| &bytes[..end])
}

fn is_token(text: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(of_token)
}
