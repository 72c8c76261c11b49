use super::{InvalidProxyHeader, MAX_PROXY_HEADER, ProxyHeader, ProxySource, read_proxy_header};

/// Reads the header with more bytes behind it, and checks that no part of it is accepted.
#[track_caller]
fn good(header: &[u8], source: ProxySource) {
    let expected = ProxyHeader {
        length: header.len(),
        source,
    };
    let sent = [header, b"\x16\x03\x01\xff GET / HTTP/1.1\r\n"].concat();
    assert_eq!(read_proxy_header(&sent), Ok(Some(expected)), "{header:?}");
    for cut in 0..header.len() {
        assert_eq!(
            read_proxy_header(&header[..cut]),
            Ok(None),
            "cut at {cut}: {header:?}"
        );
    }
}

fn client(address: &str) -> ProxySource {
    ProxySource::Client(address.parse().unwrap())
}

#[track_caller]
fn bad(bytes: &[u8]) {
    assert_eq!(read_proxy_header(bytes), Err(InvalidProxyHeader), "{bytes:?}");
}

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend(length);
    header.extend(body);
    header
}

#[test]
fn version_1_names_the_client() {
    good(
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n",
        client("192.0.2.1:4711"),
    );
    good(
        b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n",
        client("[2001:db8::1]:4711"),
    );
    good(b"PROXY UNKNOWN\r\n", ProxySource::UnknownClient);
    good(
        b"PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n",
        ProxySource::UnknownClient,
    );
}

#[test]
fn version_2_names_the_client() {
    let four = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 0, 80];
    good(&binary(0x21, 0x11, &four), client("192.0.2.1:4711"));
    let mut six = [0; 36];
    six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    six[15] = 1;
    six[32..34].copy_from_slice(&[0x12, 0x67]);
    good(&binary(0x21, 0x21, &six), client("[2001:db8::1]:4711"));
    good(&binary(0x20, 0x00, &[]), ProxySource::Proxy);
    good(&binary(0x20, 0x11, &four), ProxySource::Proxy);
    good(&binary(0x21, 0x00, &[]), ProxySource::UnknownClient);
    good(&binary(0x21, 0x31, &[b'/'; 216]), ProxySource::UnknownClient);
    let more = [&four[..], &[0x04, 0x00, 0x03, 1, 2, 3]].concat();
    good(&binary(0x21, 0x11, &more), client("192.0.2.1:4711"));
}

#[test]
fn invalid_proxy_header_is_rejected_at_once() {
    bad(b"GET / HTTP/1.1\r\n\r\n");
    bad(b"PRI * HTTP/2.0\r\n");
    bad(b"\x16\x03\x01");
    bad(b"PROXY TCP4 192.0.2.1 192.0.2.2 x 80\r\n");
    bad(b"PROXY TCP4 2001:db8::1 192.0.2.2 1 80\r\n");
    bad(b"PROXY  \r\n");
    bad(&[b"PROXY ".as_slice(), &[b'a'; 200]].concat());
    bad(&binary(0x31, 0x11, &[0; 12]));
    bad(&binary(0x21, 0x11, &[0; 4]));
    bad(&binary(0x21, 0x11, &[0; MAX_PROXY_HEADER]));
}
