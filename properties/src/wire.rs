//! HTTP/1 heads and bodies: accepted input has one reading, however it is split, and a simple reader reads it
//! alike.

use wire::{
    BodyScanner, Framing, HeadBounds, HeadLimits, HttpVersion, InvalidBody, InvalidHead, RequestHead,
    write_request_head,
};

use crate::plain_reader::{self, assert_same_fields, chunked, is_token};

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
        check_contents(rest, head);
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
    assert!(is_token(method.as_bytes()) && !target.is_empty(), "{request:?}");
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

/// Compares method, target and fields with a plain reading, and reads them back from what is written for an upstream.
fn check_contents(bytes: &[u8], bounds: HeadBounds) {
    let mut head = RequestHead::default();
    assert_eq!(wire::read_head(bytes, LIMITS, &mut head), Ok(Some(bounds)));
    let plain = plain_reader::head(&bytes[bounds.start..]).expect("a plain reader accepts it");
    assert_eq!(bounds.start + plain.end, bounds.end);
    let words: Vec<&[u8]> = plain.start_line.split(|&byte| byte == b' ').collect();
    assert_eq!(words[..2], [head.method().as_bytes(), head.target().as_bytes()]);
    assert_same_fields(&head.fields, &plain.fields);
    let (path, query) = (head.path(), head.query());
    let joined = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
    assert_eq!(joined, head.target());
    if head.version() == HttpVersion::Http10 {
        // The proxy adds the host that HTTP/1.0 may lack.
        head.fields.set("Host", b"a");
        if !head.target().starts_with('/') {
            return;
        }
    }
    let mut written = Vec::new();
    write_request_head(&head, &mut written);
    // It is longer than what was read, if names and values had no space between them.
    let limits = HeadLimits {
        bytes: 2 * LIMITS.bytes,
        fields: LIMITS.fields + 1,
    };
    let mut again = RequestHead::default();
    let read = wire::read_head(&written, limits, &mut again).expect("a written head is valid");
    let read = read.expect("a written head is complete");
    assert_eq!(
        (read.start, read.end, read.framing),
        (0, written.len(), bounds.framing)
    );
    assert_eq!((again.method(), again.target()), (head.method(), head.target()));
    assert_eq!(again.fields, head.fields);
}

fn field(line: &str) -> (String, &str) {
    let (name, value) = line.split_once(':').expect("a colon in every field");
    assert!(is_token(name.as_bytes()), "{name:?}");
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
            let end = chunked(bytes).map(|body| body.end);
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
            assert!(
                chunked(bytes).is_none(),
                "{why}: {:?}",
                String::from_utf8_lossy(bytes)
            );
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
