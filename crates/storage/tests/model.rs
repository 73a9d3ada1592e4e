//! Whatever is done, a storage agrees with a map.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

use pollster::block_on;
use proptest::prelude::*;
use strongroom_storage::simulation::SimulatedDisk;
use strongroom_storage::{
    Batch, CheckpointMode, CommitError, DiskStorage, MemoryStorage, Options, Snapshot, Storage, Value,
};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// A batch that requires a key to have a value; whether it has is up to the model.
    Swap {
        key: Vec<u8>,
        expected: Option<Vec<u8>>,
        new: Vec<u8>,
    },
    Get(Vec<u8>),
    Scan {
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    },
    Snapshot,
    Close,
    Kill,
    Crash(u64),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // Few letters, so that keys meet, and the greatest byte among them.
    prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xff]), 1..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..8),
        2 => (any::<u8>(), 500..3000_usize).prop_map(|(byte, length)| vec![byte; length]),
        1 => any::<u8>().prop_map(|byte| vec![byte; 30_000]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec((key(), prop::option::of(value())), 0..4).prop_map(Step::Commit),
        3 => (key(), prop::option::of(prop::collection::vec(any::<u8>(), 0..2)), prop::collection::vec(any::<u8>(), 0..2))
            .prop_map(|(key, expected, new)| Step::Swap { key, expected, new }),
        3 => key().prop_map(Step::Get),
        4 => (prop::collection::vec(prop::sample::select(vec![0, b'a', 0xff]), 0..3), prop::option::of(key()), 0..9_usize)
            .prop_map(|(prefix, after, limit)| Step::Scan { prefix, after, limit }),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_agrees_with_a_map(steps in prop::collection::vec(step(), 1..60)) {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        run(&steps, Arc::clone(&storage), |_, storage| storage);
    }

    #[test]
    fn redb_agrees_with_a_map(steps in prop::collection::vec(step(), 1..60), inline in any::<bool>()) {
        let checkpoint = if inline { CheckpointMode::Inline } else { CheckpointMode::Background };
        let options = Options { segment_size: 8 * 1024, checkpoint, ..Options::default() };
        let mut disk = SimulatedDisk::new();
        let storage = Arc::new(DiskStorage::create_on(&disk, &options).unwrap());
        run(&steps, storage, |step, storage| {
            match step {
                Step::Kill => disk = disk.after_kill(),
                Step::Crash(seed) => disk = disk.after_crash(*seed),
                _ => {}
            }
            drop(storage);
            Arc::new(DiskStorage::open_on(&disk, &options).unwrap())
        });
    }
}

fn run(
    steps: &[Step],
    mut storage: Arc<dyn Storage>,
    mut reopen: impl FnMut(&Step, Arc<dyn Storage>) -> Arc<dyn Storage>,
) {
    let mut model = Model::new();
    let mut snapshot: Option<(Model, Arc<dyn Snapshot>)> = None;
    for step in steps {
        match step {
            Step::Commit(changes) => {
                let mut batch = Batch::new();
                for (key, value) in changes {
                    if let Some(value) = value {
                        batch.put(key.clone(), value.clone());
                        model.insert(key.clone(), value.clone());
                    } else {
                        batch.delete(key.clone());
                        model.remove(key);
                    }
                }
                block_on(storage.commit(batch)).unwrap();
            }
            Step::Swap { key, expected, new } => {
                let mut batch = Batch::new();
                batch
                    .require_equal(key.clone(), expected.as_deref().map(Value::from))
                    .put(key.clone(), new.clone());
                match block_on(storage.commit(batch)) {
                    Ok(()) => {
                        assert_eq!(model.get(key), expected.as_ref());
                        model.insert(key.clone(), new.clone());
                    }
                    Err(CommitError::Conflict { .. }) => assert_ne!(model.get(key), expected.as_ref()),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Get(key) => {
                let found = block_on(storage.get(key)).unwrap();
                assert_eq!(found.as_deref(), model.get(key).map(Vec::as_slice));
            }
            Step::Scan { prefix, after, limit } => {
                let found = block_on(storage.scan(prefix, after.as_deref(), *limit)).unwrap();
                assert_eq!(found, scan(&model, prefix, after.as_deref(), *limit));
                if let Some((model, snapshot)) = &snapshot {
                    let found = block_on(snapshot.scan(prefix, after.as_deref(), *limit)).unwrap();
                    assert_eq!(found, scan(model, prefix, after.as_deref(), *limit));
                }
            }
            Step::Snapshot => snapshot = Some((model.clone(), block_on(storage.snapshot()).unwrap())),
            Step::Close | Step::Kill | Step::Crash(_) => {
                if let Some((model, snapshot)) = snapshot.take() {
                    for (key, value) in &model {
                        assert_eq!(block_on(snapshot.get(key)).unwrap().as_deref(), Some(value.as_slice()));
                    }
                }
                storage = reopen(step, storage);
            }
        }
    }
    assert_eq!(
        block_on(storage.scan(b"", None, usize::MAX)).unwrap(),
        model.keys().cloned().collect::<Vec<_>>()
    );
    for (key, value) in &model {
        assert_eq!(block_on(storage.get(key)).unwrap().as_deref(), Some(value.as_slice()));
    }
}

fn scan(model: &Model, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
    let wanted = |key: &&Vec<u8>| key.starts_with(prefix) && after.is_none_or(|after| key.as_slice() > after);
    model.keys().filter(wanted).take(limit).cloned().collect()
}
