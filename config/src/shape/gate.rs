//! The form of gates.

use rules::{GateDefinition, MAX_GATE_PARTS, Sited};

use super::text::FlagKey;
use crate::form::{List, Variant, object, single, union};

type Gates = List<Sited<Gate>, 1, MAX_GATE_PARTS>;

union! {
    Gate("a gate"): GateDefinition<'s> {
        scalar Sited<FlagKey> => GateDefinition::Flag,
        key GateFlag => |gate| gate,
        key GateAll => GateDefinition::All,
        key GateAny => GateDefinition::Any,
        key GateNot => |gate| GateDefinition::Not(Box::new(gate)),
    }
}

object! {
    /// The flag is on, or serves a variant.
    GateFlag("a gate on a flag"): GateDefinition<'s> {
        /// The flag.
        flag: required Sited<FlagKey>,
        /// The variant; left out: any but its off variant.
        is: optional Sited<Variant>,
    } => match is {
        Some(is) => GateDefinition::Is { flag, is },
        None => GateDefinition::Flag(flag),
    }
}

single! {
    /// Every one is open.
    GateAll("an `all` of gates") all: Gates, "The gates.";
    /// At least one is open.
    GateAny("an `any` of gates") any: Gates, "The gates.";
    /// It is closed.
    GateNot("a `not` of a gate") not: Sited<Gate>, "The gate.";
}
