//! Durable puts, beside a file that is appended to and synced by one committer.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use strongroom_crypto::random;
use strongroom_storage::{Batch, Storage};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// As a record of a 1 KiB value.
pub const VALUE: usize = 1024;
/// As the storage key of an entry with a short name.
const KEY: usize = 67;

/// Puts per second of so many writers, each waiting for its put to be durable before the next.
///
/// # Errors
///
/// What storage says.
pub fn puts(storage: &Arc<dyn Storage>, writers: usize, time: Duration) -> Result<f64, Failure> {
    rate(writers, time, || {
        let storage = Arc::clone(storage);
        move || {
            let key: [u8; KEY] = random::array()?;
            let mut batch = Batch::new();
            batch.put(key, vec![key[0]; VALUE]);
            Ok(pollster::block_on(storage.commit(batch))?)
        }
    })
}

/// The limit: as many writers hand the same bytes to one committer, which appends what waits and syncs once.
///
/// # Errors
///
/// What the file system says.
pub fn appends(directory: &Path, writers: usize, time: Duration) -> Result<f64, Failure> {
    let mut file = File::create(directory.join("appended"))?;
    let (send, inbox) = mpsc::channel::<(Vec<u8>, mpsc::Sender<()>)>();
    let committer = std::thread::spawn(move || -> std::io::Result<()> {
        while let Ok(first) = inbox.recv() {
            let mut waiting = vec![first];
            waiting.extend(inbox.try_iter());
            let bytes: Vec<u8> = waiting.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
            file.write_all(&bytes)?;
            file.sync_data()?;
            for (_, done) in waiting {
                // A writer that has gone needs no answer.
                let _ = done.send(());
            }
        }
        Ok(())
    });
    let send = Mutex::new(send);
    let measured = rate(writers, time, || {
        let send = send.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (done, answer) = mpsc::channel();
        move || {
            let key: [u8; KEY] = random::array()?;
            let mut bytes = key.to_vec();
            bytes.resize(KEY + VALUE, key[0]);
            send.send((bytes, done.clone()))?;
            Ok(answer.recv()?)
        }
    });
    drop(send);
    committer.join().map_err(|_| "the committer panicked")??;
    std::fs::remove_file(directory.join("appended"))?;
    measured
}

/// How often all writers together get their work done in a second.
///
/// # Errors
///
/// The first one of any writer.
pub fn rate<W>(writers: usize, time: Duration, mut writer: impl FnMut() -> W) -> Result<f64, Failure>
where
    W: FnMut() -> Result<(), Failure> + Send,
{
    let done = AtomicU64::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|_| {
                let mut work = writer();
                let done = &done;
                scope.spawn(move || -> Result<(), Failure> {
                    while started.elapsed() < time {
                        work()?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a writer panicked")?)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(f64::from(u32::try_from(done.into_inner())?) / seconds)
}
