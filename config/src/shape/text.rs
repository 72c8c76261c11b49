//! Texts that several documents or objects have.

use crate::form::texts;

texts! {
    /// The key of a flag.
    FlagKey: any "a flag key";
    /// The id of a tenant.
    TenantId: any "a tenant id";
    /// The name of an attribute, as a key.
    AttributeName: any "the name of an attribute";
    /// A text without a further meaning to the form.
    AnyText: any "a text";
    /// An IP network.
    Network: any "an IP address or network such as `10.0.0.0/8`";
    /// A regular expression.
    Regex: any "a regular expression";
    /// The path of a file.
    FilePath: any "a file, relative to this document";
}
