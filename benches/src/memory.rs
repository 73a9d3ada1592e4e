//! How much memory the process has taken at most.

/// The greatest resident set so far, in MiB; `None` where the kernel does not tell.
pub fn peak_mebibytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kibibytes) / 1024.0)
}

/// Sets the greatest resident set back to the present one.
pub fn reset_peak() {
    // Where this is not allowed the peak stays that of the whole process, which is larger: an honest error.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
