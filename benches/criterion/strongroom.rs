//! The same work as `measure` does, for whoever changes one piece and wants to see it: `cargo bench -- record/seal`.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop")]
#![allow(missing_docs, reason = "criterion's macros make an undocumented function")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use strongroom::{MemoryStorage, Storage};
use strongroom_benches::record::{Records, SIZES};
use strongroom_benches::{shamir, storage, store};

fn records(criterion: &mut Criterion) {
    for size in SIZES {
        let mut records = Records::new(size).unwrap();
        let bytes = u64::try_from(size * records.count()).unwrap();
        let mut group = criterion.benchmark_group("record");
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(format!("seal/{size}"), |bencher| {
            bencher.iter_custom(|turns| {
                (0..turns)
                    .map(|_| {
                        records.fill();
                        let started = std::time::Instant::now();
                        records.seal().unwrap();
                        started.elapsed()
                    })
                    .sum()
            });
        });
        records.fill();
        records.seal().unwrap();
        group.bench_function(format!("open/{size}"), |bencher| bencher.iter(|| records.open().unwrap()));
        group.finish();
    }
}

fn sharing(criterion: &mut Criterion) {
    for (threshold, shares) in shamir::POLICIES {
        let mut group = criterion.benchmark_group("shamir");
        group.bench_function(format!("split/{threshold}-of-{shares}"), |bencher| {
            bencher.iter(|| black_box(shamir::ours_split(threshold, shares).unwrap()));
        });
        let dealt = shamir::ours_split(threshold, shares).unwrap();
        group.bench_function(format!("combine/{threshold}-of-{shares}"), |bencher| {
            bencher.iter(|| shamir::ours_combine(threshold, &dealt).unwrap());
        });
        group.finish();
    }
}

fn durable_puts(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let disk = store::disk(&directory.path().join("storage")).unwrap();
    let mut group = criterion.benchmark_group("storage");
    group.sample_size(10);
    for writers in [1, 16] {
        group.bench_function(format!("put/{writers}"), |bencher| {
            bencher.iter_custom(|turns| {
                let rate = storage::puts(&disk, writers, Duration::from_millis(100)).unwrap();
                Duration::from_secs_f64(f64::from(u32::try_from(turns).unwrap()) / rate)
            });
        });
    }
    group.finish();
}

fn stores(criterion: &mut Criterion) {
    let memory: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let (opened, shares) = store::create(Arc::clone(&memory)).unwrap();
    store::fill(&opened, 2000).unwrap();
    let mut group = criterion.benchmark_group("store");
    group.sample_size(10);
    let wanted = store::path(1500).unwrap();
    group.bench_function("get/1024", |bencher| {
        bencher.iter(|| drop(pollster::block_on(opened.barrier().get(&wanted))));
    });
    let directory = "tenant-1".parse().unwrap();
    group.bench_function("list/1000", |bencher| {
        bencher.iter_batched(
            || pollster::block_on(opened.barrier().put(store::path(1).unwrap(), store::value(1))).unwrap(),
            |_| drop(pollster::block_on(opened.barrier().list(&directory, None, 1000))),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("rewrap/2000", |bencher| bencher.iter(|| store::rewrap(&opened).unwrap()));
    drop(opened);
    group.bench_function("unseal", |bencher| {
        bencher.iter(|| store::unseal(Arc::clone(&memory), &shares).unwrap());
    });
    group.finish();
}

criterion_group!(groups, records, sharing, durable_puts, stores);
criterion_main!(groups);
