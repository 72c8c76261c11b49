//! HTTP/1 bodies: the data and the trailers are those of a plain reading, however the bytes are split, and what is
//! written is read back.

use wire::{BodyScanner, Fields, Framing, InvalidBody, MAX_HEADERS, write_chunk, write_last_chunk};

use crate::plain_reader::{PlainField, assert_same_fields, chunked};

/// The result of scanning a body.
#[derive(Debug, PartialEq, Eq)]
struct Scanned {
    data: Vec<u8>,
    /// The number of bytes that belong to the body.
    taken: usize,
    is_done: bool,
    trailers: Option<Fields>,
}

/// Checks the scanner of bodies. The first byte selects the framing, the second the length of a body of known length,
/// the third the size of the pieces that the rest arrives in.
pub fn body(data: &[u8]) {
    let [kind, length, piece, bytes @ ..] = data else {
        return;
    };
    let framing = match kind % 4 {
        0 | 1 => Framing::Chunked,
        2 => Framing::Length(u64::from(*length) * 3),
        _ => Framing::UntilClose,
    };
    let piece = usize::from(*piece).max(1);
    check_written(bytes, piece);
    let whole = scan(framing, bytes, bytes.len().max(1));
    for size in [piece, 1] {
        assert_eq!(whole, scan(framing, bytes, size), "the pieces make no difference");
    }
    match (framing, whole) {
        (Framing::Chunked, Ok(whole)) => check_chunked(bytes, &whole),
        (Framing::Chunked, Err(why)) => {
            assert!(!why.to_string().is_empty());
            assert!(chunked(bytes).is_none(), "{why}");
        }
        (_, Ok(whole)) => {
            let end = match framing {
                Framing::Length(length) => usize::try_from(length).unwrap().min(bytes.len()),
                _ => bytes.len(),
            };
            let is_done = framing != Framing::UntilClose && whole.data.len() as u64 == u64::from(*length) * 3;
            assert_eq!((&*whole.data, whole.taken), (&bytes[..end], end));
            assert_eq!((whole.is_done, whole.trailers), (is_done, None));
        }
        (_, Err(why)) => panic!("{framing:?} has no invalid bytes: {why}"),
    }
}

/// Feeds a scanner with pieces of `size` bytes, as a connection's buffer does.
fn scan(framing: Framing, bytes: &[u8], size: usize) -> Result<Scanned, InvalidBody> {
    let mut scanner = BodyScanner::new(framing);
    let (mut data, mut taken) = (Vec::new(), 0);
    for piece in bytes.chunks(size) {
        let mut rest = piece;
        loop {
            let part = scanner.next_part(rest)?;
            let after = part.framing + part.data;
            data.extend_from_slice(&rest[part.framing..after]);
            (rest, taken) = (&rest[after..], taken + after);
            if after == 0 {
                break;
            }
        }
        assert!(
            rest.is_empty() || scanner.is_done(),
            "bytes of the body were left"
        );
    }
    let is_done = scanner.is_done();
    let trailers = scanner.trailers();
    assert_eq!(
        scanner.end(),
        is_done || framing == Framing::UntilClose,
        "the end of the connection completes only a body without a length"
    );
    Ok(Scanned {
        data,
        taken,
        is_done,
        trailers,
    })
}

fn check_chunked(bytes: &[u8], whole: &Scanned) {
    let plain = chunked(bytes);
    assert_eq!(plain.is_some(), whole.is_done, "complete for both readers");
    let Some(plain) = plain else {
        assert_eq!((whole.taken, &whole.trailers), (bytes.len(), &None));
        return;
    };
    assert_eq!((&plain.data, plain.end), (&whole.data, whole.taken));
    check_trailers(whole.trailers.as_ref(), &plain.trailers);
}

/// More fields than the limit are none: they are no part of the message that an application must have.
fn check_trailers(trailers: Option<&Fields>, plain: &[PlainField<'_>]) {
    match trailers {
        Some(trailers) => assert_same_fields(trailers, plain),
        None => assert!(
            plain.is_empty() || plain.len() > MAX_HEADERS,
            "trailers were lost"
        ),
    }
}

/// Writes `data` in chunks, with trailers made of it, and reads it back.
fn check_written(data: &[u8], piece: usize) {
    let trailers: Fields = data
        .chunks(16)
        .take(4)
        .map(|value| ("x-piece", value))
        .filter(|(_, value)| value.iter().all(u8::is_ascii_graphic))
        .collect();
    let trailers = (!trailers.is_empty()).then_some(trailers);
    let mut written = Vec::new();
    for piece in data.chunks(piece) {
        write_chunk(piece, &mut written);
    }
    write_chunk(b"", &mut written);
    write_last_chunk(trailers.as_ref(), &mut written);
    let read = scan(Framing::Chunked, &written, written.len()).expect("valid chunks");
    let expected = Scanned {
        data: data.to_vec(),
        taken: written.len(),
        is_done: true,
        trailers,
    };
    assert_eq!(read, expected, "what was written is read back");
}
