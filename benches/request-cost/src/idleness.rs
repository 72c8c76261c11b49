//! The wait until a process has nothing left to do. A client and an origin that wait for it see the same sequence of
//! reads and waits in every run: the process never finds the next message already there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// The pause before the first look, in which a message wakes the process.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
/// The longest pause. Pauses double up to it, because looks take the time of a processor that the process may need.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);
/// The time after which a process that never sleeps is waited for no longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The threads of a process.
#[derive(Debug, Clone)]
pub(crate) struct Idleness {
    tasks: PathBuf,
}

impl Idleness {
    pub(crate) fn of(pid: u32) -> Self {
        Self {
            tasks: format!("/proc/{pid}/task").into(),
        }
    }

    /// Waits until every thread of the process sleeps, but 5 s at most. Returns at once if the process has ended.
    pub(crate) fn wait(&self) {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            thread::sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
            if sleeps(&self.tasks).unwrap_or(true) || start.elapsed() > PATIENCE {
                return;
            }
        }
    }
}

fn sleeps(tasks: &Path) -> io::Result<bool> {
    for task in fs::read_dir(tasks)? {
        // A thread that has ended since does not count.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else {
            continue;
        };
        if !is_asleep(&stat) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads the state in a line of `/proc/PID/task/TID/stat` (proc(5)). The name before it may contain any character.
fn is_asleep(stat: &str) -> bool {
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('S'))
}

#[cfg(test)]
mod tests {
    use super::is_asleep;

    #[test]
    fn only_a_thread_in_state_s_is_asleep() {
        assert!(is_asleep("7 (proxy) S 1 7 7 0"));
        assert!(is_asleep("7 (a ) R (b) S 1 7 7 0"));
        assert!(!is_asleep("7 (proxy) R 1 7 7 0"));
        assert!(!is_asleep("7 (proxy) D 1 7 7 0"));
        assert!(!is_asleep(""));
    }
}
