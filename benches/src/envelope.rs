//! Envelopes against the bare cipher: what a data key for each object, its wrapping and its header cost.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use strongroom_crypto::aead::AeadKey;
use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::secret::Secret;
use strongroom_envelope::stream::{Area, Options};
use strongroom_envelope::{Envelope, KeyEncryption, ReadAt, WrappedKey};

use crate::line;
use crate::memory;
use crate::turns::{Turn, compare, median, process_time, processor_time, wall_time};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long and how large.
pub struct Scale {
    /// For each comparison.
    pub budget: Duration,
    /// The length of the large stream in bytes.
    pub large: u64,
    /// Runs over the large stream.
    pub rounds: usize,
}

/// Prints every row.
///
/// # Errors
///
/// Without secret memory, randomness or a disk.
pub fn measure(scale: &Scale) -> Result<(), Failure> {
    small(scale)?;
    rewraps(scale)?;
    one_core(scale)?;
    all_cores(scale)?;
    large(scale)?;
    files(scale)
}

/// Small objects, sealed and opened by one thread: a fresh data key, its wrapping, the header and the body.
fn small(scale: &Scale) -> Result<(), Failure> {
    for size in [256, 1024, 4096, 16_384, 65_536] {
        let envelope = Envelope::new(Wrapping::new()?);
        let (bare, plaintext) = (Bare::new()?, vec![7; size]);
        let count = (256 * 1024 / size).clamp(4, 256);
        let mut objects = vec![Vec::new(); count];
        let mut failed = None;
        let sealing = compare(scale.budget, || {
            let ours = processor_time(|| {
                let seal = |object: &mut Vec<u8>| envelope.seal_into(ASSOCIATED, &plaintext, object);
                if let Err(error) = objects.iter_mut().try_for_each(seal) {
                    failed = Some(error.to_string());
                }
            });
            Turn { ours, limit: bare.seals(size, count) }
        });
        let (mut forged, sealed) = (0, bare.sealed(&plaintext));
        let opening = compare(scale.budget, || {
            let open = |object: &Vec<u8>| usize::from(envelope.open(ASSOCIATED, object).is_err());
            let ours = processor_time(|| forged += objects.iter().map(open).sum::<usize>());
            Turn { ours, limit: bare.opens(&sealed, count) }
        });
        if let Some(error) = failed.or_else(|| (forged > 0).then(|| "an object did not open".into())) {
            return Err(error.into());
        }
        let each = |seconds: f64| seconds / count_f64(count) * 1e9;
        line::print(
            &format!("envelope/small/seal/{size}"),
            each(sealing.seconds),
            "ns",
            Some((sealing.ratio, &BARE)),
        );
        line::print(
            &format!("envelope/small/open/{size}"),
            each(opening.seconds),
            "ns",
            Some((opening.ratio, &BARE_OPEN)),
        );
    }
    Ok(())
}

/// A header wrapped anew, beside unwrapping and wrapping the bare data key.
fn rewraps(scale: &Scale) -> Result<(), Failure> {
    let envelope = Envelope::new(Wrapping::new()?);
    let object = envelope.seal(ASSOCIATED, &[7; 1024])?;
    let mut stream = Vec::new();
    envelope.encrypt_slice(ASSOCIATED, &vec![7; 1024 * 1024], &mut stream, &Options::default())?;
    let stream = InMemory(Mutex::new(stream));
    let data_key = Secret::random()?;
    let wrapped = envelope.key().wrap(&data_key, ASSOCIATED)?;
    let mut refused = 0;
    let bare = || {
        processor_time(|| {
            for _ in 0..256 {
                let key = envelope.key().unwrap(&wrapped, ASSOCIATED);
                drop(key.and_then(|key| envelope.key().wrap(&key, ASSOCIATED)));
            }
        })
    };
    let small = compare(scale.budget, || {
        let rewrap = |_| usize::from(envelope.rewrap(&object).is_err());
        Turn { ours: processor_time(|| refused += (0..256).map(rewrap).sum::<usize>()), limit: bare() }
    });
    let large = compare(scale.budget, || {
        let rewrap = |_| usize::from(envelope.rewrap_stream(&stream).is_err());
        Turn { ours: processor_time(|| refused += (0..256).map(rewrap).sum::<usize>()), limit: bare() }
    });
    if refused > 0 {
        return Err("an object was not rewrapped".into());
    }
    let against = "unwrapping and wrapping the data key";
    for (name, compared) in [("small/rewrap/1024", small), ("stream/rewrap", large)] {
        let nanoseconds = compared.seconds / 256.0 * 1e9;
        line::print(&format!("envelope/{name}"), nanoseconds, "ns", Some((compared.ratio, &against)));
    }
    Ok(())
}

