//! Texts and words that several objects have in common.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::Shape;
use crate::form::{Form, Size, parsed, texts, words};
use crate::node::{Node, shorten};
use crate::validate::{InvalidValue, Slot, Validator};

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
    Name: any "a name";
    FilePath: any "the path of a file, relative to this document";
    DirectoryPath: any "the path of a directory, relative to this document";
    SeedPath: any "the path of a file or directory, relative to this document";
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

/// A regular expression. `rules` checks its syntax.
pub(crate) enum Regex {}

impl Form for Regex {
    type Value<'s> = Cow<'s, str>;

    const SHAPE: Shape = Shape::Text("a regular expression");

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Cow<'s, str>> {
        let text = validator.text(node, Self::SHAPE, slot)?;
        if let Some(inner) = undelimited(&text) {
            let title = format!(
                "the slashes of `{}` are a part of the regular expression",
                shorten(&text)
            );
            let help = format!(
                "write it without slashes and flags: `{0}`, or `(?i){0}` to ignore case",
                shorten(inner)
            );
            validator.warn("delimited-pattern", title, node.span, help);
        }
        Some(text)
    }
}

/// Returns the expression of a text in the notation of JavaScript, Ruby or Perl (`/x/i`), without slashes and flags.
/// `/x/` alone is more likely a path, unless it could not match: nothing is before `^` and behind `$`.
fn undelimited(text: &str) -> Option<&str> {
    let (inner, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    let has_flags = !flags.is_empty() && flags.chars().all(|flag| "dgimsuvx".contains(flag));
    let never_matches = flags.is_empty() && (inner.starts_with('^') || inner.ends_with('$'));
    (!inner.is_empty() && (has_flags || never_matches)).then_some(inner)
}

/// The word for a setting that is switched off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Off {
    Off,
}
words! { Off { "off" => Off } }
