//! A gate: a route's condition over flags, decided once per request against one snapshot.

use crate::{
    Decision, DefinitionProblem, FlagId, Flags, GateDefinition, Kind, MAX_NESTING, Name, NamedFlag, Names,
    Noun, ProblemKind, Reason, Sited, Subject, Timestamp, VariantId, compile::Problems, decide,
};

/// The most parts a gate has.
pub const MAX_GATE_PARTS: usize = 100;

/// An id that no flag has.
const NO_FLAG: FlagId = FlagId(u32::MAX);

/// A compiled gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    expression: Expression,
    flags: Box<[FlagId]>,
    has_permission_flag: bool,
    awaits_flags: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Flag {
        flag: FlagId,
        is: Option<VariantId>,
    },
    /// A flag that does not exist yet, by its key.
    Awaited(Box<str>),
    All(Box<[Expression]>),
    Any(Box<[Expression]>),
    Not(Box<Expression>),
}

/// The state of a gate for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Open,
    /// It does not.
    Closed,
    /// A flag it hangs on can't be decided.
    Undecided,
}

/// The state of a gate for a request, and the flag that determined it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub truth: Truth,
    /// The flag that determined it; of several the first in the order written.
    pub flag: FlagId,
    /// The decision of that flag.
    pub decision: Decision,
}

impl Gate {
    /// Compiles a gate over the flags that `names` knows; every problem in it is found.
    pub fn compile(
        definition: &Sited<GateDefinition<'_>>,
        names: &Names,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        Self::compile_with(definition, names, None)
    }

    /// Compiles a gate over flags that may not exist yet. Such a flag is added to `awaited` as a problem, and the gate
    /// can't be decided by it.
    pub fn compile_awaiting(
        definition: &Sited<GateDefinition<'_>>,
        names: &Names,
        awaited: &mut Vec<DefinitionProblem>,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        Self::compile_with(definition, names, Some(awaited))
    }

    fn compile_with(
        definition: &Sited<GateDefinition<'_>>,
        names: &Names,
        awaited: Option<&mut Vec<DefinitionProblem>>,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        let mut compiler = GateCompiler {
            names,
            awaited,
            awaits_flags: false,
            problems: Problems::default(),
            flags: Vec::new(),
            permission: false,
        };
        let expression = compiler.expression(definition, 1);
        if compiler.flags.len() > MAX_GATE_PARTS {
            let found = compiler.flags.len();
            let kind = ProblemKind::Limit {
                what: "flags in a gate",
                limit: MAX_GATE_PARTS,
                found,
            };
            compiler.problems.report(definition.site, kind);
        }
        compiler.flags.sort_unstable_by_key(|flag| &flag.key);
        compiler.flags.dedup_by_key(|flag| flag.id);
        let flags = compiler.flags.iter().map(|flag| flag.id).collect();
        let has_permission_flag = compiler.permission;
        match expression {
            Some(expression) if compiler.problems.is_empty() => Ok(Self {
                expression,
                flags,
                has_permission_flag,
                awaits_flags: compiler.awaits_flags,
            }),
            _ => Err(compiler.problems.into_vec()),
        }
    }

    /// Decides the gate for `subject` at `now`. Allocates nothing, takes no lock.
    #[must_use]
    pub fn decide(&self, flags: &Flags, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        self.expression.decide(flags, subject, now)
    }

    /// Returns the reason why the gate is closed for every subject, if there is one. `never_on` returns that of a
    /// flag, or of a variant of it.
    pub(crate) fn never_open_reason(
        &self,
        never_on: &impl Fn(FlagId, Option<VariantId>) -> Option<String>,
    ) -> Option<String> {
        self.expression.never_open_reason(never_on)
    }

    /// Returns every flag it names, in key order, each once.
    #[must_use]
    pub fn flags(&self) -> &[FlagId] {
        &self.flags
    }

    /// Returns the gate as text: `a`, `a is blue`, `all(a, not b)`.
    #[must_use]
    pub fn describe(&self, flags: &Flags) -> String {
        self.expression.describe(flags)
    }

    /// Returns true if one of its flags is a permission flag. Such a gate is closed if it can't be decided.
    #[must_use]
    pub fn has_permission_flag(&self) -> bool {
        self.has_permission_flag
    }

    /// Returns true if it names a flag that does not exist yet.
    #[must_use]
    pub fn awaits_flags(&self) -> bool {
        self.awaits_flags
    }

    /// Returns the flag of a gate that is a single flag, and the variant that it must serve.
    #[must_use]
    pub fn single_flag(&self) -> Option<(FlagId, Option<VariantId>)> {
        match &self.expression {
            Expression::Flag { flag, is } => Some((*flag, *is)),
            _ => None,
        }
    }
}

impl Expression {
    fn describe(&self, flags: &Flags) -> String {
        let list = |parts: &[Self]| {
            parts
                .iter()
                .map(|part| part.describe(flags))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Flag { flag, is } => {
                let flag = flags.flag(*flag);
                let key = flag.map_or("an unknown flag", |flag| flag.key().as_str());
                match is.and_then(|is| flag?.variant(is)) {
                    Some(variant) => format!("{key} is {}", variant.name),
                    None => key.to_owned(),
                }
            }
            Self::Awaited(key) => key.to_string(),
            Self::All(parts) => format!("all({})", list(parts)),
            Self::Any(parts) => format!("any({})", list(parts)),
            Self::Not(part) => format!("not {}", part.describe(flags)),
        }
    }