/// Streams in memory by one thread, in processor time.
fn one_core(scale: &Scale) -> Result<(), Failure> {
    let options = Options::default().with_threads(NonZeroUsize::MIN);
    for size in [65_536, 1_048_576] {
        let mut streams = Streams::new(size, options)?;
        let bare = Bare::new()?;
        let sealing = compare(scale.budget, || Turn {
            ours: processor_time(|| streams.encrypt()),
            limit: bare.seals(size, 1),
        });
        let sealed = bare.sealed(&streams.plaintext);
        let opening = compare(scale.budget, || Turn {
            ours: processor_time(|| streams.decrypt()),
            limit: bare.opens(&sealed, 1),
        });
        streams.outcome()?;
        for (name, compared, against) in [("encrypt", sealing, BARE), ("decrypt", opening, BARE_OPEN)] {
            let id = format!("envelope/stream/{name}/{size}/one-core");
            line::print(&id, compared.seconds * 1e6, "µs", Some((compared.ratio, &against)));
        }
    }
    Ok(())
}

/// A stream in memory by all cores, on the wall. Of 1 MiB there is no such row: it is done before a second thread runs, so
/// that it stays on one core.
fn all_cores(scale: &Scale) -> Result<(), Failure> {
    let against = format!("{BARE}, on as many threads");
    let size = 16 * 1_048_576;
    let mut streams = Streams::new(size, Options::default())?;
    let bare = Bare::new()?;
    let cores = cores();
    let mut buffers = vec![vec![7; size / cores]; cores];
    let sealing = compare(scale.budget, || Turn {
        ours: wall_time(|| streams.encrypt()),
        limit: wall_time(|| {
            thread::scope(|scope| {
                for buffer in &mut buffers {
                    scope.spawn(|| bare.seal(buffer));
                }
            });
        }),
    });
    streams.outcome()?;
    let id = format!("envelope/stream/encrypt/{size}");
    line::print(&id, sealing.seconds * 1e6, "µs", Some((sealing.ratio, &against)));
    Ok(())
}

/// A stream of a GiB from memory into a sink, by all cores, beside as many threads of the bare cipher.
fn large(scale: &Scale) -> Result<(), Failure> {
    let against = format!("{BARE}, 64 KiB at a time on every core");
    let (envelope, bare) = (Envelope::new(Wrapping::new()?), Bare::new()?);
    let source = Repeated::new(scale.large);
    let options = Options::default();
    let mut rows = [const { Vec::new() }; 3];
    let mut taken: f64 = 0.0;
    for _ in 0..scale.rounds {
        memory::reset_peak();
        let before = memory::peak_mebibytes().unwrap_or_default();
        let mut outcome = Ok(());
        let (mut wall, mut cpu) = (0.0, 0.0);
        let mut time = |work: &mut dyn FnMut()| {
            cpu = process_time(|| wall = wall_time(work));
        };
        time(&mut || {
            outcome = envelope.encrypt_from(ASSOCIATED, &source, io::sink(), &options).map(drop);
        });
        outcome?;
        taken = taken.max(memory::peak_mebibytes().unwrap_or_default() - before);
        let (ours_wall, ours_cpu) = (wall, cpu);
        cpu = process_time(|| wall = wall_time(|| bare.on_every_core(scale.large)));
        let gibibytes = gibibytes(scale.large);
        rows[0].push((gibibytes / ours_wall, wall / ours_wall));
        rows[1].push((gibibytes / ours_cpu, cpu / ours_cpu));
        let mut outcome = Ok(());
        let from_reader = wall_time(|| {
            let reader = source.reader();
            outcome = envelope.encrypt(ASSOCIATED, reader, io::sink(), &options).map(drop);
        });
        outcome?;
        rows[2].push((gibibytes / from_reader, wall / from_reader));
    }
    for (name, row) in ["all-cores", "processor-time", "all-cores-from-reader"].into_iter().zip(rows) {
        let (mut rates, mut ratios): (Vec<f64>, Vec<f64>) = row.into_iter().unzip();
        let id = format!("envelope/stream/encrypt/{}/{name}", scale.large);
        line::print(&id, median(&mut rates), "GiB/s", Some((median(&mut ratios), &against)));
    }
    line::print(&format!("envelope/stream/encrypt/{}/memory", scale.large), taken, "MiB", None);
    Ok(())
}

