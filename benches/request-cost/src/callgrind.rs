//! The reader of callgrind's output files (the "Callgrind Format Specification" of valgrind's manual).
//!
//! A file lists, for each function, the cost of its own instructions and the calls it makes. Names are written once and
//! then referred to by number.

use std::collections::HashMap;
use std::iter::Sum;

/// Counts of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Instructions executed in user space.
    pub(crate) instructions: u64,
    /// Calls of functions that return new memory, of mimalloc and of the C library.
    pub(crate) allocations: u64,
    /// Calls of functions that resize an allocation.
    pub(crate) reallocations: u64,
    /// Instructions inside `memset`.
    pub(crate) memset_instructions: u64,
    /// Calls of `memset`.
    pub(crate) memset_calls: u64,
}

/// A kind of function that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Allocate,
    Reallocate,
    /// Another function of the allocator.
    Allocator,
    Memset,
    Other,
}

/// Reads the files of all threads of a process, or returns the reason why they are not those of callgrind.
pub(crate) fn read_threads(texts: &[String]) -> Result<Vec<Profile>, InvalidProfile> {
    let read: Result<Vec<_>, _> = texts.iter().map(|text| read(text)).collect();
    let read = read?;
    // Some thread of every program uses it.
    if !read.iter().any(|(_, has_memset)| *has_memset) {
        return Err(InvalidProfile::NoSymbols);
    }
    Ok(read.into_iter().map(|(profile, _)| profile).collect())
}

/// Reads a file. The second result is true if it has a function `memset`.
fn read(text: &str) -> Result<(Profile, bool), InvalidProfile> {
    let mut profile = Profile::default();
    let mut kinds: HashMap<&str, Kind> = HashMap::new();
    let (mut caller, mut callee) = (Kind::Other, Kind::Other);
    let mut total = None;
    // The line after `calls=` has the cost of the callee, which its own lines have too.
    let mut is_inclusive = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            caller = kind(name, &mut kinds)?;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = kind(name, &mut kinds)?;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let count = number(calls.split(' ').next(), line)?;
            profile.count_calls(caller, callee, count);
            is_inclusive = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            if !std::mem::take(&mut is_inclusive) && caller == Kind::Memset {
                profile.memset_instructions += number(line.split(' ').nth(1), line)?;
            }
        } else if let Some(sum) = line.strip_prefix("totals: ") {
            total = Some(number(Some(sum), line)?);
        }
    }
    profile.instructions = total.ok_or(InvalidProfile::NoTotal)?;
    Ok((profile, kinds.values().any(|kind| *kind == Kind::Memset)))
}

impl Sum for Profile {
    fn sum<I: Iterator<Item = Self>>(profiles: I) -> Self {
        profiles.fold(Self::default(), |sum, profile| Self {
            instructions: sum.instructions + profile.instructions,
            allocations: sum.allocations + profile.allocations,
            reallocations: sum.reallocations + profile.reallocations,
            memset_instructions: sum.memset_instructions + profile.memset_instructions,
            memset_calls: sum.memset_calls + profile.memset_calls,
        })
    }
}

/// A file that is not complete, or not one of callgrind.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidProfile {
    #[error("no line `totals:`: the program was killed before valgrind wrote its counts")]
    NoTotal,
    #[error("no function `memset`: the symbols of the C library are not installed (Debian: libc6-dbg)")]
    NoSymbols,
    #[error("no number in the line `{0}`")]
    NoNumber(String),
    #[error("`{0}` refers to a name that was not defined")]
    UnknownName(String),
}

impl Profile {
    /// Counts calls from outside of the allocator. Those inside it are steps of the same allocation.
    fn count_calls(&mut self, caller: Kind, callee: Kind, count: u64) {
        let is_inside = matches!(caller, Kind::Allocate | Kind::Reallocate | Kind::Allocator);
        match callee {
            Kind::Allocate if !is_inside => self.allocations += count,
            Kind::Reallocate if !is_inside => self.reallocations += count,
            Kind::Memset => self.memset_calls += count,
            _ => {}
        }
    }
}

