//! Raw responses in which one reader may see an end that another does not. Each has a number.

use super::messages::{codings, content_lengths, sizes};

/// The bytes that an origin sends for one request.
#[derive(Debug, Clone)]
pub(super) struct MutatedResponse {
    /// The name of the attack.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// Bytes that follow once the response is read.
    pub(super) late: &'static str,
}

impl MutatedResponse {
    /// Returns all bytes, the late ones included.
    pub(super) fn all(&self) -> Vec<u8> {
        [&self.bytes, self.late.as_bytes()].concat()
    }
}

/// A response that no client asked for.
const HIDDEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden";

#[derive(Default)]
struct Responses(Vec<MutatedResponse>);

/// Returns all responses, numbered by their index.
pub(super) fn all() -> Vec<MutatedResponse> {
    let mut responses = Responses::default();
    responses.framing();
    responses.chunks();
    responses.heads();
    responses.statuses();
    responses.surplus();
    responses.mutations();
    responses.0
}

impl Responses {
    fn add(&mut self, name: impl Into<String>, text: &str) {
        self.0.push(MutatedResponse {
            name: name.into(),
            bytes: text.as_bytes().to_vec(),
            late: "",
        });
    }

    /// A length, a coding, or both, in every disguise and in both orders.
    fn framing(&mut self) {
        for length in content_lengths() {
            self.add(
                format!("the length {length:?}"),
                &format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\nhello"),
            );
        }
        for coding in codings() {
            for fields in [
                format!("{coding}\r\n"),
                format!("Content-Length: 5\r\n{coding}\r\n"),
                format!("{coding}\r\nContent-Length: 15\r\n"),
            ] {
                self.add(
                    format!("the coding {fields:?}"),
                    &format!("HTTP/1.1 200 OK\r\n{fields}\r\n5\r\nhello\r\n0\r\n\r\n"),
                );
            }
        }
        for version in ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "ICY"] {
            for fields in [
                "",
                "Connection: keep-alive\r\n",
                "Content-Length: 5\r\n",
                "Content-Length: 5\r\nConnection: keep-alive\r\n",
                "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
            ] {
                self.add(
                    format!("{version} with {fields:?}"),
                    &format!("{version} 200 OK\r\n{fields}\r\nhello"),
                );
            }
        }
    }

    /// Sizes, ends, extensions and trailers of chunks.
    fn chunks(&mut self) {
        const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for size in sizes() {
            let size = size.replace('#', "5");
            for end in ["\r\n", "\n", "\r", ""] {
                self.add(
                    format!("a chunk of size {size:?} and {end:?}"),
                    &format!("{HEAD}{size}{end}hello\r\n0\r\n\r\n"),
                );
            }
        }
        for after in ["", "\n", "\r", "X", "\r\nX", " \r\n", "\0\r\n"] {
            for last in [
                "0\r\n\r\n",
                "0\n\n",
                "0\r\n\n",
                "00\r\n\r\n",
                "0 \r\n\r\n",
                "-0\r\n\r\n",
                "",
            ] {
                self.add(
                    format!("a chunk that ends in {after:?}, and then {last:?}"),
                    &format!("{HEAD}5\r\nhello{after}{last}"),
                );
            }
        }
        for extension in [
            ";",
            ";a=b",
            ";a=\"b\"",
            ";a=\"b\r\n",
            ";\n",
            ";\r",
            ";\0",
            " ;a",
            ",a",
            ";\u{e9}",
        ] {
            self.add(
                format!("the extension {extension:?}"),
                &format!("{HEAD}5{extension}\r\nhello\r\n0{extension}\r\n\r\n"),
            );
        }
        for trailer in [
            "Content-Length: 40",
            "Transfer-Encoding: chunked",
            "Connection: close",
            "Set-Cookie: a=b",
            "A : b",
            " A: b",
            "A",
            "A: b\n",
            "A: \0",
            "HTTP/1.1 200 OK\r\nA: b",
        ] {
            self.add(
                format!("the trailer {trailer:?}"),
                &format!("{HEAD}5\r\nhello\r\n0\r\n{trailer}\r\n\r\n"),
            );
        }
    }

    /// Line ends, NULs, folding and spaces in each place of a head.
    fn heads(&mut self) {
        const PLACES: [&str; 9] = [
            "%1HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1%1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200%1 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK%1\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\n%1Content-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length%1: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5%1\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nX: y%1Content-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y%1\r\nhello",
        ];
        for place in PLACES {
            for put in [
                "\n", "\r", "\r\r", "\n\n", "\0", "\r\n ", "\r\n\t", " ", "\t", "\u{b}", "\u{a0}",
                "\r\n\r\n", ":", "\r\n",
            ] {
                self.add(format!("{put:?} in {place:?}"), &place.replace("%1", put));
            }
        }
    }

    /// Statuses whose responses have no body, with one; interim responses; protocols that nobody asked for.
    fn statuses(&mut self) {
        for status in [
            "204 No Content",
            "304 Not Modified",
            "205 Reset Content",
            "099 x",
            "600 x",
            "20 x",
            "2000 x",
            "-20 x",
        ] {
            for rest in [
                "\r\n",
                "Content-Length: 5\r\n\r\nhello",
                "Content-Length: 0\r\n\r\n",
                "Content-Length: 5\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n",
                "Transfer-Encoding: gzip\r\n\r\n",
            ] {
                self.add(
                    format!("{status} with {rest:?}"),
                    &format!("HTTP/1.1 {status}\r\n{rest}"),
                );
            }
        }
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for interim in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
            "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 199 x\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.0 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n",
        ] {
            for count in [1, 2, 64, 65] {
                self.add(
                    format!("{count} of {interim:?}"),
                    &format!("{}{last}", interim.repeat(count)),
                );
            }
        }
    }

    /// Bytes after the end of a response, at once and later, and responses that say `close`.
    fn surplus(&mut self) {
        for response in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\n\r\nhello",
        ] {
            for surplus in [
                "x",
                "\r\n",
                "\n",
                "0\r\n\r\n",
                HIDDEN,
                "HTTP/1.1 200 OK\r\n",
                "HTTP/1.1 100 Continue\r\n\r\n",
            ] {
                self.add(
                    format!("{surplus:?} after {response:?}"),
                    &format!("{response}{surplus}"),
                );
                self.0.push(MutatedResponse {
                    name: format!("{surplus:?} later than {response:?}"),
                    bytes: response.as_bytes().to_vec(),
                    late: surplus,
                });
            }
        }
    }

    /// Adds each third response with two bytes changed.
    fn mutations(&mut self) {
        const BYTES: &[u8] = b"\r\n\0\t :;,0\x0b\x7f\xff";
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for response in self.0.clone().into_iter().step_by(3) {
            let mut bytes = response.bytes;
            for _ in 0..2 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = usize::try_from(random >> 8).unwrap_or_default() % bytes.len();
                let put = BYTES[usize::try_from(random & 0xff).unwrap_or_default() % BYTES.len()];
                match random & 0x800 {
                    0 => bytes[at] = put,
                    _ => bytes.insert(at, put),
                }
            }
            let name = format!("two bytes changed in: {}", response.name);
            let late = response.late;
            self.0.push(MutatedResponse { name, bytes, late });
        }
    }
}
