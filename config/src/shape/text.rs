//! Texts and words that several objects have.

use crate::form::{texts, words};

texts! {
    /// The key of a flag.
    FlagKey: any "a flag key";
    /// The id of a tenant.
    TenantId: any "a tenant id";
    /// The name of an attribute, as a key.
    AttributeName: any "the name of an attribute";
    /// The name of an upstream.
    UpstreamName: any "the name of an upstream";
    /// The name of a header.
    HeaderName: any "the name of a header";
    /// A path into the claims of a token.
    ClaimPath: any "a path into the claims such as `org.id`";
    /// A text without a further meaning to the form.
    AnyText: any "a text";
    /// An IP network.
    Network: any "an IP address or network such as `10.0.0.0/8`";
    /// A regular expression.
    Regex: any "a regular expression";
    /// A name in logs and metrics.
    Name: any "a name";
    /// The name of a host.
    HostName: any "a host name";
    /// The path of a file.
    FilePath: any "a file, relative to this document";
    /// A path of what this process makes.
    LocalPath: any "a path, relative to this document";
    /// An IP address and a port.
    SocketAddress: any "an address such as `127.0.0.1:8080`";
    /// A media type.
    MediaType: any "a media type";
    /// The status of an error, as a key.
    ErrorStatus: any "a status";
}

/// The word for what may be switched off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Off {
    Off,
}
words! { Off { "off" => Off } }
