//! The form of upstreams: endpoints that serve the same thing, and how to talk to them.

use super::{
    List, Map, Object, Shape, Union, items, list, map, mapping, object, optional, required, scalar, union,
};

/// The most upstreams.
const MAX_UPSTREAMS: usize = 1_000;
/// The most endpoints of an upstream.
const MAX_ENDPOINTS: usize = 256;

pub(super) static UPSTREAMS: Map = map(
    "the name of an upstream",
    Shape::Union(&UPSTREAM_VALUE),
    1,
    MAX_UPSTREAMS,
);
static UPSTREAM_VALUE: Union = union(
    "`HOST:PORT` or `{ endpoints: [HOST:PORT] }`",
    &[
        scalar(Shape::Text("`HOST:PORT`")),
        mapping(Shape::Object(&UPSTREAM_OBJECT)),
    ],
);
static UPSTREAM_OBJECT: Object = object(
    "an upstream",
    "Endpoints that serve the same thing.",
    &[
        required("endpoints", Shape::List(&ENDPOINTS), "Host and port of each."),
        optional(
            "connect_timeout",
            Shape::Duration,
            "Until connected; left out: 3s.",
        ),
        optional(
            "read_timeout",
            Shape::Duration,
            "Between two reads; left out: 60s.",
        ),
        optional("write_timeout", Shape::Duration, "Of one write; left out: 60s."),
        optional(
            "idle_timeout",
            Shape::Duration,
            "How long an idle connection is kept; left out: 60s.",
        ),
        optional(
            "reads",
            Shape::Union(&READS),
            "How it may read paths otherwise than RFC 3986; left out: in each of these ways.",
        ),
    ],
);
static READS: Union = union(
    "`exact` or a list of readings such as `[fold, params]`",
    &[scalar(Shape::Choice(&["exact"])), items(&READS_LIST)],
);
/// The names are those of every [`rules::Read`].
static READS_LIST: List = list(
    Shape::Choice(&["fold", "params", "decode", "backslash", "unicode", "trailing"]),
    1,
    rules::Read::ALL.len(),
);
static ENDPOINTS: List = list(Shape::Text("`HOST:PORT`"), 1, MAX_ENDPOINTS);
