//! Measuring two things in turns.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Two times of the same amount of work, in seconds.
#[derive(Clone, Copy)]
pub struct Turn {
    /// What is limited.
    pub ours: f64,
    /// The limit.
    pub limit: f64,
}

/// What came of many turns.
#[derive(Clone, Copy)]
pub struct Compared {
    /// The median time of ours, in seconds.
    pub seconds: f64,
    /// The median of limit ÷ ours.
    pub ratio: f64,
}

/// Runs `turn` at least three times and until `budget` is spent.
pub fn compare(budget: Duration, mut turn: impl FnMut() -> Turn) -> Compared {
    let started = Instant::now();
    let (mut seconds, mut ratios) = (Vec::new(), Vec::new());
    // The first turn warms caches and is forgotten.
    turn();
    while ratios.len() < 3 || (started.elapsed() < budget && ratios.len() < 100_000) {
        let Turn { ours, limit } = turn();
        seconds.push(ours);
        ratios.push(limit / ours);
    }
    Compared { seconds: median(&mut seconds), ratio: median(&mut ratios) }
}

/// The median time of `work` in seconds, over at least three runs and until `budget` is spent.
pub fn time(budget: Duration, mut work: impl FnMut() -> f64) -> f64 {
    let started = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < 3 || (started.elapsed() < budget && seconds.len() < 100_000) {
        seconds.push(work());
    }
    median(&mut seconds)
}

/// Processor time of this thread that `work` takes, in seconds: what others do on the machine does not count.
pub fn processor_time(work: impl FnOnce()) -> f64 {
    let before = clock_gettime(ClockId::ThreadCPUTime);
    work();
    let after = clock_gettime(ClockId::ThreadCPUTime);
    seconds(after) - seconds(before)
}

/// Processor time of all threads that `work` takes, in seconds.
pub fn process_time(work: impl FnOnce()) -> f64 {
    let before = clock_gettime(ClockId::ProcessCPUTime);
    work();
    let after = clock_gettime(ClockId::ProcessCPUTime);
    seconds(after) - seconds(before)
}

/// Time on the wall that `work` takes, in seconds: for what waits for the disk or for other threads.
pub fn wall_time(work: impl FnOnce()) -> f64 {
    let before = Instant::now();
    work();
    before.elapsed().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a clock's seconds and nanoseconds are far below 2^53")]
fn seconds(time: rustix::time::Timespec) -> f64 {
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The middle one, which noise moves least; 0 of none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
