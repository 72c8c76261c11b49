//! The form of upstreams: endpoints that serve the same thing, and how to talk to them.

use rules::{MAX_RETRIES, MAX_WEIGHT};

use super::listener::CERTIFICATE;
use super::sluice::PATH;
use super::{
    List, Map, Object, Shape, Union, items, list, map, mapping, object, optional, required, scalar, union,
};

/// The most upstreams.
const MAX_UPSTREAMS: usize = 1_000;
/// The most endpoints of an upstream.
const MAX_ENDPOINTS: usize = 256;
const ENDPOINT: Shape = Shape::Text("`HOST:PORT`");

pub(super) static UPSTREAMS: Map = map(
    "the name of an upstream",
    Shape::Union(|| &UPSTREAM_VALUE),
    1,
    MAX_UPSTREAMS,
);
static UPSTREAM_VALUE: Union = union(
    "`HOST:PORT` or `{ endpoints: [HOST:PORT] }`",
    &[scalar(ENDPOINT), mapping(Shape::Object(|| &UPSTREAM_OBJECT))],
);
static UPSTREAM_OBJECT: Object = object(
    "an upstream",
    "Endpoints that serve the same thing.",
    &[
        required("endpoints", Shape::List(&ENDPOINTS), "Host and port of each."),
        optional(
            "protocol",
            Shape::Choice(&["http1", "http2"]),
            "What it speaks; left out: http1. http2 without TLS is by prior knowledge.",
        ),
        optional(
            "tls",
            Shape::Object(|| &UPSTREAM_TLS),
            "TLS on connections to it; left out: none.",
        ),
        optional(
            "health",
            Shape::Object(|| &HEALTH),
            "How endpoints are checked; left out: they aren't.",
        ),
        optional(
            "balance",
            Shape::Choice(&["round_robin", "least_request", "sticky"]),
            "How an endpoint is chosen; left out: round_robin. Sticky is by tenant.",
        ),
        optional(
            "retries",
            Shape::Integer(0, MAX_RETRIES as i64),
            "How often a request is turned to an endpoint again where that is safe; left out: 3.",
        ),
        optional(
            "max_in_flight",
            Shape::Integer(1, 1_000_000),
            "The most requests at once; more are answered 503. Left out: no limit.",
        ),
        optional(
            "ejection",
            Shape::Union(|| &EJECTION),
            "When an endpoint that fails gets no requests for a while; left out: after 5 failures for 10s.",
        ),
        optional(
            "resolve_interval",
            Shape::Duration,
            "How often host names are resolved again; left out: 30s.",
        ),
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
            "total_timeout",
            Shape::Duration,
            "From the choice of an endpoint to the end of its answer; left out: no limit.",
        ),
        optional(
            "reads",
            Shape::Union(|| &READS),
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
    Shape::Choice(&[
        "fold",
        "params",
        "decode",
        "backslash",
        "unicode",
        "trailing",
        "suffix",
    ]),
    1,
    rules::Read::ALL.len(),
);
static ENDPOINTS: List = list(Shape::Union(|| &ENDPOINT_VALUE), 1, MAX_ENDPOINTS);
static ENDPOINT_VALUE: Union = union(
    "`HOST:PORT` or `{ address: HOST:PORT, weight: 1 }`",
    &[scalar(ENDPOINT), mapping(Shape::Object(|| &ENDPOINT_OBJECT))],
);
static ENDPOINT_OBJECT: Object = object(
    "an endpoint",
    "Where to connect.",
    &[
        required("address", ENDPOINT, "Host and port."),
        optional(
            "weight",
            Shape::Integer(1, MAX_WEIGHT as i64),
            "Its share of the requests; left out: 1.",
        ),
    ],
);
static UPSTREAM_TLS: Object = object(
    "TLS to an upstream",
    "How connections to an upstream are encrypted. Its certificate is always verified.",
    &[
        required(
            "sni",
            Shape::Text("a host name"),
            "The name to ask for, which its certificate must have.",
        ),
        optional(
            "ca",
            PATH,
            "Who has to have issued its certificate, in PEM; left out: whoever the system trusts.",
        ),
        optional(
            "client_certificate",
            Shape::Object(|| &CERTIFICATE),
            "What is shown when it asks for a certificate.",
        ),
    ],
);
static HEALTH: Object = object(
    "a health check",
    "How endpoints are checked: by a GET where there is a path, else by connecting.",
    &[
        optional(
            "path",
            Shape::Text("a path such as `/healthz`"),
            "What to GET; left out: a connection is enough.",
        ),
        optional(
            "host",
            Shape::Text("a host name"),
            "The `Host` of the GET; left out: the endpoint's.",
        ),
        optional(
            "status",
            Shape::Integer(100, 599),
            "The status of a good answer; left out: 200 to 299.",
        ),
        optional(
            "interval",
            Shape::Duration,
            "From one check to the next; left out: 5s.",
        ),
        optional(
            "timeout",
            Shape::Duration,
            "How long one may take; left out: 2s, or `interval` if that is less.",
        ),
        optional(
            "healthy",
            Shape::Integer(1, 100),
            "After so many good ones in a row it gets requests again; left out: 2.",
        ),
        optional(
            "unhealthy",
            Shape::Integer(1, 100),
            "After so many bad ones in a row it gets none; left out: 3.",
        ),
        optional(
            "none_healthy",
            Shape::Choice(&["forward", "refuse"]),
            "Requests when none is healthy; left out: forward.",
        ),
    ],
);
static EJECTION: Union = union(
    "`off` or `{ failures: 5, for: 10s }`",
    &[
        scalar(Shape::Choice(&["off"])),
        mapping(Shape::Object(|| &EJECTION_OBJECT)),
    ],
);
static EJECTION_OBJECT: Object = object(
    "an ejection",
    "When an endpoint that fails gets no requests for a while.",
    &[
        optional(
            "failures",
            Shape::Integer(1, 1_000),
            "After so many in a row; left out: 5.",
        ),
        optional("for", Shape::Duration, "For so long; left out: 10s."),
    ],
);
