//! The form of gates.

use rules::{GateDefinition, MAX_GATE_PARTS, Sited};

use super::text::FlagKey;
use crate::form::{List, VariantWord, object, single, union};

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
    /// Gate that is open if a flag is on, or serves a variant.
    GateFlag("a gate on a flag"): GateDefinition<'s> {
        /// Key of the flag.
        flag: required Sited<FlagKey>,
        /// Variant that the flag must serve. Default: any except its off variant.
        is: optional Sited<VariantWord>,
    } => match is {
        Some(is) => GateDefinition::Is { flag, is },
        None => GateDefinition::Flag(flag),
    }
}

single! {
    /// Gate that is open if all of these gates are.
    GateAll("an `all` of gates") all: Gates, "Gates that must all be open.";
    /// Gate that is open if at least one of these gates is.
    GateAny("an `any` of gates") any: Gates, "Gates of which at least one must be open.";
    /// Gate that is open if this gate is closed.
    GateNot("a `not` of a gate") not: Sited<Gate>, "Gate that must be closed.";
}