/// From file to file, beside a plain copy; both end with a sync.
fn files(scale: &Scale) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let [plain, copy, sealed] = ["plain", "copy", "sealed"].map(|name| directory.path().join(name));
    let source = Repeated::new(scale.large);
    io::copy(&mut source.reader(), &mut File::create(&plain)?)?;
    let envelope = Envelope::new(Wrapping::new()?);
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let mut outcome = Ok(());
        let copying = wall_time(|| outcome = copy_file(&plain, &copy).map_err(Failure::from));
        outcome?;
        let mut outcome = Ok(());
        let encrypting = wall_time(|| outcome = encrypt_file(&envelope, &plain, &sealed));
        outcome?;
        std::fs::remove_file(&copy)?;
        std::fs::remove_file(&sealed)?;
        rates.push(gibibytes(scale.large) / encrypting);
        ratios.push(copying / encrypting);
    }
    let against = "copying the file, with a sync";
    let id = format!("envelope/file/encrypt/{}", scale.large);
    line::print(&id, median(&mut rates), "GiB/s", Some((median(&mut ratios), &against)));
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut block = vec![0; 256 * 1024];
    loop {
        let read = io::Read::read(&mut from, &mut block)?;
        if read == 0 {
            return to.sync_all();
        }
        to.write_all(block.get(..read).unwrap_or_default())?;
    }
}

fn encrypt_file(envelope: &Envelope<Wrapping>, from: &Path, to: &Path) -> Result<(), Failure> {
    let sink =
        envelope.encrypt_from(ASSOCIATED, &File::open(from)?, File::create(to)?, &Options::default())?;
    Ok(sink.sync_all()?)
}

/// Streams of one size, made in memory that is used again.
struct Streams {
    envelope: Envelope<Wrapping>,
    options: Options,
    plaintext: Vec<u8>,
    stream: Vec<u8>,
    opened: Vec<u8>,
    failed: Option<String>,
}

impl Streams {
    fn new(size: usize, options: Options) -> Result<Self, Failure> {
        let envelope = Envelope::new(Wrapping::new()?);
        let (plaintext, stream, opened) = (vec![7; size], Vec::new(), Vec::new());
        Ok(Self { envelope, options, plaintext, stream, opened, failed: None })
    }

    fn encrypt(&mut self) {
        let done = self.envelope.encrypt_slice(ASSOCIATED, &self.plaintext, &mut self.stream, &self.options);
        self.failed = self.failed.take().or(done.err().map(|error| error.to_string()));
    }

    fn decrypt(&mut self) {
        let opened = &mut self.opened;
        let done = self.envelope.decrypt_slice_into(ASSOCIATED, &self.stream, opened, &self.options);
        self.failed = self.failed.take().or(done.err().map(|error| error.to_string()));
    }

