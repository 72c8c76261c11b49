//! The form of the plan of headers: what upstreams are told of the decision.

use super::sluice::{FLAG_KEY, PATH};
use super::{
    Field, List, Object, Shape, UNBOUNDED, Union, items, list, mapping, object, optional, required, scalar,
    union, with_key,
};

/// The most headers with the state of one flag each.
const MAX_PER_FLAG: usize = 100;

const HEADER: Shape = Shape::Text("the name of a header, or `off`");
pub(super) static HEADERS: Object = object(
    "a plan of headers",
    "What upstreams are told of the decision. Each may be `off`.",
    &[
        optional("tenant", HEADER, "The tenant's id; left out: X-Tenant-Id."),
        optional("user", HEADER, "The user's id; left out: X-User-Id."),
        optional(
            "flags",
            Shape::Union(|| &FLAGS_HEADER),
            "The flags that are on; left out: X-Feature-Flags.",
        ),
        optional(
            "revision",
            HEADER,
            "The snapshot's revision; left out: X-Flags-Revision.",
        ),
        optional("request_id", HEADER, "The request's id; left out: X-Request-Id."),
        optional(
            "per_flag",
            Shape::Union(|| &PER_FLAG),
            "One header for each of these flags.",
        ),
        optional(
            "signature",
            Shape::Union(|| &SIGNATURE),
            "A signature over all of these; left out: none.",
        ),
        optional(
            "baggage",
            Shape::Boolean,
            "Whether the flags that are on are members of baggage too; left out: false.",
        ),
        optional(
            "response",
            HEADER,
            "The header that tells clients which flags are on; left out: none.",
        ),
    ],
);
const KEY_ID: Field = optional(
    "key_id",
    Shape::Text("a name of 1 to 64 letters, digits, `.`, `_` and `-`"),
    "The key's name, for those who know two; left out: 1.",
);
const SIGNATURE_NAME: Field = optional(
    "name",
    Shape::Text("the name of a header"),
    "Its name; left out: X-Sluice-Signature.",
);
static SIGNATURE: Union = union(
    "`{ secret: \"${NAME}\" }` or `{ secret_file: PATH }`",
    &[with_key(|| &SIGNATURE_SECRET), with_key(|| &SIGNATURE_FILE)],
);
static SIGNATURE_SECRET: Object = object(
    "a signature by a secret from the environment",
    "A signature over the headers that upstreams are told.",
    &[
        required(
            "secret",
            Shape::Secret,
            "The environment variable that holds the key: `${NAME}`.",
        ),
        KEY_ID,
        SIGNATURE_NAME,
    ],
);
static SIGNATURE_FILE: Object = object(
    "a signature by a secret from a file",
    "A signature over the headers that upstreams are told.",
    &[
        required("secret_file", PATH, "The file that holds the key."),
        KEY_ID,
        SIGNATURE_NAME,
    ],
);
static FLAGS_HEADER: Union = union(
    "the name of a header, `off` or a mapping",
    &[scalar(HEADER), mapping(Shape::Object(|| &FLAGS_HEADER_OBJECT))],
);
static FLAGS_HEADER_OBJECT: Object = object(
    "a flags header",
    "The header that lists the flags that are on.",
    &[
        optional(
            "name",
            Shape::Text("the name of a header"),
            "Its name; left out: X-Feature-Flags.",
        ),
        optional(
            "include",
            Shape::Union(|| &INCLUDE),
            "Which flags: all (left out), route, or these.",
        ),
        optional("budget", Shape::Size, "Its most bytes; left out: 4KiB."),
    ],
);
static INCLUDE: Union = union(
    "`all`, `route` or a list of flag keys",
    &[scalar(Shape::Choice(&["all", "route"])), items(&FLAG_KEYS)],
);
static FLAG_KEYS: List = list(FLAG_KEY, 0, UNBOUNDED);
static PER_FLAG: Union = union(
    "`off`, a list of flag keys or a mapping",
    &[
        scalar(Shape::Choice(&["off"])),
        items(&PER_FLAG_KEYS),
        mapping(Shape::Object(|| &PER_FLAG_OBJECT)),
    ],
);
static PER_FLAG_KEYS: List = list(FLAG_KEY, 0, MAX_PER_FLAG);
static PER_FLAG_OBJECT: Object = object(
    "headers per flag",
    "One header for each of these flags, with the served variant.",
    &[
        optional(
            "prefix",
            Shape::Text("the beginning of a header name"),
            "Left out: X-Feature-.",
        ),
        required("flags", Shape::List(&PER_FLAG_KEYS), "The flags."),
    ],
);
