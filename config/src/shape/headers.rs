//! The form of the plan of headers: what upstreams are told of the decision.

use super::sluice::FLAG_KEY;
use super::{
    List, Object, Shape, UNBOUNDED, Union, items, list, mapping, object, optional, required, scalar, union,
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
            Shape::Union(&FLAGS_HEADER),
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
            Shape::Union(&PER_FLAG),
            "One header for each of these flags.",
        ),
    ],
);
static FLAGS_HEADER: Union = union(
    "the name of a header, `off` or a mapping",
    &[scalar(HEADER), mapping(Shape::Object(&FLAGS_HEADER_OBJECT))],
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
            Shape::Union(&INCLUDE),
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
        mapping(Shape::Object(&PER_FLAG_OBJECT)),
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
