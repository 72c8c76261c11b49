//! The process that holds the lock of a store's directory, if the system reports it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use config::FlagsSource;

/// Name of the lock file, in the directory of the store.
const LOCK: &str = "sluice.lock";

/// Returns the message that another process uses the store, with its id if known, and the help.
pub(crate) fn in_use_message(source: &FlagsSource, directory: &Path) -> String {
    let holder = match process(directory) {
        Some(id) => format!("process {id}"),
        None => "another process".to_owned(),
    };
    let field = match source {
        FlagsSource::Etcd(_) => "flags.store.etcd.mirror",
        _ => "flags.store.sqlite",
    };
    format!(
        "{holder} uses the store in {}: end it, or give this process another directory in `{field}`",
        directory.display()
    )
}

/// Returns the process that uses the store in a directory, if there is one and the system reports it.
pub(crate) fn process(directory: &Path) -> Option<u32> {
    holder(&directory.join(LOCK))
}

/// Returns the process that holds a lock on the file, from /proc/locks (proc_locks(5)), whose lines are like
/// `1: FLOCK ADVISORY WRITE 4711 fe:01:262171 0 EOF`.
fn holder(lock: &Path) -> Option<u32> {
    let metadata = fs::metadata(lock).ok()?;
    let (device, inode) = (metadata.dev(), metadata.ino());
    let major = (device >> 8) & 0xfff | (device >> 32) & !0xfff;
    let minor = device & 0xff | (device >> 12) & 0xff_ff00;
    let locked = format!("{major:02x}:{minor:02x}:{inode}");
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let mut ids = locks.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (id, place) = (words.get(4)?, words.get(5)?);
        (*place == locked).then(|| id.parse::<u32>().ok())?
    });
    // The system reports 0 or -1 for a process of another container.
    ids.find(|id| *id > 0)
}
