//! How many durable puts of 1 KiB sixteen writers get, against the limit of the same disk in the same run: sixteen
//! writers behind one thread that only appends the same bytes and syncs.
//!
//! `cargo run --release --example throughput -- [directory] [seconds per round] [rounds] [segment, MiB]`
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::cast_precision_loss)]

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use pollster::block_on;
use strongroom_storage::io::RealDisk;
use strongroom_storage::{Batch, DiskStorage, Options, Storage};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments.next().map_or(3.0, |text| text.parse().unwrap());
    let rounds = arguments.next().map_or(5, |text| text.parse().unwrap());
    let place = directory.join(format!("strongroom-throughput-{}", std::process::id()));
    fs::create_dir(&place).unwrap();
    let time = Duration::from_secs_f64(seconds);

    let mut options = Options::default();
    if let Some(size) = arguments.next() {
        options.segment_size = size.parse::<u64>().unwrap() << 20;
    }
    let storage = DiskStorage::create_on(&RealDisk::create(&place.join("store")).unwrap(), &options).unwrap();
    let raw = RawLog::create(&place.join("raw"));
    let (mut limits, mut ours) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        limits.push(rate(time, |key| raw.append(bytes_of(&key))));
        // So that neither pays for what the other has left to write.
        thread::sleep(PAUSE);
        ours.push(rate(time, |key| {
            let mut batch = Batch::new();
            batch.put(key, vec![7; VALUE]);
            block_on(storage.commit(batch)).unwrap();
        }));
        thread::sleep(PAUSE);
        println!("round {round}: raw {:.0}/s, storage {:.0}/s", limits[round], ours[round]);
    }
    let (limit, ours) = (mean(&limits), mean(&ours));
    println!("{WRITERS} writers: raw {limit:.0} puts/s, storage {ours:.0} puts/s, ratio {:.3}", ours / limit);
    drop(raw);
    drop(storage);
    fs::remove_dir_all(&place).unwrap();
}

/// What the log would write for such a put, without the frame's header, which a whole group shares.
fn bytes_of(key: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 7];
    bytes.extend_from_slice(key);
    bytes.resize(bytes.len() + VALUE, 7);
    bytes
}

fn rate(time: Duration, put: impl Fn(Vec<u8>) + Sync) -> f64 {
    let stop = AtomicBool::new(false);
    let begin = Instant::now();
    let puts: u64 = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (stop, put) = (&stop, &put);
                // A key is put once in a run, so that the tables and the database grow.
                let salt = RandomState::new().hash_one(writer);
                scope.spawn(move || {
                    let mut random = u64::from(begin.elapsed().subsec_nanos()) ^ ((writer + 1) << 32) ^ salt;
                    let mut puts = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let mut key = Vec::with_capacity(KEY);
                        while key.len() < KEY {
                            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            key.extend_from_slice(&(random ^ (random >> 29)).to_be_bytes());
                        }
                        key.truncate(KEY);
                        put(key);
                        puts += 1;
                    }
                    puts
                })
            })
            .collect();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    puts as f64 / begin.elapsed().as_secs_f64()
}

type Waiting = (Vec<u8>, oneshot::Sender<()>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<(Vec<Waiting>, bool)>,
    changed: Condvar,
}

/// A file of the log's size, written from the beginning again and again: the same writes and syncs, and no index.
struct RawLog {
    queue: Arc<Queue>,
    thread: Option<thread::JoinHandle<()>>,
}

impl RawLog {
    fn create(path: &Path) -> Self {
        let mut file = File::options().create(true).truncate(true).write(true).open(path).unwrap();
        file.write_all(&vec![0; LOG]).unwrap();
        file.sync_all().unwrap();
        let queue = Arc::new(Queue::default());
        let thread = thread::spawn({
            let queue = Arc::clone(&queue);
            move || Self::run(&queue, &file)
        });
        Self { queue, thread: Some(thread) }
    }

    fn run(queue: &Queue, file: &File) {
        let mut offset = 0;
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            let mut waiting = queue.waiting.lock().unwrap();
            while waiting.0.is_empty() {
                if waiting.1 {
                    return;
                }
                waiting = queue.changed.wait(waiting).unwrap();
            }
            let group = std::mem::take(&mut waiting.0);
            drop(waiting);
            buffer.clear();
            for (bytes, _) in &group {
                buffer.extend_from_slice(bytes);
            }
            if offset + buffer.len() > LOG {
                offset = 0;
            }
            file.write_all_at(&buffer, offset as u64).unwrap();
            file.sync_data().unwrap();
            offset += buffer.len();
            for (_, answer) in group {
                answer.send(()).unwrap();
            }
        }
    }

    fn append(&self, bytes: Vec<u8>) {
        let (answer, receiver) = oneshot::channel();
        self.queue.waiting.lock().unwrap().0.push((bytes, answer));
        self.queue.changed.notify_one();
        block_on(receiver).unwrap();
    }
}

impl Drop for RawLog {
    fn drop(&mut self) {
        self.queue.waiting.lock().unwrap().1 = true;
        self.queue.changed.notify_one();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn mean(rates: &[f64]) -> f64 {
    rates.iter().sum::<f64>() / rates.len() as f64
}

const WRITERS: u64 = 16;
const PAUSE: Duration = Duration::from_millis(700);
const KEY: usize = 60;
const VALUE: usize = 1024;
const LOG: usize = 32 * 1024 * 1024;
