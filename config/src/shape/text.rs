//! Texts and words that several objects have.

use crate::form::{texts, words};

texts! {
    FlagKey: any "a flag key";
    TenantId: any "a tenant id";
    AttributeName: any "the name of an attribute";
    UpstreamName: any "the name of an upstream";
    HeaderName: any "the name of a header";
    ClaimPath: any "a path into the claims such as `org.id`";
    AnyText: any "a text";
    Network: any "an IP address or network such as `10.0.0.0/8`";
    Regex: any "a regular expression";
    Name: any "a name";
    HostName: any "a host name";
    FilePath: any "a file, relative to this document";
    LocalPath: any "a path, relative to this document";
    SocketAddress: any "an address such as `127.0.0.1:8080`";
    MediaType: any "a media type";
    ErrorStatus: any "a status";
}

/// The word for what may be switched off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Off {
    Off,
}
words! { Off { "off" => Off } }
