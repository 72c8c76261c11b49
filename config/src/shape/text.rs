//! Texts and words that several objects have in common.

use std::net::SocketAddr;

use crate::form::{Size, parsed, texts, words};
use crate::validate::InvalidValue;

texts! {
    FlagKey: any "a flag key";
    SegmentName: any "the name of a segment";
    TierName: any "the name of a tier";
    VariantName: any "the name of a variant";
    Time: any "an RFC 3339 time such as `2026-12-01T00:00:00Z`";
    TenantId: any "a tenant id";
    AttributeName: any "the name of an attribute";
    UpstreamName: any "the name of an upstream";
    HeaderName: any "the name of a header";
    AnyText: any "a text";
    Network: any "an IP address or network such as `10.0.0.0/8`";
    Regex: any "a regular expression";
    Name: any "a name";
    FilePath: any "the path of a file, relative to this document";
    LocalPath: any "the path of a file, relative to this document";
    ErrorStatus: any "a status";
}

parsed! {
    ClaimPath("a path into the claims such as `org.id`", "invalid-claim-path"): tokens::ClaimPath = |text| {
        let help = "write names joined by dots (`org.id`), or a JSON pointer (`/org/id`)";
        InvalidValue::of(tokens::ClaimPath::parse(text), help)
    };
    SocketAddress("an address such as `127.0.0.1:8080`", "invalid-address"): SocketAddr = |text| {
        let help = "write it like `127.0.0.1:8080`, `0.0.0.0:8080` or `[::]:8080`";
        let address = text.parse();
        address.map_err(|_| InvalidValue::new(format!("`{text}` is not an IP address and a port"), help))
    };
}

parsed! {
    /// The maximum size of a body, in bytes; none means unlimited.
    BodyLimit: Size, "invalid-size", Option<u64> = |bytes, _| Ok(Some(bytes).filter(|bytes| *bytes > 0));
}

/// The word for a setting that is switched off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Off {
    Off,
}
words! { Off { "off" => Off } }
