//! Measures everything once and prints it for `cargo xtask bench`.
//!
//! `--smoke`: as briefly as it goes. `--envelope`: envelopes alone. `--transit`: the named keys alone. `--unsealed`: the start of
//! a process to an open store alone. It starts itself anew for stores that others open or that are killed.

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use strongroom::{MemoryStorage, Storage};
use strongroom_benches::record::{self, Records};
use strongroom_benches::transit::{self, Form, Messages, signatures};
use strongroom_benches::turns::{Compared, Turn, compare, median, processor_time, time, wall_time};
use strongroom_benches::unsealed::{self, Stores, With};
use strongroom_benches::{envelope, line, memory, shamir, storage, store};
use strongroom_transit::Transit;
use strongroom_transit::algorithm::KeyType;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    let scale = if smoke { Scale::SMOKE } else { Scale::FULL };
    let outcome = match arguments.as_slice() {
        [command, directory, count] if command == "--fill-and-wait" => fill_and_wait(directory, count),
        [command, directory, how] if command == unsealed::UNSEAL_AND_TELL => {
            unsealed::unseal_and_tell(directory.as_ref(), how)
        }
        _ if arguments.iter().any(|argument| argument == "--unsealed") => start_to_unsealed(&scale),
        _ if arguments.iter().any(|argument| argument == "--envelope") => envelope::measure(&scale.envelope),
        _ if arguments.iter().any(|argument| argument == "--transit") => named_keys(&scale),
        _ => measure(&scale),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the end of a program")]
            {
                eprintln!("measure: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

struct Scale {
    cpu: Duration,
    disk: Duration,
    rounds: usize,
    records: u64,
    rewrapped: u64,
    envelope: envelope::Scale,
}

impl Scale {
    const FULL: Self = Self {
        cpu: Duration::from_millis(1500),
        disk: Duration::from_secs(3),
        rounds: 5,
        records: 1_000_000,
        rewrapped: 1_000_000,
        envelope: envelope::Scale { budget: Duration::from_millis(1500), large: 1 << 30, rounds: 5 },
    };
    const SMOKE: Self = Self {
        cpu: Duration::from_millis(5),
        disk: Duration::from_millis(100),
        rounds: 1,
        records: 2_000,
        rewrapped: 2_000,
        envelope: envelope::Scale { budget: Duration::from_millis(5), large: 4 << 20, rounds: 1 },
    };
}

fn measure(scale: &Scale) -> Result<(), Failure> {
    records(scale)?;
    envelope::measure(&scale.envelope)?;
    named_keys(scale)?;
    sharing(scale)?;
    durable_puts(scale)?;
    reading(scale)?;
    start_to_unsealed(scale)?;
    million(scale)
}

fn records(scale: &Scale) -> Result<(), Failure> {
    for size in record::SIZES {
        let mut records = Records::new(size).map_err(|error| error.to_string())?;
        let count = f64::from(u32::try_from(records.count())?);
        let mut opening = Vec::new();
        let mut failed = None;
        let sealing = compare(scale.cpu, || match records.turn() {
            Ok((seal, open)) => {
                opening.push(open);
                seal
            }
            Err(error) => {
                failed = Some(error.to_string());
                Turn { ours: 1.0, limit: 0.0 }
            }
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let mut times: Vec<f64> = opening.iter().map(|turn| turn.ours).collect();
        let mut ratios: Vec<f64> = opening.iter().map(|turn| turn.limit / turn.ours).collect();
        let bare = "aws-lc-rs AES-256-GCM in place";
        let nanoseconds = |seconds: f64| seconds / count * 1e9;
        line::print(
            &format!("record/seal/{size}"),
            nanoseconds(sealing.seconds),
            "ns",
            Some((sealing.ratio, &bare)),
        );
        line::print(
            &format!("record/open/{size}"),
            nanoseconds(median(&mut times)),
            "ns",
            Some((median(&mut ratios), &bare)),
        );
    }
    Ok(())
}

/// Named keys: what a handle does beside the cipher.
fn named_keys(scale: &Scale) -> Result<(), Failure> {
    let keys = transit::keys()?;
    let bare = "aws-lc-rs AES-256-GCM in place";
    for size in transit::SIZES {
        let mut messages = Messages::new(&keys, size)?;
        let count = f64::from(u32::try_from(messages.count())?);
        // Texts have no target: base64 is a second pass.
        let on_bytes = match size {
            ..256 => format!("{bare}; wanted: 0.55"),
            256..1024 => bare.to_owned(),
            1024.. => format!("{bare}; wanted: 0.80"),
        };
        let row = |name: &str, compared: Compared, against: &str| {
            let id = format!("transit/{name}/{size}");
            line::print(&id, compared.seconds / count * 1e9, "ns", Some((compared.ratio, &against)));
        };
        row("encrypt", compared(scale, || messages.encrypt(Form::Bytes))?, &on_bytes);
        row("encrypt-into", compared(scale, || messages.encrypt(Form::Into))?, &on_bytes);
        row("encrypt-text", compared(scale, || messages.encrypt(Form::Text))?, bare);
        row("decrypt", compared(scale, || messages.decrypt(Form::Bytes))?, &on_bytes);
        row("decrypt-text", compared(scale, || messages.decrypt(Form::Text))?, bare);
    }
    let key = transit::key(&keys, KeyType::Aes256Gcm96)?;
    let bare_key = transit::bare()?;
    for items in transit::BATCHES {
        let per_item = 1e9 / f64::from(u32::try_from((1000 / items).max(1) * items)?);
        let batch = compared(scale, || transit::batch(&key, &bare_key, items))?;
        let row = |name: &str, batch: Compared| {
            let id = format!("transit/{name}/{items}");
            line::print(&id, batch.seconds * per_item, "ns", Some((batch.ratio, &bare)));
        };
        row("encrypt-batch", batch);
        row("decrypt-batch", compared(scale, || transit::batch_of_ciphertexts(&key, &bare_key, items))?);
    }
    for size in [64, 1024] {
        let mut runs = Vec::new();
        for _ in 0..scale.rounds * 3 {
            runs.push(transit::scaling(&key, size, scale.rounds * 40_000)?);
        }
        let limit = "the scaling of the bare cipher; wanted: 0.95";
        for (at, name) in ["scaling", "scaling-processor-time"].into_iter().enumerate() {
            let chosen = runs.iter().filter_map(|run| run.get(at));
            let mut times: Vec<f64> = chosen.clone().map(|scaling| scaling.ours).collect();
            let mut ratios: Vec<f64> = chosen.map(|scaling| scaling.ours / scaling.limit).collect();
            let against = Some((median(&mut ratios), &limit as &dyn std::fmt::Display));
            line::print(&format!("transit/{name}/{size}"), median(&mut times), "times", against);
        }
    }
    signatures(scale, &keys)
}

/// Signatures, MACs and encapsulation: what a handle does beside the library.
fn signatures(scale: &Scale, keys: &Transit) -> Result<(), Failure> {
    for scheme in signatures::schemes() {
        let key = transit::key(keys, scheme.key_type)?;
        let bare = signatures::Bare::generate(scheme)?;
        pair(scale, ["sign", "verify"], scheme.name, || signatures::sign(&key, &bare, scheme))?;
    }
    for key_type in signatures::ENCAPSULATING {
        let key = transit::key(keys, key_type)?;
        let bare = signatures::BareKem::generate(key_type)?;
        let names = ["encapsulate", "decapsulate"];
        pair(scale, names, key_type.name(), || signatures::encapsulate(&key, &bare))?;
    }
    let key = transit::key(keys, KeyType::Hmac)?;
    let bare = signatures::bare_mac();
    pair(scale, ["hmac", "verify-hmac"], "sha2-256", || signatures::mac(&key, &bare))
}

/// Two rows that one turn measures.
fn pair(
    scale: &Scale,
    names: [&str; 2],
    whose: &str,
    mut turn: impl FnMut() -> Result<(Turn, Turn), Failure>,
) -> Result<(), Failure> {
    let mut second = Vec::new();
    let first = compared(scale, || {
        let (one, other) = turn()?;
        second.push(other);
        Ok(one)
    })?;
    let mut times: Vec<f64> = second.iter().map(|turn| turn.ours).collect();
    let mut ratios: Vec<f64> = second.iter().map(|turn| turn.limit / turn.ours).collect();
    let second = Compared { seconds: median(&mut times), ratio: median(&mut ratios) };
    for (name, compared) in names.into_iter().zip([first, second]) {
        let microseconds = compared.seconds / f64::from(signatures::ROUNDS) * 1e6;
        let id = format!("transit/{name}/{whose}");
        line::print(&id, microseconds, "µs", Some((compared.ratio, &LIBRARY)));
    }
    Ok(())
}

/// As [`compare`], for turns that may fail.
fn compared(scale: &Scale, mut turn: impl FnMut() -> Result<Turn, Failure>) -> Result<Compared, Failure> {
    let mut failed = None;
    let compared = compare(scale.cpu, || match turn() {
        Ok(turn) => turn,
        Err(error) => {
            failed = Some(error);
            Turn { ours: 1.0, limit: 0.0 }
        }
    });
    failed.map_or(Ok(compared), Err)
}

fn sharing(scale: &Scale) -> Result<(), Failure> {
    let error = |error: Box<dyn std::error::Error>| error.to_string();
    for (threshold, shares) in shamir::POLICIES {
        let ours = shamir::ours_split(threshold, shares).map_err(error)?;
        let peers = shamir::peer_split(threshold, shares).map_err(error)?;
        let split = compare(scale.cpu, || Turn {
            ours: processor_time(|| drop(shamir::ours_split(threshold, shares))),
            limit: processor_time(|| drop(shamir::peer_split(threshold, shares))),
        });
        let combine = compare(scale.cpu, || Turn {
            ours: processor_time(|| drop(shamir::ours_combine(threshold, &ours))),
            limit: processor_time(|| drop(shamir::peer_combine(threshold, &peers))),
        });
        let peer = "vsss-rs 6";
        let policy = format!("{threshold}-of-{shares}");
        line::print(&format!("shamir/split/{policy}"), split.seconds * 1e6, "µs", Some((split.ratio, &peer)));
        line::print(
            &format!("shamir/combine/{policy}"),
            combine.seconds * 1e6,
            "µs",
            Some((combine.ratio, &peer)),
        );
    }
    Ok(())
}

/// At the level of storage, and at that of the barrier, which seals each value, its name and a head in addition.
fn durable_puts(scale: &Scale) -> Result<(), Failure> {
    let limit = "append + fdatasync by one committer";
    for writers in [1, 16] {
        let (mut raw, mut below, mut above) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..scale.rounds {
            let directory = tempfile::tempdir()?;
            raw.push(storage::appends(directory.path(), writers, scale.disk)?);
            let disk = store::disk(&directory.path().join("storage"))?;
            below.push(storage::puts(&disk, writers, scale.disk)?);
            drop(disk);
            let (opened, _) = store::create(store::disk(&directory.path().join("store"))?)?;
            let next = std::sync::atomic::AtomicU64::new(0);
            above.push(storage::rate(writers, scale.disk, || {
                let (barrier, next) = (opened.barrier().clone(), &next);
                move || {
                    let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    pollster::block_on(barrier.put(store::path(n)?, store::value(n)))?;
                    Ok(())
                }
            })?);
        }
        let plural = if writers == 1 { "1-writer".to_owned() } else { format!("{writers}-writers") };
        for (name, rates) in [("storage", below), ("store", above)] {
            let mut ratios: Vec<f64> = rates.iter().zip(&raw).map(|(ours, raw)| ours / raw).collect();
            let id = format!("{name}/put/{plural}");
            line::print(&id, median(&mut rates.clone()), "puts/s", Some((median(&mut ratios), &limit)));
        }
    }
    Ok(())
}

fn reading(scale: &Scale) -> Result<(), Failure> {
    let memory: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let (opened, shares) = store::create(Arc::clone(&memory))?;
    store::fill(&opened, 2000)?;
    let barrier = opened.barrier();
    let wanted = store::path(1500)?;
    let get = time(scale.cpu, || processor_time(|| drop(pollster::block_on(barrier.get(&wanted)))));
    line::print("store/get/1024", get * 1e6, "µs", None);
    let directory = "tenant-1".parse()?;
    let mut failed = None;
    let mut n = 0;
    let list = time(scale.cpu, || {
        // Each commit ends what is kept of listings, so that every turn scans, opens and sorts.
        n += 1;
        if let Err(error) =
            store::path(n % 1000).and_then(|path| Ok(pollster::block_on(barrier.put(path, store::value(n)))?))
        {
            failed = Some(error);
        }
        processor_time(|| drop(pollster::block_on(barrier.list(&directory, None, 1000))))
    });
    if let Some(error) = failed {
        return Err(error);
    }
    line::print("store/list/1000", list * 1e6, "µs", None);
    drop(opened);
    let unseal = time(scale.cpu, || wall_time(|| drop(store::unseal(Arc::clone(&memory), &shares))));
    line::print("store/unseal", unseal * 1e3, "ms", None);
    Ok(())
}

/// Turn by turn, so that both meet the same machine.
fn start_to_unsealed(scale: &Scale) -> Result<(), Failure> {
    let stores = Stores::new()?;
    let (mut with_hsm, mut with_shares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds * 4 {
        let (hsm, shares) = (stores.start(With::Hsm)?, stores.start(With::Shares)?);
        with_hsm.push(hsm * 1e3);
        with_shares.push(shares * 1e3);
        ratios.push(shares / hsm);
    }
    let limit = "the same with three shares on standard input";
    let against = Some((median(&mut ratios), &limit as &dyn std::fmt::Display));
    line::print("hsm/start-to-unsealed", median(&mut with_hsm), "ms", against);
    line::print("store/start-to-unsealed", median(&mut with_shares), "ms", None);
    Ok(())
}

/// A store of many records of 1 KiB: opened after a kill and after a clean end, and rewrapped.
fn million(scale: &Scale) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let at = directory.path().join("store");
    let (at_text, count) = (at.to_str().ok_or("a strange temporary directory")?, scale.records);
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--fill-and-wait", at_text, &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut shares = Vec::new();
    let output = child.stdout.take().ok_or("no output")?;
    for share in std::io::BufRead::lines(std::io::BufReader::new(output)).take(3) {
        shares.push(share?.into());
    }
    // Still writing when it dies, as a server would be.
    child.kill()?;
    child.wait()?;
    if shares.len() < 3 {
        return Err("the child that fills the store has failed".into());
    }
    let mut opened = None;
    let mut open = || {
        opened = None;
        let mut outcome = Err("not opened".into());
        let seconds = wall_time(|| outcome = store::disk(&at).and_then(|disk| store::unseal(disk, &shares)));
        opened = Some(outcome?);
        Ok::<f64, Failure>(seconds * 1e3)
    };
    let killed = open()?;
    let clean = open()?;
    line::print(&format!("store/open/{count}"), clean, "ms", None);
    line::print(&format!("store/open-after-kill/{count}"), killed, "ms", None);
    let opened = opened.ok_or("not opened")?;
    memory::reset_peak();
    let before = memory::peak_mebibytes().unwrap_or_default();
    let (entries, seconds) = store::rewrap(&opened)?;
    let taken = memory::peak_mebibytes().unwrap_or_default() - before;
    drop(opened);
    let entries = f64::from(u32::try_from(entries)?);
    let rate = entries / seconds;
    let limit = batched_puts(u32::try_from(scale.rewrapped)?)?;
    let against = "storage alone overwriting as many records in order, in batches of 512";
    line::print(&format!("rewrap/{count}"), rate, "records/s", Some((rate / limit, &against)));
    line::print(&format!("rewrap/{count}/memory"), taken, "MiB", None);
    Ok(())
}

/// Records per second when storage alone overwrites as many records in batches of 512, in the order of their keys, as a
/// rewrap does.
fn batched_puts(count: u32) -> Result<f64, Failure> {
    const BATCH: usize = 512;
    let directory = tempfile::tempdir()?;
    let disk = store::disk(&directory.path().join("storage"))?;
    let keys: Vec<u32> = (0..count).collect();
    let put = || -> Result<(), Failure> {
        for keys in keys.chunks(BATCH) {
            let mut batch = strongroom_storage::Batch::new();
            for key in keys {
                batch.put([key.to_be_bytes(); 16].concat(), vec![1; store::VALUE + 62]);
            }
            pollster::block_on(disk.commit(batch))?;
        }
        Ok(())
    };
    put()?;
    let mut outcome = Ok(());
    let seconds = wall_time(|| outcome = put());
    outcome?;
    Ok(f64::from(count) / seconds)
}

/// Fills a store, prints three shares, and goes on writing until it is killed.
#[expect(
    clippy::print_stdout,
    reason = "the shares of a store that lives for a minute, for the parent process"
)]
fn fill_and_wait(directory: &str, count: &str) -> Result<(), Failure> {
    let (opened, shares) = store::create(store::disk(directory.as_ref())?)?;
    store::fill(&opened, count.parse()?)?;
    for share in shares.iter().take(3) {
        println!("{}", **share);
    }
    let mut n = 0;
    loop {
        pollster::block_on(opened.barrier().put(store::path(n)?, store::value(n)))?;
        n = (n + 7919) % count.parse::<u64>()?;
    }
}

const LIBRARY: &str = "aws-lc-rs";
