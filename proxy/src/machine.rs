//! The limits of the machine: file descriptors and memory.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum of requested descriptors; the kernel refuses more (`fs.nr_open`).
const MAX_DESCRIPTORS: u64 = 1_048_576;
/// Assumed memory of a machine that reports none, in bytes.
const UNKNOWN_MEMORY: u64 = 1024 * 1024 * 1024;

/// The limits of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// File descriptors.
    pub(crate) descriptors: u64,
    /// Memory, in bytes.
    pub(crate) memory: u64,
}

impl Machine {
    /// Reads the limits of this process: its descriptors, its control groups, and the machine's memory.
    pub(crate) fn of_process() -> Self {
        let limit = getrlimit(Resource::Nofile).current;
        Self {
            descriptors: limit.unwrap_or(MAX_DESCRIPTORS).min(MAX_DESCRIPTORS),
            memory: memory(Path::new("/")),
        }
    }
}

/// Raises the soft limit of open files to the hard limit, at most 1,048,576.
///
/// # Errors
/// The system refuses. The limit stays unchanged.
pub fn raise_descriptor_limit() -> std::io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let allowed = maximum.unwrap_or(MAX_DESCRIPTORS).min(MAX_DESCRIPTORS);
    if current.is_none_or(|current| current >= allowed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(allowed),
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// Returns the memory for this process, in bytes, read below `root`: the minimum of the limits of its control groups
/// (version 2) and the machine's memory.
fn memory(root: &Path) -> u64 {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let mounted = root.join("sys/fs/cgroup");
    let limits = group.into_iter().flat_map(|group| {
        let group = mounted.join(group);
        let groups: Vec<_> = group
            .ancestors()
            .take_while(|path| path.starts_with(&mounted))
            .map(|path| path.join("memory.max"))
            .collect();
        groups
    });
    // `max` means no limit and does not parse.
    let limit = limits.filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    limit.chain(machine_memory(root)).min().unwrap_or(UNKNOWN_MEMORY)
}

fn machine_memory(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Machine, UNKNOWN_MEMORY, memory, raise_descriptor_limit};

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: u64) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(memory(root.path()), expected, "{files:?}");
    }

    #[test]
    fn smallest_memory_limit_applies() {
        let total = ("proc/meminfo", "MemTotal:        2000 kB\nMemFree:  1 kB\n");
        let group = ("proc/self/cgroup", "0::/a/b\n");
        check(&[], UNKNOWN_MEMORY);
        check(&[total], 2_048_000);
        check(
            &[total, group, ("sys/fs/cgroup/a/b/memory.max", "max\n")],
            2_048_000,
        );
        check(&[total, group, ("sys/fs/cgroup/a/b/memory.max", "5000\n")], 5_000);
        check(&[total, group, ("sys/fs/cgroup/a/memory.max", "6000\n")], 6_000);
        check(
            &[
                ("proc/self/cgroup", "0::/\n"),
                ("sys/fs/cgroup/memory.max", "7000\n"),
            ],
            7_000,
        );
    }

    #[test]
    fn the_descriptor_limit_is_raised_to_what_the_system_allows() {
        raise_descriptor_limit().unwrap();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let allowed = limit.maximum.unwrap_or(u64::MAX).min(1_048_576);
        assert!(limit.current.unwrap_or(u64::MAX) >= allowed);
        assert!(Machine::of_process().descriptors >= allowed.min(1_048_576));
    }
}
