//! The form of the plan of headers: what upstreams are told of the decision.

use std::borrow::Cow;

use super::secret::SecretSource;
use super::text::{FilePath, FlagKey, HeaderName, Off};
use super::{Shape, UNBOUNDED};
use crate::form::{
    Boolean, Field, Form, List, Placed, PlacedText, Refusal, Secret, Size, fields, group, parsed, texts,
    union, words,
};
use crate::node::Node;
use crate::validate::{Slot, Validator};

/// The most headers with the state of one flag each.
const MAX_PER_FLAG: usize = 100;

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
        id.then(|| text.into()).ok_or_else(|| Refusal::new(title(), help))
    };
}

/// The form `F` of a text, or `off`, which is none.
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
    /// What upstreams are told of the decision. Each may be `off`.
    Headers("a plan of headers") => HeadersFields {
        /// The tenant's id; left out: X-Tenant-Id.
        tenant: field Header,
        /// The user's id; left out: X-User-Id.
        user: field Header,
        /// The flags that are on; left out: X-Feature-Flags.
        flags: field FlagsHeader,
        /// The snapshot's revision; left out: X-Flags-Revision.
        revision: field Header,
        /// The request's id; left out: X-Request-Id.
        request_id: field Header,
        /// One header for each of these flags.
        per_flag: field PerFlag,
        /// A signature over all of these; left out: none.
        signature: field Signature,
        /// Whether the flags that are on are members of baggage too; left out: false.
        baggage: field Boolean,
        /// The header that tells clients which flags are on; left out: none.
        response: field Header,
    }
}

/// A signature as it is written.
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
    /// A signature over the headers that upstreams are told.
    SignatureSecret("a signature by a secret from the environment") => SignatureSecretFields {
        /// The environment variable that holds the key: `${NAME}`.
        secret: must Placed<Secret>,
        /// The names of the key and of the header.
        names: include SignatureNames,
    }
}

fields! {
    /// A signature over the headers that upstreams are told.
    SignatureFile("a signature by a secret from a file") => SignatureFileFields {
        /// The file that holds the key.
        secret_file: must Placed<FilePath>,
        /// The names of the key and of the header.
        names: include SignatureNames,
    }
}

group! {
    /// The names of a signature.
    SignatureNames => SignatureNamesFields {
        /// The key's name, for those who know two; left out: 1.
        key_id: field KeyId,
        /// Its name; left out: X-Sluice-Signature.
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
    /// The header that lists the flags that are on.
    FlagsHeaderObject("a flags header") => FlagsHeaderFields {
        /// Its name; left out: X-Feature-Flags.
        name: field OrOff<HeaderName>,
        /// Which flags: all (left out), route, or these.
        include: field Include,
        /// Its most bytes; left out: 4KiB.
        budget: field Size,
    }
}

/// The flags that a header lists, as they are written.
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

/// Flags that need not be listed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SomeFlags {
    All,
    Route,
}
words! { SomeFlags { "all" => All, "route" => Route } }

/// The flags that have a header each.
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
    /// One header for each of these flags, with the served variant.
    PerFlagObject("headers per flag") => PerFlagFields {
        /// Left out: X-Feature-.
        prefix: field HeaderPrefix,
        /// The flags.
        flags: must PerFlagKeys,
    }
}