    fn outcome(self) -> Result<(), Failure> {
        let failed = self.failed.or_else(|| {
            (!self.opened.is_empty() && self.opened != self.plaintext).then(|| "another plaintext".into())
        });
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// A named key as one in memory would wrap: AES-256-GCM with a nonce that counts.
struct Wrapping {
    key: AeadKey,
    counter: AtomicU64,
}

impl Wrapping {
    fn new() -> Result<Self, Failure> {
        Ok(Self { key: AeadKey::new(&Secret::random()?)?, counter: AtomicU64::new(0) })
    }
}

impl KeyEncryption for Wrapping {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        let mut nonce = [0; 12];
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        nonce.iter_mut().zip(counter.to_be_bytes()).for_each(|(to, from)| *to = from);
        let mut wrapped = vec![0; nonce.len() + 32 + 16];
        let (head, sealed) = wrapped.split_at_mut(nonce.len());
        head.copy_from_slice(&nonce);
        self.key.seal_into(&nonce, context, data_key.expose(), &[], sealed).map_err(failed)?;
        WrappedKey::new("benchmark", 1, wrapped).map_err(failed)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        let (nonce, sealed) = wrapped.bytes().split_first_chunk().ok_or_else(|| failed("short"))?;
        let (sealed, tag) = sealed.split_last_chunk().ok_or_else(|| failed("short"))?;
        Secret::fill_with(|key| {
            self.key.open_into(nonce, context, sealed, tag, key).map_err(|_| SecretFailed(None))
        })
        .map_err(|SecretFailed(error)| {
            error.map_or_else(|| ExternalError::new(ExternalFault::Rejected, "forged"), failed)
        })
    }
}

/// No memory for a key, or a key that does not open.
struct SecretFailed(Option<strongroom_crypto::secret::SecretError>);

impl From<strongroom_crypto::secret::SecretError> for SecretFailed {
    fn from(error: strongroom_crypto::secret::SecretError) -> Self {
        Self(Some(error))
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ExternalError {
    ExternalError::new(ExternalFault::Misbehaved, error)
}

/// The cipher alone, its key scheduled once.
struct Bare(LessSafeKey);

impl Bare {
    fn new() -> Result<Self, Failure> {
        let key = UnboundKey::new(&AES_256_GCM, &[3; 32]).map_err(|_| "no bare cipher")?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// The processor time of sealing so many buffers of one size in place.
    fn seals(&self, size: usize, count: usize) -> f64 {
        let mut buffers = vec![vec![7; size]; count];
        processor_time(|| buffers.iter_mut().for_each(|buffer| self.seal(buffer)))
    }

    /// The processor time of opening so many copies in place.
    fn opens(&self, sealed: &[u8], count: usize) -> f64 {
        let mut buffers = vec![sealed.to_vec(); count];
        processor_time(|| buffers.iter_mut().for_each(|buffer| self.open(buffer)))
    }

    fn sealed(&self, plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = plaintext.to_vec();
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let done = self.0.seal_in_place_append_tag(nonce, Aad::from(ASSOCIATED), &mut sealed);
        if done.is_err() {
            sealed.clear();
        }
        sealed
    }

    fn on_every_core(&self, total: u64) {
        let cores = cores();
        let turns = total / 65_536 / u64::try_from(cores).unwrap_or(1);
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    let mut buffer = vec![7; 65_536];
                    (0..turns).for_each(|_| self.seal(&mut buffer));
                });
            }
        });
    }

    fn seal(&self, buffer: &mut [u8]) {
        // Nothing that is sealed here is kept, so the nonce need not change.
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(ASSOCIATED), buffer);
        std::hint::black_box(tag.is_ok());
    }

    fn open(&self, buffer: &mut [u8]) {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let opened = self.0.open_in_place(nonce, Aad::from(ASSOCIATED), buffer);
        assert!(opened.is_ok(), "the bare cipher opens what it sealed");
    }
}

/// A mebibyte that is repeated up to some length, so that a stream of a GiB takes no GiB.
struct Repeated {
    /// Twice, so that any part of it up to that length lies in one piece.
    block: Vec<u8>,
    len: u64,
}

impl Repeated {
    fn new(len: u64) -> Self {
        Self { block: vec![7; 2 * BLOCK], len }
    }

    fn within(offset: u64) -> io::Result<usize> {
        usize::try_from(offset).map(|offset| offset % BLOCK).map_err(io::Error::other)
    }

    fn reader(&self) -> impl io::Read + Send {
        Cursor { source: self, at: 0 }
    }
}

impl ReadAt for Repeated {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let part = self.block.get(Self::within(offset)?..).unwrap_or_default();
        let len = part.len().min(rest).min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), part.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn lend(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let end = offset.checked_add(u64::try_from(len).ok()?)?;
        self.block.get(Self::within(offset).ok()?..)?.get(..len).filter(|_| end <= self.len)
    }
}

struct Cursor<'s> {
    source: &'s Repeated,
    at: u64,
}

impl io::Read for Cursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(buffer, self.at)?;
        self.at += u64::try_from(read).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// A stream whose header is rewritten in memory.
struct InMemory(Mutex<Vec<u8>>);

impl ReadAt for InMemory {
    fn size(&self) -> io::Result<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read_at(buffer, offset)
    }
}

impl Area for InMemory {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        let place = stream.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len()));
        place.ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn count_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from)
}

fn gibibytes(bytes: u64) -> f64 {
    u32::try_from(bytes / (1024 * 1024)).map_or(f64::NAN, f64::from) / 1024.0
}

/// What [`Repeated`] repeats.
const BLOCK: usize = 1 << 20;
const ASSOCIATED: &[u8] = b"what the object is, and where";
const BARE: &str = "aws-lc-rs AES-256-GCM in place";
const BARE_OPEN: &str = "aws-lc-rs AES-256-GCM opening in place";
