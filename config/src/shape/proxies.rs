//! The form of trusted proxies.

use super::{List, Object, Shape, Union, items, list, mapping, object, optional, required, union};

/// The most networks.
const MAX_NETWORKS: usize = 1_000;

/// Who may say for whom a request is forwarded.
pub(super) static TRUSTED_PROXIES: Union = union(
    "a list of IP networks or `{ networks: [..], header: forwarded }`",
    &[items(&NETWORKS), mapping(Shape::Object(|| &OBJECT))],
);
static NETWORKS: List = list(
    Shape::Text("an IP address or network such as `10.0.0.0/8`"),
    1,
    MAX_NETWORKS,
);
static OBJECT: Object = object(
    "trusted proxies",
    "Who may say for whom a request is forwarded, and in which headers.",
    &[
        required("networks", Shape::List(&NETWORKS), "Their addresses."),
        optional(
            "header",
            Shape::Choice(&["x-forwarded", "forwarded"]),
            "The headers that they set; left out: x-forwarded.",
        ),
    ],
);
