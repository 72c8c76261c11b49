//! Upper bounds of what a flags definition may hold, so that compiling and deciding are bounded.

/// The most flags in a document.
pub const MAX_FLAGS: usize = 10_000;
/// The most segments in a document.
pub const MAX_SEGMENTS: usize = 10_000;
/// The most tiers in a document.
pub const MAX_TIERS: usize = 100;
/// The most rules in a flag.
pub const MAX_RULES: usize = 1_000;
/// The most stages of a rollout plan in force for a flag.
pub const MAX_STAGES: usize = 100;
/// The most flags with a circuit breaker.
pub const MAX_BREAKERS: usize = 128;
/// The most variants in a flag.
pub const MAX_VARIANTS: usize = 100;
/// The most flags that a flag requires.
pub const MAX_REQUIRES: usize = 100;
/// The most values in a clause.
pub const MAX_VALUES: usize = 10_000;
/// The deepest that conditions and gates are nested, segments refer to segments, and flags require flags.
pub const MAX_NESTING: usize = 16;
/// The most clauses, or values of clauses, that deciding one flag may have to look at, required flags included.
pub const MAX_DECISION_COST: usize = 100_000;
/// Longest name of a variant, tier or segment, in bytes.
pub const MAX_NAME: usize = 64;
