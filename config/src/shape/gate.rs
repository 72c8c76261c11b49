//! The form of gates.

use rules::{GateDefinition, MAX_GATE_PARTS, Sited};

use super::text::FlagKey;
use crate::form::{List, Variant, object, union};

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

object! {
    /// Every one is open.
    GateAll("an `all` of gates"): Vec<Sited<GateDefinition<'s>>> {
        /// The gates.
        all: required Gates,
    } => all
}

object! {
    /// At least one is open.
    GateAny("an `any` of gates"): Vec<Sited<GateDefinition<'s>>> {
        /// The gates.
        any: required Gates,
    } => any
}

object! {
    /// It is closed.
    GateNot("a `not` of a gate"): Sited<GateDefinition<'s>> {
        /// The gate.
        not: required Sited<Gate>,
    } => not
}
