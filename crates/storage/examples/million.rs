//! How long a store of 1,000,000 records of 1 KiB under random keys takes to open: after a clean close, and after a
//! kill -9 in the midst of writing.
//!
//! `cargo run --release --example million -- [directory] [records]`
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use pollster::block_on;
use strongroom_storage::{Batch, DiskStorage, Storage};

fn main() {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().map_or_else(env::temp_dir, PathBuf::from);
    if let Some(place) = env::var_os("STRONGROOM_WRITE_UNTIL_KILLED") {
        return write_until_killed(Path::new(&place));
    }
    let records: u64 = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    let root = directory.join(format!("strongroom-million-{}", std::process::id()));
    fs::create_dir(&root).unwrap();
    let place = root.join("store");

    let begin = Instant::now();
    let storage = DiskStorage::create(&place).unwrap();
    let mut random = 1;
    for _ in 0..records / BATCH {
        block_on(storage.commit(batch(&mut random))).unwrap();
    }
    let filled = begin.elapsed();
    let begin = Instant::now();
    storage.close().unwrap();
    let size: u64 = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    println!(
        "{records} records written in {:.1} s ({:.0}/s), closed in {:.0} ms, {} MiB on disk",
        filled.as_secs_f64(),
        records as f64 / filled.as_secs_f64(),
        milliseconds(begin.elapsed()),
        size >> 20
    );
    for _ in 0..3 {
        println!("opened after a clean close in {}", open(&place));
    }
    for wait in [300, 1000, 1700, 2400, 3100] {
        kill_a_writer(&place, Duration::from_millis(wait));
        println!("opened after a kill -9 in {}", open(&place));
    }
    fs::remove_dir_all(&root).unwrap();
}

fn open(place: &Path) -> String {
    let queued = waited_for_a_processor();
    let begin = Instant::now();
    let storage = DiskStorage::open(place).unwrap();
    block_on(storage.get(b"no such key")).unwrap();
    let time = begin.elapsed();
    let queued = waited_for_a_processor().saturating_sub(queued);
    let page = block_on(storage.scan(b"", None, 10)).unwrap();
    assert_eq!(page.len(), 10);
    format!("{:.1} ms, of which {:.1} waiting for a processor", milliseconds(time), milliseconds(queued))
}

/// How long this thread could have run and did not, because others did: none of it is the store's doing.
fn waited_for_a_processor() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn kill_a_writer(place: &Path, wait: Duration) {
    let mut child = Command::new(env::current_exe().unwrap())
        .env("STRONGROOM_WRITE_UNTIL_KILLED", place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn write_until_killed(place: &Path) {
    let storage = DiskStorage::open(place).unwrap();
    println!("writing");
    let mut random = u64::from(std::process::id());
    loop {
        block_on(storage.commit(batch(&mut random))).unwrap();
    }
}

fn batch(random: &mut u64) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..BATCH {
        let mut key = Vec::with_capacity(64);
        while key.len() < KEY {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            key.extend_from_slice(&(*random ^ (*random >> 29)).to_be_bytes());
        }
        key.truncate(KEY);
        batch.put(key, vec![7; VALUE]);
    }
    batch
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

const KEY: usize = 60;
const VALUE: usize = 1024;
const BATCH: u64 = 100;
