//! The machine of a measurement, for the report.

use std::fs;
use std::thread::available_parallelism;

use anyhow::Context as _;

/// Describes the processor, its cores, the memory and the kernel in one line.
pub(crate) fn description() -> anyhow::Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kilobytes = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.context("/proc/meminfo has no MemTotal")?.parse()?;
    let system = rustix::system::uname();
    let hypervisor = if processors.contains(" hypervisor ") {
        ", virtual machine"
    } else {
        ""
    };
    Ok(format!(
        "{model}, {cores} cores{hypervisor}, {memory:.0} GiB of memory, Linux {kernel}",
        model = model.map_or("unknown processor", |(_, model)| model),
        cores = available_parallelism()?,
        memory = kilobytes / 1024.0 / 1024.0,
        kernel = system.release().to_string_lossy(),
    ))
}

/// Returns the load average of the last minute: the number of runnable threads, including those of other programs.
pub(crate) fn load_average() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

/// Returns the date in UTC, as `2026-11-29`.
pub(crate) fn date() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}
