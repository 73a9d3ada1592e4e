//! What a figure was measured on, and when: a number without them says little.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::shell::Program;

/// A Markdown list for the head of a results file, one fact a line.
pub(crate) fn description() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".into(), |cores| cores.to_string());
    format!(
        "- date: {}\n- commit: {}\n- processor: {}\n- cores: {cores}\n- kernel: {}\n- compiler: {}\n\n",
        today(),
        first_line(Program::new("git").words("describe --always --dirty --abbrev=12")),
        processor(),
        first_line(Program::new("uname").words("-sr")),
        first_line(Program::new("rustc").words("--version")),
    )
}

/// Today in UTC, as year-month-day.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

fn processor() -> String {
    let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_string(), |(_, name)| name.trim().to_string())
}

fn first_line(program: Program) -> String {
    let printed = program.capture().map(|captured| captured.stdout).unwrap_or_default();
    printed.lines().next().filter(|line| !line.is_empty()).unwrap_or("?").to_string()
}

/// The Gregorian date of a day counted from 1970-01-01, by walking over years and months.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for (month, length) in lengths.into_iter().enumerate() {
        if days < length {
            return (year, month + 1, days + 1);
        }
        days -= length;
    }
    (year, 12, 31)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_453), (2025, 12, 31));
        assert_eq!(civil(20_454), (2026, 1, 1));
    }
}