/// Returns the kind of the function in `(NUMBER) NAME`, or in `(NUMBER)` after it was named.
fn kind<'t>(name: &'t str, kinds: &mut HashMap<&'t str, Kind>) -> Result<Kind, InvalidProfile> {
    let (id, name) = match name.split_once(") ") {
        Some((id, name)) => (id, Some(name)),
        None => (name.trim_end_matches(')'), None),
    };
    match name {
        Some(name) => {
            let kind = kind_of(name);
            kinds.insert(id, kind);
            Ok(kind)
        }
        None => kinds
            .get(id)
            .copied()
            .ok_or_else(|| InvalidProfile::UnknownName(id.to_owned())),
    }
}

fn kind_of(name: &str) -> Kind {
    // callgrind marks recursive calls: `name'2`.
    let name = name.split('\'').next().unwrap_or_default();
    match name {
        "malloc" | "calloc" | "aligned_alloc" | "posix_memalign" => return Kind::Allocate,
        "realloc" => return Kind::Reallocate,
        _ => {}
    }
    if name.starts_with("mi_") || name.starts_with("_mi_") {
        let is = |part: &str| name.contains(part);
        return if is("realloc") || is("rezalloc") || is("recalloc") {
            Kind::Reallocate
        } else if is("malloc") || is("zalloc") || is("calloc") {
            Kind::Allocate
        } else {
            Kind::Allocator
        };
    }
    if name == "memset" || name.starts_with("__memset_") {
        Kind::Memset
    } else {
        Kind::Other
    }
}

fn number(text: Option<&str>, line: &str) -> Result<u64, InvalidProfile> {
    text.and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| InvalidProfile::NoNumber(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as callgrind writes it: names once, positions relative, costs of calls on their own lines.
    const FILE: &str = "# callgrind format
version: 1
cmd:  ./sluice run
positions: line
events: Ir
summary: 5000

ob=(1) /bin/sluice
fl=(1) proxy.rs
fn=(1) proxy::forward
10 700
cfn=(2) mi_malloc_aligned
calls=3 20
+2 90
cob=(2) /lib/libc.so.6
cfn=(4) __memset_avx2_unaligned_erms
calls=2 0
* 4200
-1 8
cfn=(5) mi_realloc_aligned
calls=1 0
11 50
cfn=(6) malloc
calls=4 0
11 40

fn=(2)
20 60
cfn=(3) _mi_malloc_generic
calls=1 30
+1 30

fn=(5)
40 20
cfn=(2)
calls=1 20
+1 30

fn=(4)
50 4000
+3 200

totals: 5010
";

    #[test]
    fn outermost_calls_of_the_allocator_are_counted() {
        let profile = read_threads(&[FILE.to_owned()]).unwrap();
        let expected = Profile {
            instructions: 5010,
            allocations: 7,
            reallocations: 1,
            memset_instructions: 4200,
            memset_calls: 2,
        };
        assert_eq!(profile, [expected]);
    }

    #[test]
    fn recursion_marks_are_no_part_of_a_name() {
        assert_eq!(kind_of("mi_malloc'2"), Kind::Allocate);
        assert_eq!(kind_of("mi_rezalloc"), Kind::Reallocate);
        assert_eq!(kind_of("mi_free"), Kind::Allocator);
        assert_eq!(kind_of("<alloc::string::String>::malloc"), Kind::Other);
    }

    #[test]
    fn incomplete_files_are_rejected() {
        for text in [
            "",
            "fn=(1) a\n1 2\n",
            "fn=(1)\n1 2\ntotals: 2\n",
            "totals: many\n",
            "fn=(1) a\n1 2\ntotals: 2\n",
            "fn=(1) a\ncfn=(2) b\ncalls=x 0\n1 2\ntotals: 2\n",
        ] {
            assert!(read_threads(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