    fn never_open_reason(
        &self,
        never_on: &impl Fn(FlagId, Option<VariantId>) -> Option<String>,
    ) -> Option<String> {
        match self {
            Self::Flag { flag, is } => never_on(*flag, *is),
            Self::All(parts) => parts.iter().find_map(|part| part.never_open_reason(never_on)),
            Self::Any(parts) => {
                let reasons: Option<Vec<String>> = parts
                    .iter()
                    .map(|part| part.never_open_reason(never_on))
                    .collect();
                reasons.map(|reasons| reasons.join("; "))
            }
            // Only flags that are never on are known, not flags that are always on.
            Self::Awaited(_) | Self::Not(_) => None,
        }
    }

    fn decide(&self, flags: &Flags, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        match self {
            Self::Flag { flag, is } => flag_verdict(flags, *flag, *is, subject, now),
            Self::Awaited(_) => flag_verdict(flags, NO_FLAG, None, subject, now),
            Self::All(parts) => fold(parts, Truth::Closed, flags, subject, now),
            Self::Any(parts) => fold(parts, Truth::Open, flags, subject, now),
            Self::Not(part) => {
                let verdict = part.decide(flags, subject, now);
                let truth = match verdict.truth {
                    Truth::Open => Truth::Closed,
                    Truth::Closed => Truth::Open,
                    Truth::Undecided => Truth::Undecided,
                };
                Verdict { truth, ..verdict }
            }
        }
    }
}

fn flag_verdict(
    flags: &Flags,
    flag: FlagId,
    is: Option<VariantId>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Verdict {
    let decision = decide(flags, flag, subject, now);
    let truth = if decision.reason == Reason::Error {
        Truth::Undecided
    } else {
        let open = match is {
            Some(variant) => decision.variant == variant,
            None => flags
                .flag(flag)
                .is_some_and(|flag| decision.variant != flag.off()),
        };
        if open { Truth::Open } else { Truth::Closed }
    };
    Verdict {
        truth,
        flag,
        decision,
    }
}

/// Decides the parts in order until one is `settling`. An undecided part leaves the result undecided unless a
/// later part settles it. If no part settles it, the first part determines the verdict. Compiling refuses
/// empty lists.
fn fold(
    parts: &[Expression],
    settling: Truth,
    flags: &Flags,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Verdict {
    let mut settled: Option<Verdict> = None;
    for part in parts {
        let verdict = part.decide(flags, subject, now);
        if verdict.truth == settling {
            return verdict;
        }
        // Keeps the first verdict, except that an undecided part replaces a decided one.
        match settled {
            Some(before) if verdict.truth != Truth::Undecided || before.truth == Truth::Undecided => {}
            _ => settled = Some(verdict),
        }
    }
    settled.unwrap_or_else(|| flag_verdict(flags, NO_FLAG, None, subject, now))
}

struct GateCompiler<'n, 'a> {
    names: &'n Names,
    /// The flags that do not exist yet; none if every flag must exist.
    awaited: Option<&'a mut Vec<DefinitionProblem>>,
    awaits_flags: bool,
    problems: Problems,
    flags: Vec<&'n NamedFlag>,
    permission: bool,
}

impl GateCompiler<'_, '_> {
    fn expression(&mut self, definition: &Sited<GateDefinition<'_>>, depth: usize) -> Option<Expression> {
        if depth > MAX_NESTING {
            self.problems
                .report(definition.site, ProblemKind::Nesting { limit: MAX_NESTING });
            return None;
        }
        match &definition.value {
            GateDefinition::Flag(key) => self.flag(key, None),
            GateDefinition::Is { flag, is } => self.flag(flag, Some(is)),
            GateDefinition::All(parts) => self.parts(definition, "all", parts, depth).map(Expression::All),
            GateDefinition::Any(parts) => self.parts(definition, "any", parts, depth).map(Expression::Any),
            GateDefinition::Not(part) => Some(Expression::Not(Box::new(
                self.expression(part, depth.saturating_add(1))?,
            ))),
        }
    }

    fn parts(
        &mut self,
        whole: &Sited<GateDefinition<'_>>,
        field: &'static str,
        parts: &[Sited<GateDefinition<'_>>],
        depth: usize,
    ) -> Option<Box<[Expression]>> {
        if parts.is_empty() {
            self.problems.report(whole.site, ProblemKind::Empty { field });
        }
        let compiled: Vec<_> = parts
            .iter()
            .map(|part| self.expression(part, depth.saturating_add(1)))
            .collect();
        compiled.into_iter().collect()
    }

    fn flag(&mut self, key: &Name<'_>, is: Option<&Name<'_>>) -> Option<Expression> {
        if let Some(awaited) = &mut self.awaited
            && self.names.flag(&key.value).is_none()
        {
            let mut unknown = Problems::default();
            unknown.unknown(Noun::Flag, key);
            awaited.append(&mut unknown.into_vec());
            self.awaits_flags = true;
            return Some(Expression::Awaited((*key.value).into()));
        }
        let known = self.problems.flag(self.names, key)?;
        let is = match is {
            Some(variant) => Some(self.problems.variant(known, variant)?),
            None => None,
        };
        self.permission |= known.kind == Kind::Permission;
        self.flags.push(known);
        Some(Expression::Flag { flag: known.id, is })
    }
}

#[cfg(test)]
mod tests;
