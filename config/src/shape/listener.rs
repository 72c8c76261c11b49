//! The form of listeners: where requests arrive.

use super::sluice::ADDRESS;
use super::{List, Object, Shape, list, object, required};

/// The most listeners.
const MAX_LISTENERS: usize = 64;

pub(super) static LISTENERS: List = list(Shape::Object(&LISTENER), 1, MAX_LISTENERS);
static LISTENER: Object = object(
    "a listener",
    "An address that requests arrive at.",
    &[
        required("name", Shape::Text("a name"), "Its name, in logs."),
        required(
            "address",
            ADDRESS,
            "IP address and port; port 0: the system chooses.",
        ),
    ],
);
