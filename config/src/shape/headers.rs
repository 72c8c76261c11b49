//! The form of the header plan: the headers that pass a decision on to upstreams.

use std::borrow::Cow;

use rules::AnonymousFlags;

use super::secret::SecretSource;
use super::text::{FilePath, FlagKey, HeaderName, Off};
use super::{Shape, UNBOUNDED};
use crate::form::{
    Boolean, Field, Form, List, Placed, PlacedText, Secret, Size, fields, group, parsed, texts, union, words,
};
use crate::node::Node;
use crate::validate::{InvalidValue, Slot, Validator};

/// The maximum number of headers with the state of one flag each.
const MAX_PER_FLAG: usize = 100;

/// The maximum number of headers that are removed from requests.
const MAX_REMOVED: usize = 100;

texts! {
    HeaderNameOrOff: any "the name of a header, or `off`";
    HeaderPrefix: any "the beginning of a header name";
}

parsed! {
    KeyId("a name of 1 to 64 letters, digits, `.`, `_` and `-`", "invalid-key-id"): Box<str> = |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let id = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        let title = || format!("`{text}` can't be the name of a key");
        let help = "write 1 to 64 letters, digits, `.`, `_` and `-`";
        id.then(|| text.into()).ok_or_else(|| InvalidValue::new(title(), help))
    };
}

/// The form `F` of a text, or `off`, which yields none.
pub(crate) struct OrOff<F>(std::marker::PhantomData<F>);

impl<F: for<'s> Form<Value<'s> = Cow<'s, str>>> Form for OrOff<F> {
    type Value<'s> = Option<Cow<'s, str>>;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        let text = F::read(node, slot, validator)?;
        Some((text != "off").then_some(text))
    }
}

/// A header that may be `off`.
type Header = OrOff<HeaderNameOrOff>;

fields! {
    /// Headers that pass the decision on to upstreams. Each can be `off`.
    Headers("a plan of headers") => HeadersFields {
        /// Header with the tenant's id. Default: X-Tenant-Id.
        tenant: field Header,
        /// Header with the user's id. Default: X-User-Id.
        user: field Header,
        /// Header with the flags that are on. Default: X-Feature-Flags.
        flags: field FlagsHeader,
        /// Header with the revision of the snapshot. Default: X-Flags-Revision.
        revision: field Header,
        /// Header with the id of the request. Default: X-Request-Id.
        request_id: field Header,
        /// Headers with the served variant of one flag each. Default: off.
        per_flag: field PerFlag,
        /// Signature over all of these headers. Default: none.
        signature: field Signature,
        /// Adds the flags that are on to `baggage` as well. Default: false.
        baggage: field Boolean,
        /// Response header with the flags that are on, for clients. Default: none.
        response: field Header,
        /// Headers with flags of a request without a caller: `decide` or `omit`. Default: decide with `auth: optional`
        /// or the id of a visitor, otherwise omit.
        anonymous: field AnonymousFlags,
        /// Names of further headers that are removed from every request, with their aliases. Default: none.
        remove: field List<Placed<HeaderName>, 0, MAX_REMOVED>,
    }
}

words! { AnonymousFlags { "decide" => Decide, "omit" => Omit } }

/// A signature, as written.
pub(crate) struct SignatureFields<'s> {
    pub(crate) secret: Field<SecretSource<'s>>,
    pub(crate) names: SignatureNamesFields<'s>,
}

union! {
    Signature("`{ secret: \"${NAME}\" }` or `{ secret_file: PATH }`"): SignatureFields<'s> {
        key SignatureSecret => |signature| SignatureFields {
            secret: signature.secret.map(SecretSource::Variable),
            names: signature.names,
        },
        key SignatureFile => |signature| SignatureFields {
            secret: signature.secret_file.map(SecretSource::File),
            names: signature.names,
        },
    }
}

fields! {
    /// Signature over the headers that upstreams receive.
    SignatureSecret("a signature by a secret from the environment") => SignatureSecretFields {
        /// Reference to the environment variable that contains the key: `${NAME}`.
        secret: must Placed<Secret>,
        /// Names of the key and of the header.
        names: include SignatureNames,
    }
}

fields! {
    /// Signature over the headers that upstreams receive.
    SignatureFile("a signature by a secret from a file") => SignatureFileFields {
        /// Path of the file that contains the key.
        secret_file: must Placed<FilePath>,
        /// Names of the key and of the header.
        names: include SignatureNames,
    }
}

group! {
    /// The names of a signature.
    SignatureNames => SignatureNamesFields {
        /// Name of the key, for upstreams that know two. Default: 1.
        key_id: field KeyId,
        /// Name of the header. Default: X-Sluice-Signature.
        name: field OrOff<HeaderName>,
    }
}

union! {
    FlagsHeader("the name of a header, `off` or a mapping"): FlagsHeaderFields<'s> {
        scalar Placed<Header> => |name| FlagsHeaderFields { name: Field::alone(name), ..Default::default() },
        mapping FlagsHeaderObject => |header| header,
    }
}

fields! {
    /// Header that lists the flags that are on.
    FlagsHeaderObject("a flags header") => FlagsHeaderFields {
        /// Name of the header. Default: X-Feature-Flags.
        name: field OrOff<HeaderName>,
        /// Flags that may be listed: `all`, those of the `route`, or a list of keys. Default: all.
        include: field Include,
        /// Maximum size of the value. Default: 4KiB.
        budget: field Size,
    }
}

/// The flags that a header may list, as written.
pub(crate) enum Included<'s> {
    Some(SomeFlags),
    List(Vec<PlacedText<'s>>),
}

union! {
    Include("`all`, `route` or a list of flag keys"): Included<'s> {
        scalar SomeFlags => Included::Some,
        list List<Placed<FlagKey>, 0, UNBOUNDED> => Included::List,
    }
}

/// Sets of flags that are named by a word.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SomeFlags {
    All,
    Route,
}
words! { SomeFlags { "all" => All, "route" => Route } }

/// The flags that have a header of their own.
type PerFlagKeys = List<Placed<FlagKey>, 0, MAX_PER_FLAG>;

union! {
    PerFlag("`off`, a list of flag keys or a mapping"): Option<PerFlagFields<'s>> {
        scalar Off => |Off::Off| None,
        list Placed<PerFlagKeys> =>
            |flags| Some(PerFlagFields { prefix: Field::LeftOut, flags: Field::alone(flags) }),
        mapping PerFlagObject => Some,
    }
}

fields! {
    /// Headers with the served variant of one flag each.
    PerFlagObject("headers per flag") => PerFlagFields {
        /// Beginning of the names. Default: X-Feature-.
        prefix: field HeaderPrefix,
        /// Keys of the flags.
        flags: must PerFlagKeys,
    }
}
