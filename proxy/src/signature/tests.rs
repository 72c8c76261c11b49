use wire::{HttpVersion, RequestHead};

use super::Signature;

/// The signature of a request with these headers.
fn signed(secret: &[u8], target: &str, headers: &[(&'static str, &str)]) -> String {
    let names = ["x-tenant-id", "x-user-id", "x-feature-flags"];
    let signature = Signature::new("X-Sluice-Signature".into(), "k1", secret, names);
    let mut head = RequestHead::default();
    head.begin("GET", target, HttpVersion::Http11);
    for (name, value) in headers {
        head.fields.push(name, value.as_bytes());
    }
    signature.set(&mut head, 1_800_000_000);
    let value = head.fields.value("x-sluice-signature").unwrap();
    String::from_utf8(value.to_vec()).unwrap()
}

#[test]
fn signed_content_equals_the_documentation() {
    let found = signed(
        b"0123456789abcdef0123456789abcdef",
        "/a%20b?c=d",
        &[
            ("x-tenant-id", "acme"),
            ("x-feature-flags", "board, theme;v=blue"),
        ],
    );
    // printf 'v1\n1800000000\nGET\n/a%%20b?c=d\nx-tenant-id:acme\nx-user-id\nx-feature-flags:board, theme;v=blue\n' \
    //   | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    assert_eq!(
        found,
        "t=1800000000,kid=k1,h=x-tenant-id:x-user-id:x-feature-flags,s=f753dd90937c2d2eadfa95587468fb32d4f8d9843944a3acac9f9c73fb9fef21"
    );
}

#[test]
fn signature_depends_on_every_signed_part() {
    let secret = b"0123456789abcdef0123456789abcdef";
    let tags = [
        signed(secret, "/a", &[]),
        signed(b"fedcba9876543210fedcba9876543210", "/a", &[]),
        signed(secret, "/b", &[]),
        signed(secret, "/a?", &[]),
        signed(secret, "/a", &[("x-tenant-id", "")]),
        signed(secret, "/a", &[("x-tenant-id", "acme")]),
        signed(secret, "/a", &[("x-user-id", "acme")]),
    ];
    for (index, tag) in tags.iter().enumerate() {
        assert!(!tags[index + 1..].contains(tag), "{index}");
    }
}

#[test]
fn debug_output_hides_the_signing_key() {
    let secret = b"0123456789abcdef0123456789abcdef";
    let signature = Signature::new("A".into(), "k1", secret, []);
    let shown = format!("{signature:?}");
    assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
}
